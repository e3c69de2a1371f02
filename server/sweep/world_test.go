package sweep_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/sweep"
)

// world is a GitHub with acme/clusters, a store and a sweeper, at a time that
// the test sets.
type world struct {
	*githubtest.Server
	t            *testing.T
	repository   *githubtest.Repository
	installation *githubtest.Installation
	store        *store.Store
	app          *github.App
	sweeper      *sweep.Sweeper
	alerts       []sweep.Alert
	refuse       error // what the receiver of alerts answers

	mu  sync.Mutex
	now time.Time
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Server = githubtest.New(t, githubtest.Options{Clock: w.clock})
	must(w.AddOrganisation("acme"))(t)
	w.repository = must(w.AddRepository("acme", "clusters"))(t)
	w.installation = must(w.Install("acme"))(t)
	w.store = must(store.Open(t.Context(), store.Options{Clock: w.clock, URL: "sqlite:" + filepath.Join(t.TempDir(), "s.db")}))(t)
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.app = must(newApp(w))(t)
	w.restart()
	return w
}

// restart forgets all that a process remembers.
func (w *world) restart() {
	w.sweeper = &sweep.Sweeper{Store: w.store, App: w.app, Clock: w.clock, Log: slog.New(slog.NewTextHandler(testLog{w.t}, nil)),
		Alert: func(_ context.Context, a sweep.Alert) error {
			w.alerts = append(w.alerts, a)
			return w.refuse
		}}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func newApp(w *world) (*github.App, error) {
	return github.NewApp(github.Options{URL: w.URL(), App: w.AppID(), Key: w.AppKey(), Clock: w.clock})
}
