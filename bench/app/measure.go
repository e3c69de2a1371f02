package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// deadline ends a measurement of which nothing comes.
const deadline = 2 * time.Minute

// percentile is the p-th of durations.
func percentile(all []time.Duration, p int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, len(all)*p/100)]
}

func shown(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }

// spent counts what the App asked of GitHub: all requests, and those that the
// budget pays for (an answer of 304 is free).
type spent struct{ all, paid int }

func (s *stage) spent() spent { return spent{len(s.github.Requests()), s.github.Count("")} }

func (s spent) since(before spent) spent { return spent{s.all - before.all, s.paid - before.paid} }

// push pushes other machines for the first cluster: one overlay changes.
func (s *stage) push(i int) error {
	parent := s.repository.Branch("change")
	if parent == "" {
		parent = s.repository.Branch("main")
	}
	sha, err := s.repository.Commit(githubtest.Commit{Parents: []string{parent}, Author: "alice",
		Message: strconv.Itoa(i), Tree: s.sizes[i%len(s.sizes)]})
	if err != nil {
		return err
	}
	return s.repository.Push("alice", "change", sha)
}

// first opens the pull request: the fleet is new to the App.
func (s *stage) first(ctx context.Context, _ options) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := s.push(0); err != nil {
		return nil, err
	}
	began, before := time.Now(), s.spent()
	var err error
	if s.number, err = s.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change"}); err != nil {
		return nil, err
	}
	if err := s.awaitWrite(ctx); err != nil {
		return nil, fmt.Errorf("the first check: %w", err)
	}
	took := time.Since(began)
	if err := s.quiet(ctx); err != nil {
		return nil, err
	}
	cost := s.spent().since(before)
	return []line{{what: "the first pull request of a fleet, to its check",
		got: fmt.Sprintf("%s, %d requests (%d paid)", shown(took), cost.all, cost.paid)}}, nil
}

// reviews measures from a person's click to the published verdict.
func (s *stage) reviews(ctx context.Context, o options) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rendered, err := s.metric(ctx, "countersign_render_seconds_count")
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	var most, cold spent
	for i := range o.reviews {
		// Two people approve and ask for changes by turns: each changes the verdict's words.
		state := []string{"approved", "changes_requested"}[i/2%2]
		began, before := time.Now(), s.spent()
		review := githubtest.Review{Login: []string{"bob", "carol"}[i%2], State: state}
		if _, err := s.repository.Review(s.number, review); err != nil {
			return nil, err
		}
		if err := s.awaitWrite(ctx); err != nil {
			return nil, fmt.Errorf("review %d: %w", i, err)
		}
		took = append(took, time.Since(began))
		if err := s.quiet(ctx); err != nil {
			return nil, err
		}
		cost := s.spent().since(before)
		if i < 2 {
			cold = spent{max(cold.all, cost.all), max(cold.paid, cost.paid)}
			continue
		}
		most = spent{max(most.all, cost.all), max(most.paid, cost.paid)}
	}
	after, err := s.metric(ctx, "countersign_render_seconds_count")
	p95 := percentile(took, 95)
	return []line{
		{"a review to its published verdict, p95", "≤ 300 ms", shown(p95), p95 <= 300*time.Millisecond},
		{"… renders", "0", fmt.Sprint(after - rendered), after == rendered},
		{"… paid requests, caches warm", "≤ 4", fmt.Sprintf("%d (%d with 304s)", most.paid, most.all), most.paid <= 4},
		{"… paid requests, caches cold", "≤ 9", fmt.Sprintf("%d (%d with 304s)", cold.paid, cold.all), cold.paid <= 9},
	}, err
}

// pushes measures from a push that touches one overlay to the check.
func (s *stage) pushes(ctx context.Context, o options) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var took []time.Duration
	var most spent
	for i := range o.pushes {
		began, before := time.Now(), s.spent()
		if err := s.push(i + 1); err != nil {
			return nil, err
		}
		if err := s.awaitWrite(ctx); err != nil {
			return nil, fmt.Errorf("push %d: %w", i, err)
		}
		took = append(took, time.Since(began))
		if err := s.quiet(ctx); err != nil {
			return nil, err
		}
		cost := s.spent().since(before)
		most = spent{max(most.all, cost.all), max(most.paid, cost.paid)}
	}
	p95 := percentile(took, 95)
	return []line{
		{"a push touching one overlay to its check, p95", "≤ 2 s", shown(p95), p95 <= 2*time.Second},
		{"… paid requests", "≤ 9", fmt.Sprintf("%d (%d with 304s)", most.paid, most.all), most.paid <= 9},
	}, nil
}

// burst sends many events on one pull request at once.
func (s *stage) burst(ctx context.Context, o options) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	before, err := s.metric(ctx, "countersign_reviews_total")
	if err != nil {
		return nil, err
	}
	events := make(chan int)
	var sending sync.WaitGroup
	var failed sync.Map
	for range 32 {
		sending.Go(func() {
			for i := range events {
				if _, err := s.deliver(ctx, "burst", i); err != nil {
					failed.Store(i, err)
				}
			}
		})
	}
	for i := range o.burst {
		events <- i
	}
	close(events)
	sending.Wait()
	for _, err := range failed.Range {
		return nil, err.(error) // only errors are stored
	}
	if err := s.quiet(ctx); err != nil {
		return nil, err
	}
	after, err := s.metric(ctx, "countersign_reviews_total")
	return []line{{fmt.Sprintf("%d events on one pull request: reviews", o.burst), "a handful",
		fmt.Sprint(after - before), after > before && after-before <= 10}}, err
}

// acknowledge sends deliveries at a rate and measures the answers.
func (s *stage) acknowledge(ctx context.Context, o options) ([]line, error) {
	total := int(o.acknowledge.Seconds()) * o.rate
	took, errs := make([]time.Duration, total), make([]error, total)
	ticks := time.NewTicker(time.Second / time.Duration(o.rate))
	defer ticks.Stop()
	var sending sync.WaitGroup
	for i := range total {
		<-ticks.C
		sending.Go(func() { took[i], errs[i] = s.deliver(ctx, "acknowledge", i) })
	}
	sending.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	p99 := percentile(took, 99)
	return []line{{fmt.Sprintf("a delivery acknowledged, %d a second, p99", o.rate), "≤ 100 ms", shown(p99),
		p99 <= 100*time.Millisecond}}, s.quiet(ctx)
}

// deliver posts a signed event on the pull request and returns how long the
// answer took.
func (s *stage) deliver(ctx context.Context, run string, i int) (time.Duration, error) {
	body := fmt.Appendf(nil, `{"action":"assigned","installation":{"id":%d},"repository":{"id":%d},`+
		`"pull_request":{"number":%d},"number":%d,"sender":{"id":101}}`,
		s.installation.ID, s.repository.ID(), s.number, s.number)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.server.URL()+"/webhook", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", run, i, time.Now().UnixNano()))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "pull_request")
	request.Header.Set(
		"X-GitHub-Delivery",
		fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]),
	)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	began := time.Now()
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusAccepted {
		return 0, fmt.Errorf("a delivery was answered with %s", answer.Status)
	}
	return time.Since(began), nil
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// metric sums a metric over its labels.
func (s *stage) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.OperationsURL()+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	sum, found := 0.0, false
	scanner := bufio.NewScanner(answer.Body)
	for scanner.Scan() {
		rest, ok := strings.CutPrefix(scanner.Text(), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, fmt.Errorf("there is no metric %s: nothing was counted", name)
	}
	return sum, scanner.Err()
}

// soak keeps pushing, reviewing and commenting, and watches what stays.
func (s *stage) soak(ctx context.Context, o options) ([]line, error) {
	if o.soak == 0 {
		return nil, nil
	}
	var memory []uint64
	var goroutines []int
	events := 0
	for end, next := time.Now().Add(o.soak), time.Now().Add(o.soak/4); time.Now().Before(end); events++ {
		var err error
		switch events % 8 {
		case 0:
			err = s.push(1000 + events)
		case 1:
			_, err = s.repository.Comment(s.number, "bob", "/countersign status")
		default:
			_, err = s.repository.Review(s.number, githubtest.Review{Login: []string{"bob", "carol"}[events%2],
				State: []string{"approved", "changes_requested"}[events/2%2]})
		}
		if err != nil {
			return nil, err
		}
		if err := s.quiet(ctx); err != nil {
			return nil, err
		}
		if time.Now().After(next) {
			next = next.Add(o.soak / 4)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			memory, goroutines = append(memory, m.HeapAlloc>>20), append(goroutines, runtime.NumGoroutine())
		}
	}
	return []line{
		{fmt.Sprintf("a soak of %d events: live heap (MiB, with the GitHub beside it) by quarters", events), "",
			fmt.Sprint(memory), true},
		{"… goroutines", "", fmt.Sprint(goroutines), true},
	}, nil
}
