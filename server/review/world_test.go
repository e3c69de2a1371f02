package review_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/render/worker"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/webhook"
)

const renderChild = "child-that-renders"

// TestMain lets the test binary be its own render child.
func TestMain(m *testing.M) {
	child.Enter(renderChild)
	code := m.Run()
	if pool.Pool != nil {
		pool.Close()
	}
	os.Exit(code)
}

const testKey = "a key for tests alone, of more than 32 characters"

// pool and rules are shared by all tests: children and rules are dear to start.
var pool struct {
	sync.Once
	*worker.Pool
	rules *engine.Engine
	err   error
}

func startPool(t testing.TB) {
	t.Helper()
	pool.Do(func() {
		if pool.rules, pool.err = engine.New(rego.FS); pool.err == nil {
			pool.Pool, pool.err = worker.New(context.Background(), worker.Options{Args: []string{renderChild}, Children: 1,
				Key: []byte(testKey), KeyID: "test"})
		}
	})
	check(t, pool.err)
}

// counting counts builds, and plays a cause of failure when asked to.
type counting struct {
	render.Builder
	mu     sync.Mutex
	builds int
	cause  render.Cause // "": none
}

func (c *counting) Build(ctx context.Context, tree render.Tree, root render.Root) (render.Build, error) {
	c.mu.Lock()
	c.builds++
	cause := c.cause
	c.mu.Unlock()
	built, err := c.Builder.Build(ctx, tree, root)
	if cause != "" && err == nil {
		built.Status, built.Resources, built.Problem = render.StatusFailed, nil, &render.Problem{Cause: cause, Message: "ended"}
	}
	return built, err
}

func (c *counting) fail(cause render.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cause = cause
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.builds
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
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

// world is a GitHub, a receiver of its webhooks with a store, and a reviewer
// whose runs the tests make themselves.
type world struct {
	*githubtest.Server
	t        testing.TB
	clock    *clock
	org      *githubtest.Organisation
	repo     *githubtest.Repository
	install  *githubtest.Installation
	store    *store.Store
	builder  *counting
	reviewer *review.Reviewer
	log      *bytes.Buffer
	outcomes map[store.Target]store.Outcome // of the last runs
	wire     *wire
}

// wire carries requests, and does something right before an operation.
type wire struct {
	mu     sync.Mutex
	before func(operation string)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	before := w.before
	w.mu.Unlock()
	if before != nil {
		before(githubtest.Operation(r.Method, strings.TrimPrefix(r.URL.Path, "/api/v3")))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// once does something right before the next request of an operation.
func (w *wire) once(operation string, do func()) {
	var done sync.Once
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = func(at string) {
		if at == operation {
			done.Do(do)
		}
	}
}

const secret = "a secret for tests alone, long enough"

// settings is the repository's config: two of a team.
const settings = `apiVersion: countersign.dev/v1
kind: Config
approvals: {required: 2, teams: [acme/platform]}
override: {team: acme/break-glass}
bases: ["release/*"]
`

// placement is an object of a kind that nobody knows: a change of it needs two.
func placement(name, says string) string {
	return fmt.Sprintf("apiVersion: fleet.acme.example/v1\nkind: Placement\nmetadata:\n  name: %s\n  namespace: fleet\n"+
		"spec:\n  says: %q\n  weight: 12345678901234567\n  share: 1.50\n", name, says)
}

// fleet is the tree that main begins with.
func fleet() map[string]string {
	files := map[string]string{".countersign.yaml": settings, "docs/about.md": "# A fleet\n"}
	for _, name := range []string{"a", "b"} {
		files["fleet/"+name+"/placement.yaml"] = placement(name, "nothing")
		files["fleet/"+name+"/kustomization.yaml"] = "resources: [placement.yaml]\n"
	}
	return files
}

func newWorld(t testing.TB, files ...map[string]string) *world {
	t.Helper()
	startPool(t)
	w := &world{t: t, clock: &clock{now: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{},
		outcomes: map[store.Target]store.Outcome{}, wire: &wire{}}
	w.Server = githubtest.New(t, githubtest.Options{Clock: w.clock.Now})
	w.org = must(w.AddOrganisation("acme"))(t)
	for _, login := range []string{"alice", "bob", "carol", "dave", "erin", "mallory"} {
		must(w.AddUser(githubtest.User{Login: login}))(t)
		check(t, w.org.Member(login, "active"))
	}
	w.repo = must(w.AddRepository("acme", "clusters"))(t)
	for team, members := range map[string][]string{
		"platform": {"alice", "bob", "carol", "dave"}, "break-glass": {"dave", "erin"}} {
		check(t, w.org.Team(team, ""))
		for _, login := range members {
			check(t, w.org.TeamMember(team, login, "active"))
		}
	}
	for _, login := range []string{"alice", "bob", "carol", "dave", "erin", "mallory"} {
		check(t, w.repo.Permit(login, "write"))
	}
	tree := fleet()
	for _, more := range files {
		for name, content := range more {
			tree[name] = content
		}
	}
	check(t, w.repo.Permit("operator", "admin"))
	root := must(w.repo.Commit(githubtest.Commit{Author: "operator", Files: tree, Message: "the fleet"}))(t)
	check(t, w.repo.Push("operator", "main", root))
	w.install = must(w.Install("acme"))(t)
	w.open()
	return w
}

// open makes store, receiver and reviewer.
func (w *world) open() {
	t := w.t
	w.store = must(store.Open(t.Context(), store.Options{URL: "sqlite:" + t.TempDir() + "/db", Clock: w.clock.Now}))(t)
	t.Cleanup(func() { check(t, w.store.Close()) })
	log := slog.New(slog.NewTextHandler(w.log, nil))
	receiver := httptest.NewServer(&webhook.Receiver{Secrets: []string{secret}, App: w.AppID(), Recorder: w.store,
		Clock: w.clock.Now, Log: log, Recorded: func(r webhook.Routed) {
			if r.People {
				w.reviewer.App.Client(w.install.ID).Forget()
			}
		}, Observe: func(string, string) {}})
	t.Cleanup(receiver.Close)
	t.Cleanup(w.Flush)
	w.restart(log)
	w.SetWebhook(receiver.URL, secret)
}

// restart replaces the reviewer by one that remembers nothing.
func (w *world) restart(log *slog.Logger) {
	t := w.t
	app := must(github.NewApp(github.Options{URL: w.URL() + "/api/v3", App: w.AppID(), Key: w.AppKey(), Version: "test",
		Clock: w.clock.Now, Transport: w.wire}))(t)
	mirrors := must(mirror.Open(t.Context(), mirror.Options{Folder: t.TempDir(), Schemes: []string{"http"},
		Clock: w.clock.Now}))(t)
	t.Cleanup(func() { check(t, mirrors.Close()) })
	bot := must(app.Identity(t.Context()))(t).Bot
	w.builder = &counting{Builder: pool.Pool}
	w.reviewer = &review.Reviewer{Store: w.store, App: app, Mirrors: mirrors, Clock: w.clock.Now, Log: log,
		Assessor:  &policy.Assessor{Builder: w.builder, Rules: pool.rules, Version: "test", Renderer: "test", KeyID: "test"},
		Publisher: &publish.Publisher{Store: w.store, App: w.AppID(), Bot: bot, Clock: w.clock.Now, Log: log},
		Replier: &reply.Replier{Store: w.store, App: w.AppID(), Bot: bot, Clock: w.clock.Now, Log: log,
			Explain: func(string) (string, bool) { return "", false }}}
}

// run does all work that is due, and fails the test for an error.
func (w *world) run() {
	w.t.Helper()
	for target, err := range w.attempt() {
		w.t.Errorf("run %+v: %v\n%s", target, err, w.log)
	}
}

// attempt does all work that is due once and returns what failed.
func (w *world) attempt() map[store.Target]error {
	w.t.Helper()
	failed := map[store.Target]error{}
	w.Flush()
	for range 50 {
		leases := must(w.store.Claim(w.t.Context(), store.Claimant{Owner: "test", Lease: time.Minute, Most: 10}))(w.t)
		if len(leases) == 0 {
			return failed
		}
		for _, lease := range leases {
			outcome := store.Outcome{}
			if lease.Pull > 0 || lease.Group != "" && lease.Repository != 0 {
				var err error
				if outcome, err = w.reviewer.Run(w.t.Context(), lease); err != nil {
					failed[lease.Target] = err
					outcome = store.Outcome{End: store.Retry, After: time.Minute, Reason: "failed"}
				}
			}
			w.outcomes[lease.Target] = outcome
			if err := w.store.Settle(w.t.Context(), lease, outcome); err != nil && !errors.Is(err, store.ErrStale) {
				w.t.Fatal(err)
			}
		}
		w.Flush()
	}
	w.t.Fatal("the work does not end")
	return nil
}

// wake has a pull request looked at.
func (w *world) wake(pull int, priority store.Priority) {
	w.t.Helper()
	check(w.t, w.store.Wake(w.t.Context(), store.Wake{Target: store.Target{Repository: w.repo.ID(), Pull: int64(pull)},
		Installation: w.install.ID, Priority: priority}))
}

// commit makes a commit on a branch and pushes it as somebody.
func (w *world) commit(login, branch, parent string, files map[string]string) string {
	w.t.Helper()
	sha := must(w.repo.Commit(githubtest.Commit{Author: login, Parents: []string{parent}, Files: files}))(w.t)
	check(w.t, w.repo.Push(login, branch, sha))
	return sha
}

// propose opens a pull request of alice's that changes placement a.
func (w *world) propose(says string) (number int, head string) {
	w.t.Helper()
	head = w.commit("alice", "change-"+says, w.repo.Branch("main"),
		map[string]string{"fleet/a/placement.yaml": placement("a", says)})
	return must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change-" + says}))(w.t), head
}

func (w *world) approve(number int, logins ...string) {
	w.t.Helper()
	for _, login := range logins {
		w.clock.pass(time.Second)
		must(w.repo.Review(number, githubtest.Review{Login: login, State: "approved"}))(w.t)
	}
}

// shown is what the newest check run of our name on a commit says; "" where
// there is none.
func (w *world) shown(sha, base string) string {
	w.t.Helper()
	c := w.reviewer.App.Client(w.install.ID)
	r := must(c.Repository(w.t.Context(), w.repo.ID()))(w.t)
	checks := must(c.Checks(w.t.Context(), r, sha, publish.Name(base), w.AppID()))(w.t)
	if len(checks) == 0 {
		return ""
	}
	newest := slices.MaxFunc(checks, func(a, b github.Check) int { return int(a.ID - b.ID) })
	if newest.Status != "completed" {
		return newest.Status
	}
	return newest.Conclusion
}

// wants fails the test unless a commit's check for main says this.
func (w *world) wants(sha, conclusion string) {
	w.t.Helper()
	if got := w.shown(sha, "main"); got != conclusion {
		w.t.Errorf("the check says %q, not %q\n%+v\n%s", got, conclusion, w.verdict().Verdict, w.log)
	}
}

// verdict is the last decision in the audit log.
func (w *world) verdict() review.Decision {
	w.t.Helper()
	entries := must(w.store.Entries(w.t.Context(), store.LogQuery{Kind: "verdict"}))(w.t)
	if len(entries) == 0 {
		return review.Decision{}
	}
	var d review.Decision
	check(w.t, json.Unmarshal(entries[len(entries)-1].Body, &d))
	return d
}

// logins are the people that count.
func logins(v policy.Verdict) string {
	var names []string
	for _, c := range v.Approvals.Counted {
		names = append(names, c.Login)
	}
	return strings.Join(names, " ")
}
