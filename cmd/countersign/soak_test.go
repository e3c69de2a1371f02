package main

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 4*time.Second, "how long the server is soaked in events")

// TestSoak keeps the real program busy and looks at what stays: memory,
// goroutines and children must not grow with the events.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	w := newCrashWorld(t)
	rnd := rand.New(rand.NewPCG(*crashSeed, 1))
	events := 0
	until := func(end time.Time) {
		for time.Now().Before(end) {
			what := w.act(rnd)
			w.awaitRest(what)
			events++
		}
	}
	began := time.Now()
	until(began.Add(*soak / 4)) // children, caches and connections are there now
	before := w.stands()
	until(began.Add(*soak))
	after := w.stands()
	t.Logf("%d events: %+v, then %+v", events, before, after)
	if after.heap > 2*before.heap+32<<20 {
		t.Errorf("the live heap grew from %d to %d MiB", before.heap>>20, after.heap>>20)
	}
	if after.goroutines > before.goroutines+20 {
		t.Errorf("goroutines grew from %d to %d", before.goroutines, after.goroutines)
	}
	if after.children > before.children+4 {
		t.Errorf("children grew from %d to %d", before.children, after.children)
	}
	w.stop()
}

// standing is what a server takes.
type standing struct{ heap, goroutines, children int }

func (w *crashWorld) stands() standing {
	w.t.Helper()
	// Reading the heap's profile collects what is garbage first.
	w.metrics("/debug/pprof/heap?gc=1", func(string, float64) {})
	var s standing
	w.metrics("/metrics", func(name string, value float64) {
		switch name {
		case "go_memstats_heap_alloc_bytes":
			s.heap = int(value)
		case "go_goroutines":
			s.goroutines = int(value)
		}
	})
	if s.heap == 0 || s.goroutines == 0 {
		w.t.Fatalf("the metrics do not tell: %+v", s)
	}
	w.mu.Lock()
	parent := strconv.Itoa(w.process.Pid)
	w.mu.Unlock()
	statuses, err := filepath.Glob("/proc/[0-9]*/stat")
	w.check(err)
	for _, file := range statuses {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == parent {
			s.children++
		}
	}
	return s
}

// metrics reads a page of the operations listener line by line.
func (w *crashWorld) metrics(path string, line func(name string, value float64)) {
	w.t.Helper()
	answer, err := http.Get("http://" + w.operations + path)
	w.check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", path, answer.Status)
	}
	for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
		name, number, ok := strings.Cut(scanner.Text(), " ")
		if value, err := strconv.ParseFloat(number, 64); ok && err == nil {
			line(name, value)
		}
	}
}
