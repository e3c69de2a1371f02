package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// fataler is what tests and properties have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func must[T any](t fataler) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a GitHub with a pull request, and a publisher with a store of its own.
type world struct {
	*githubtest.Server
	ctx        context.Context
	t          testing.TB
	repo       *githubtest.Repository
	wire       *wire
	folder     string
	stores     int
	store      *store.Store
	app        *github.App
	client     *github.Client
	repository github.Repository
	publisher  *publish.Publisher
	lease      store.Lease
	number     int
	head, root string
	token      string
}

// wire carries requests to GitHub; cut says what becomes of the next ones.
type wire struct {
	mu  sync.Mutex
	cut func(r *http.Request) func(send func() (*http.Response, error)) (*http.Response, error)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	send := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut != nil {
		if play := w.cut(r); play != nil {
			return play(send)
		}
	}
	return send()
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Server: githubtest.New(t, githubtest.Options{}), ctx: t.Context(), t: t, wire: &wire{}, folder: t.TempDir()}
	for i, login := range []string{"alice", "bob", "carol"} {
		must[int64](t)(w.AddUser(githubtest.User{ID: int64(101 + i), Login: login, Emails: []string{login + "@acme.example"}}))
	}
	must[*githubtest.Organisation](t)(w.AddOrganisation("acme"))
	w.repo = must[*githubtest.Repository](t)(w.AddRepository("acme", "clusters"))
	for _, login := range []string{"alice", "bob", "carol"} {
		check(t, w.repo.Permit(login, "write"))
	}
	w.root = must[string](t)(w.repo.Commit(githubtest.Commit{Author: "alice", Files: map[string]string{"a.yaml": "a: 1\n"}}))
	check(t, w.repo.Push("alice", "main", w.root))
	installation := must[*githubtest.Installation](t)(w.Install("acme"))
	w.token = must[string](t)(w.UserToken("bob"))
	w.app = must[*github.App](t)(github.NewApp(github.Options{URL: w.URL(), App: w.AppID(), Key: w.AppKey(), Version: "test",
		Transport: w.wire}))
	w.client = w.app.Client(installation.ID)
	w.repository = must[github.Repository](t)(w.client.Repository(t.Context(), w.repo.ID()))
	w.number, w.head = w.open("topic")
	w.fresh()
	return w
}

// open opens a pull request of a new branch with a commit of its own.
func (w *world) open(branch string) (int, string) {
	w.t.Helper()
	head := must[string](w.t)(w.repo.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "alice", Message: branch,
		Files: map[string]string{"topic.yaml": branch + "\n"}}))
	check(w.t, w.repo.Push("alice", branch, head))
	return must[int](w.t)(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: branch})), head
}

// fresh gives the world a new store, and with it a new life.
func (w *world) fresh() {
	w.t.Helper()
	w.stores++
	w.start()
}

// start opens the store of this life, as a process that starts does.
func (w *world) start() {
	w.t.Helper()
	if w.store != nil {
		check(w.t, w.store.Close())
	}
	w.store = must[*store.Store](w.t)(store.Open(context.WithoutCancel(w.ctx),
		store.Options{URL: "sqlite:" + filepath.Join(w.folder, fmt.Sprintf("%d.db", w.stores))}))
	opened := w.store
	w.t.Cleanup(func() { check(w.t, opened.Close()) })
	w.publisher = &publish.Publisher{Store: w.store, App: w.AppID(), Bot: w.bot(), Clock: time.Now,
		Log: slog.New(slog.DiscardHandler)}
	w.lease = w.claim(store.Target{Repository: w.repo.ID(), Pull: int64(w.number)})
}

func (w *world) bot() policy.User {
	w.t.Helper()
	return must[github.Identity](w.t)(w.app.Identity(w.ctx)).Bot
}

// claim takes a target over, whoever has it.
func (w *world) claim(target store.Target) store.Lease {
	w.t.Helper()
	check(w.t, w.store.Wake(w.ctx, store.Wake{Target: target, Installation: 1, Priority: store.Push}))
	for {
		leases := must[[]store.Lease](w.t)(w.store.Claim(w.ctx, store.Claimant{Owner: "test", Lease: time.Minute, Most: 8}))
		for _, lease := range leases {
			if lease.Target == target {
				return lease
			}
		}
		if len(leases) == 0 {
			check(w.t, w.store.Settle(w.ctx, w.lease, store.Outcome{})) // it was ours before the crash
			check(w.t, w.store.Wake(w.ctx, store.Wake{Target: target, Installation: 1, Priority: store.Push}))
		}
	}
}

func (w *world) subject() publish.Subject {
	return publish.Subject{Client: w.client, Repository: w.repository, Lease: w.lease, Pull: w.number, BaseRef: "main",
		BaseSHA: w.root, HeadSHA: w.head}
}

// wish asks for what a verdict means.
func (w *world) wish(state string) publish.Wish {
	a := assessed()
	if state == policy.StateViolation {
		a.Findings = []policy.Finding{finding(1)}
	}
	return publish.Wish{Subject: w.subject(), TreeSHA: "tree", Assessment: a, Key: "key", Verdict: verdict(state),
		Confirm: func(context.Context) error { return nil }}
}

func (w *world) publish(wish publish.Wish) store.Publication {
	w.t.Helper()
	return must[store.Publication](w.t)(w.publisher.Publish(w.ctx, wish))
}

// run is a check run as GitHub shows it.
type run struct {
	ID         int64
	App        struct{ ID int64 }
	Name       string
	Status     string
	Conclusion string
	ExternalID string `json:"external_id"`
	Output     struct {
		Title, Summary, Text string
		Annotations          int `json:"annotations_count"`
	}
}

func (w *world) get(t fataler, path string, into any) {
	t.Helper()
	request := must[*http.Request](t)(http.NewRequestWithContext(w.ctx, http.MethodGet, w.URL()+path, nil))
	request.Header.Set("Authorization", "Bearer "+w.token)
	answer := must[*http.Response](t)(http.DefaultClient.Do(request))
	err := json.NewDecoder(answer.Body).Decode(into)
	check(t, errors.Join(err, answer.Body.Close()))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, answer.Status)
	}
}

// runs are all check runs of a commit, oldest first.
func (w *world) runs(t fataler, sha string) []run {
	t.Helper()
	var list struct {
		Runs []run `json:"check_runs"`
	}
	w.get(t, "/repos/acme/clusters/commits/"+sha+"/check-runs?filter=all&per_page=100", &list)
	slices.SortFunc(list.Runs, func(a, b run) int { return int(a.ID - b.ID) })
	return list.Runs
}

// only is the one check run of the head.
func (w *world) only(t fataler) run {
	t.Helper()
	list := w.runs(t, w.head)
	if len(list) != 1 {
		t.Fatalf("%d check runs, one is wanted: %+v", len(list), list)
	}
	return list[0]
}

type said struct {
	ID   int64
	Body string
	User policy.User
}

func (w *world) comments(t fataler) []said {
	t.Helper()
	var list []said
	w.get(t, fmt.Sprintf("/repos/acme/clusters/issues/%d/comments?per_page=100", w.number), &list)
	return list
}

// writes counts what was written so far.
func (w *world) writes() int {
	return w.Count("checks/create") + w.Count("checks/update") + w.Count("issues/create-comment") +
		w.Count("issues/update-comment")
}

func assessed() policy.Assessment {
	return policy.Assessment{Config: &config.Config{Mode: "enforce", Baseline: "ratchet", Approvals: config.Approvals{Required: 2}},
		Digest: "sha256:d1", Entries: []policy.Entry{{Kind: "file", Name: ".github/CODEOWNERS", Digest: "sha256:e1"}}}
}

func verdict(state string) policy.Verdict {
	titles := map[string]string{policy.StatePass: "Approved by bob and carol", policy.StateNeedsApproval: "Waiting for 2 approvals",
		policy.StateBlocked: "Blocked: bob holds it", policy.StateViolation: "1 finding must be fixed", policy.StateError: "Could not judge"}
	status := map[string]string{policy.StatePass: policy.StatusApproved, policy.StateNeedsApproval: policy.StatusPending,
		policy.StateBlocked: policy.StatusBlocked, policy.StateViolation: policy.StatusPending, policy.StateError: policy.StatusError}
	v := policy.Verdict{State: state, Title: titles[state], Approvals: policy.Approvals{Status: status[state], Required: 2}}
	if state == policy.StateNeedsApproval {
		v.Approvals.Missing = 2
	}
	if state == policy.StateBlocked {
		v.Approvals.BlockedBy = []string{"hold:bob"}
	}
	return v
}

func finding(line int) policy.Finding {
	return policy.Finding{Rule: "CS-SSH-001", Title: "No SSH key on nodes", Severity: engine.Critical, Effect: engine.Block,
		State: policy.New, Message: fmt.Sprintf("a key on machine %d", line), Remediation: "remove it",
		Source: render.Source{File: "topic.yaml", Line: line}, Fingerprint: fmt.Sprint(line)}
}
