package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// get asks the server, and returns status, headers and text.
func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	answer := must(client.Get(address))(t)
	defer answer.Body.Close()
	return answer, string(must(io.ReadAll(answer.Body))(t))
}

func operations(w *world) string { return w.app.(*here).OperationsURL() }

// A server is there with all that it says, does its work, and leaves nothing.
func TestServeFromStartToEnd(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("serve", func(t *testing.T) {
		w := newFleet(t)
		w.start()
		number := w.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
		w.open("alice", "grow", map[string]string{"clusters/a/placement.yaml": placement(2)})
		w.rest()
		if got := w.conclusion(number); got != "success" {
			t.Errorf("conclusion %q", got)
		}
		for path, want := range map[string]struct {
			status int
			text   string
		}{
			"/healthz":                {200, "alive"},
			"/readyz":                 {200, "ready"},
			"/rules/CS-SSH-001":       {200, "To fix it:"},
			"/rules/cs-ssh-001":       {200, "CS-SSH-001"},
			"/rules/CS-NO-999":        {404, "Not Found"},
			"/acme/clusters/pull/1":   {404, "Not Found"},
			"/nobody/nothing/pull/99": {404, "Not Found"},
			"/metrics":                {404, "Not Found"},
			"/debug/pprof/":           {404, "Not Found"},
			"/webhook":                {405, "Method Not Allowed"},
		} {
			answer, text := get(t, w.app.URL()+path)
			if answer.StatusCode != want.status || !strings.Contains(text, want.text) {
				t.Errorf("%s: %d %q", path, answer.StatusCode, text)
			}
			if want.status == 404 && text != "Not Found\n" {
				t.Errorf("%s tells more than that nothing is there: %q", path, text)
			}
			if answer.Header.Get("Server") != "" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: headers %v", path, answer.Header)
			}
		}
		answer, text := get(t, operations(w.world)+"/metrics")
		if answer.StatusCode != 200 {
			t.Fatalf("metrics: %d %s", answer.StatusCode, text)
		}
		for _, want := range []string{
			`countersign_deliveries_total{event="pull_request",outcome="accepted"} 2`, `countersign_queue{state="due"} 0`,
			`countersign_reviews_total{rendered="false",verdict="pass"}`, `countersign_github_requests_total{cached="false",op="pulls/get",status="200"}`,
			"countersign_github_requests_remaining{installation=", "countersign_queue_oldest_timestamp_seconds 0", "countersign_errors_total",
			`countersign_runs_total{end="done",on="pull"}`, "go_goroutines", "countersign_judge_seconds_count", "countersign_render_seconds",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("metrics: no %s", want)
			}
		}
		if answer, _ := get(t, operations(w.world)+"/debug/pprof/goroutine?debug=1"); answer.StatusCode != 200 {
			t.Errorf("pprof: %d", answer.StatusCode)
		}
		w.stop()
	})
	goleak.VerifyNone(t, before)
}

// shut is a GitHub that cannot be reached until it is opened.
type shut struct{ open atomic.Bool }

func (s *shut) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.open.Load() {
		return nil, errors.New("no route to host")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What comes while GitHub is away is taken, kept, and done when it is back.
func TestServeWithoutGitHub(t *testing.T) {
	w := newFleet(t)
	door := &shut{}
	w.transport = door
	w.start()
	number := w.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
	w.github.Flush()
	for _, d := range w.github.Deliveries() {
		if d.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d %s", d.Event, d.StatusCode, d.Response)
		}
	}
	if answer, text := get(t, w.app.URL()+"/readyz"); answer.StatusCode != 503 || text != "not ready\n" {
		t.Errorf("ready without GitHub: %d %q", answer.StatusCode, text)
	}
	if answer, _ := get(t, w.app.URL()+"/healthz"); answer.StatusCode != 200 {
		t.Errorf("not alive without GitHub: %d", answer.StatusCode)
	}
	door.open.Store(true)
	w.rest()
	if got := w.conclusion(number); got != "success" {
		t.Errorf("conclusion %q\n%s", got, w.log)
	}
}

// AC-001 and the like: what is missing or weak does not start, and says why.
func TestServeRefusesToStart(t *testing.T) {
	taken := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*world)
		want   []string
	}{
		"AC-001 no secret":   {func(w *world) { w.settings.WebhookSecrets = nil }, []string{"COUNTERSIGN_WEBHOOK_SECRET): is missing"}},
		"AC-001 weak secret": {func(w *world) { w.settings.WebhookSecrets = []string{"short"} }, []string{"has 5 bytes"}},
		"all at once": {func(w *world) { w.settings.AppID, w.settings.PrivateKey = 0, []byte("x") },
			[]string{"COUNTERSIGN_APP_ID): is missing", "COUNTERSIGN_PRIVATE_KEY): is no PEM"}},
		"another App": {func(w *world) { w.settings.AppID++ }, []string{"GitHub does not know this App by this key"}},
		"address":     {func(w *world) { w.settings.Listen = taken.Addr().String() }, []string{"listen (COUNTERSIGN_LISTEN)", "name another address"}},
		"operations":  {func(w *world) { w.settings.Operations = taken.Addr().String() }, []string{"operations (COUNTERSIGN_OPERATIONS)"}},
		"database": {func(w *world) {
			w.settings.Database = "sqlite:" + w.settings.Data + "/no database"
			check(t, os.WriteFile(w.settings.Data+"/no database", bytes.Repeat([]byte("no database "), 1000), 0o600))
		}, []string{"database (COUNTERSIGN_DATABASE)"}},
		"data": {func(w *world) { w.settings.Data = "/proc/nowhere" }, []string{"data (COUNTERSIGN_DATA): cannot be made"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			w := newWorld(t, noon)
			c.change(w)
			_, err := startHere(w)
			if _, ok := errors.AsType[*server.SettingsError](err); !ok {
				t.Fatalf("not refused as settings: %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			check(t, w.github.Close())
			goleak.VerifyNone(t, before)
		})
	}
}

// A stop that comes in the middle of work ends within its time and loses nothing.
func TestStopInTheMiddle(t *testing.T) {
	w := newFleet(t)
	w.start()
	w.github.Fail("pulls/get", githubtest.Fault{Stall: true, Times: 1000})
	number := w.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
	w.github.Flush()
	begun := time.Now()
	w.stop()
	if took := time.Since(begun); took > 25*time.Second {
		t.Errorf("the stop took %v", took)
	}
	w.github.Heal()
	w.start()
	w.at(noon.Add(time.Hour)) // past any lease and back-off
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	check(t, w.app.Sweep(ctx))
	w.rest()
	if got := w.conclusion(number); got != "success" {
		t.Errorf("conclusion %q\n%s", got, w.log)
	}
}
