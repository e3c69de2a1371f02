package githubtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// must fails the test for an error and hands on the rest.
func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is acme with its people, one repository with a commit on main, and the App.
type world struct {
	*githubtest.Server
	t            testing.TB
	org          *githubtest.Organisation
	repository   *githubtest.Repository
	installation *githubtest.Installation
	root         string
	received     *receiver
	wall         func() time.Time // by which tokens are judged
}

func newWorld(t testing.TB, options githubtest.Options) *world {
	t.Helper()
	received := &receiver{t: t, secret: "a secret of some length"}
	web := httptest.NewServer(received)
	t.Cleanup(web.Close)
	options.WebhookURL, options.WebhookSecret = web.URL, received.secret
	if options.Clock == nil {
		at := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
		options.Clock = func() time.Time { return at }
	}
	w := &world{Server: githubtest.New(t, options), t: t, received: received, wall: options.TokenClock}
	t.Cleanup(w.Flush) // before Close, which cuts off what is on its way
	if w.wall == nil {
		w.wall = time.Now
	}
	for i, login := range []string{"alice", "bob", "carol", "dave", "zed"} {
		must[int64](t)(w.AddUser(githubtest.User{ID: int64(101 + i), Login: login,
			Emails: []string{login + "@acme.example"}}))
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
	check(t, w.repository.Permit("zed", "read"))
	w.root = must[string](t)(w.repository.Commit(githubtest.Commit{Author: "alice",
		Files: map[string]string{"a/one.yaml": "one: 1\n", "b.yaml": "b: 1\n"}}))
	check(t, w.repository.Push("alice", "main", w.root))
	w.installation = must[*githubtest.Installation](t)(w.Install("acme"))
	return w
}

// open pushes a change to a new branch and opens a pull request.
func (w *world) open(branch string) (number int, head string) {
	w.t.Helper()
	head = must[string](w.t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "alice",
		Files: map[string]string{branch + ".yaml": "x: 1\n"}, Message: "add " + branch}))
	check(w.t, w.repository.Push("alice", branch, head))
	return must[int](w.t)(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: branch})), head
}

// client is go-github with ghinstallation's transport, as the App uses them.
func (w *world) client() *github.Client {
	w.t.Helper()
	return w.clientAt(w.URL() + "/api/v3")
}

func (w *world) clientAt(base string) *github.Client {
	w.t.Helper()
	transport := must[*ghinstallation.Transport](w.t)(
		ghinstallation.New(http.DefaultTransport, w.AppID(), w.installation.ID, w.AppKey()))
	transport.BaseURL = base
	return must[*github.Client](w.t)(github.NewClient(&http.Client{Transport: transport}).WithEnterpriseURLs(base,
		base))
}

func (w *world) appClient() *github.Client {
	w.t.Helper()
	transport := must[*ghinstallation.AppsTransport](w.t)(
		ghinstallation.NewAppsTransport(http.DefaultTransport, w.AppID(), w.AppKey()))
	base := w.URL() + "/api/v3"
	return must[*github.Client](w.t)(github.NewClient(&http.Client{Transport: transport}).WithEnterpriseURLs(base,
		base))
}

// receiver is a webhook's receiver that checks the signature.
type receiver struct {
	t      testing.TB
	secret string
	mu     sync.Mutex
	got    []got
	status int
}

type got struct {
	event, guid string
	payload     any
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Error(err)
	}
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write(body)
	if request.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		r.t.Errorf("%s is not signed", request.Header.Get("X-GitHub-Event"))
	}
	event := request.Header.Get("X-GitHub-Event")
	payload, err := github.ParseWebHook(event, body)
	if err != nil && event != "repository_ruleset" { // which v60 does not know
		r.t.Errorf("go-github cannot read %s: %v", event, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, got{event, request.Header.Get("X-GitHub-Delivery"), payload})
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// events are "event.action" in the order of their arrival.
func (w *world) events() []string {
	w.Flush()
	var all []string
	for _, d := range w.Deliveries() {
		all = append(all, strings.TrimSuffix(d.Event+"."+d.Action, "."))
	}
	return all
}

func last[T any](w *world) T {
	w.t.Helper()
	w.Flush()
	w.received.mu.Lock()
	defer w.received.mu.Unlock()
	for _, g := range slices.Backward(w.received.got) {
		if payload, is := g.payload.(T); is {
			return payload
		}
	}
	w.t.Fatal("no such webhook came")
	panic("unreachable")
}

func marshal(value any) ([]byte, error) { return json.Marshal(value) }
