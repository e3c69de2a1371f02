package github_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is one that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is acme with its people, a repository and the App, and a client of ours.
type world struct {
	*githubtest.Server
	t            testing.TB
	clock        *clock // of facts
	tokens       *clock // of tokens and limits
	org          *githubtest.Organisation
	repository   *githubtest.Repository
	installation *githubtest.Installation
	root         string
	app          *github.App
	client       *github.Client
	r            github.Repository

	mu   sync.Mutex
	seen []github.Exchange
}

func newWorld(t testing.TB) *world { return newWorldWith(t, githubtest.Options{}) }

func newWorldWith(t testing.TB, options githubtest.Options) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)}, tokens: &clock{at: time.Now()}}
	options.Clock, options.TokenClock = w.clock.now, w.tokens.now
	w.Server = githubtest.New(t, options)
	for i, login := range []string{"alice", "bob", "carol", "dave", "zed"} {
		must[int64](t)(w.AddUser(githubtest.User{ID: int64(101 + i), Login: login, Emails: []string{login + "@acme.example"}}))
	}
	w.org = must[*githubtest.Organisation](t)(w.AddOrganisation("acme"))
	for _, login := range []string{"alice", "bob", "carol", "dave"} {
		check(t, w.org.Member(login, "active"))
	}
	w.repository = must[*githubtest.Repository](t)(w.AddRepository("acme", "clusters"))
	for _, login := range []string{"alice", "bob", "carol"} {
		check(t, w.repository.Permit(login, "write"))
	}
	check(t, w.repository.Permit("dave", "admin"))
	w.root = must[string](t)(w.repository.Commit(githubtest.Commit{Author: "alice", Files: map[string]string{"a.yaml": "a: 1\n"}}))
	check(t, w.repository.Push("alice", "main", w.root))
	w.installation = must[*githubtest.Installation](t)(w.Install("acme"))
	w.app = w.newApp(nil)
	w.client = w.app.Client(w.installation.ID)
	w.r = must[github.Repository](t)(w.client.Repository(t.Context(), w.repository.ID()))
	return w
}

func (w *world) options() github.Options {
	return github.Options{URL: w.URL() + "/api/v3", App: w.AppID(), Key: w.AppKey(), Version: "test", Clock: w.clock.now,
		Observe: func(e github.Exchange) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen = append(w.seen, e)
		}}
}

func (w *world) newApp(change func(*github.Options)) *github.App {
	w.t.Helper()
	o := w.options()
	if change != nil {
		change(&o)
	}
	return must[*github.App](w.t)(github.NewApp(o))
}

// exchanges takes what was observed since the last time.
func (w *world) exchanges() []github.Exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func ops(seen []github.Exchange) []string {
	var names []string
	for _, e := range seen {
		names = append(names, e.Op)
	}
	return names
}

// open pushes a change to a new branch and opens a pull request.
func (w *world) open(branch string, commit githubtest.Commit) int {
	w.t.Helper()
	if commit.Author == "" {
		commit.Author = "alice"
	}
	commit.Parents, commit.Files = []string{w.root}, map[string]string{branch + ".yaml": "x: 1\n"}
	head := must[string](w.t)(w.repository.Commit(commit))
	check(w.t, w.repository.Push("alice", branch, head))
	return must[int](w.t)(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: branch}))
}

func (w *world) pull(number int) github.Pull {
	w.t.Helper()
	return must[github.Pull](w.t)(w.client.Pull(w.t.Context(), w.r, number))
}

func (w *world) user(login string) policy.User {
	return policy.User{ID: policy.UserID(w.UserID(login)), Login: login, Type: "User"}
}

// kind is what an error of ours is of; "" for no error.
func kind(t testing.TB, err error) github.Kind {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ours := errors.AsType[*github.Error](err)
	if !ours {
		t.Fatalf("%v (%T) is no *github.Error", err, err)
	}
	if e.Op == "" || e.Kind == "" {
		t.Fatalf("%+v lacks its operation or kind", e)
	}
	return e.Kind
}

func wantKind(t testing.TB, what string, err error, want github.Kind) {
	t.Helper()
	if got := kind(t, err); got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
