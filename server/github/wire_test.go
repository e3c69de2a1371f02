package github_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// requests are one of each sort: a value, a list, GraphQL, and writes.
func (w *world) each(number int, p github.Pull) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"pulls/get": func(ctx context.Context) error { _, err := w.client.Pull(ctx, w.r, number); return err },
		"pulls/list": func(ctx context.Context) error {
			list, err := w.client.OpenPulls(ctx, w.r, "")
			if err != nil && list != nil {
				w.t.Errorf("a list of %d beside %v", len(list), err)
			}
			return err
		},
		"graphql": func(ctx context.Context) error { _, err := w.client.Queue(ctx, w.r, "main"); return err },
		"issues/create-comment": func(ctx context.Context) error {
			_, err := w.client.CreateComment(ctx, w.r, number, "hello")
			return err
		},
		"checks/create": func(ctx context.Context) error {
			_, err := w.client.CreateCheck(ctx, w.r, github.Check{Name: "c", Head: p.Head, Status: "in_progress"})
			return err
		},
	}
}

func TestATokenGoesToOneHostOnly(t *testing.T) {
	var visits atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		t.Errorf("the canary got %s %s with Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer canary.Close()
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	p := w.pull(number)
	host := must[*url.URL](t)(url.Parse(w.URL())).Host
	for _, target := range []string{canary.URL + "/steal", "https://" + host + "/api/v3/app", "http://evil.example/x", "ftp://" + host + "/",
		strings.Replace(canary.URL, "127.0.0.1", "localhost", 1)} {
		for op, ask := range w.each(number, p) {
			w.Fail(op, githubtest.Fault{Redirect: target})
			wantKind(t, op+" to "+target, ask(t.Context()), github.Unavailable)
		}
		fresh := w.newApp(nil).Client(w.installation.ID)
		w.Fail("apps/create-installation-access-token", githubtest.Fault{Redirect: target})
		_, err := fresh.Token(t.Context())
		wantKind(t, "a token from "+target, err, github.Unavailable)
		w.Fail("apps/get-authenticated", githubtest.Fault{Redirect: target})
		_, err = w.app.Identity(t.Context())
		wantKind(t, "the App from "+target, err, github.Unavailable)
		w.Fail("apps/redeliver-webhook-delivery", githubtest.Fault{Redirect: target})
		wantKind(t, "redelivery to "+target, w.app.Redeliver(t.Context(), 1), github.Unavailable)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d requests left the host", n)
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	p := w.pull(number)
	for name, test := range map[string]struct {
		fault githubtest.Fault
		want  github.Kind
	}{
		"500":         {githubtest.Fault{Status: 500}, github.Unavailable},
		"502 in HTML": {githubtest.Fault{Status: 502, HTML: true}, github.Unavailable},
		"503":         {githubtest.Fault{Status: 503}, github.Unavailable},
		"HTML":        {githubtest.Fault{HTML: true}, github.Unavailable},
		"404 in HTML": {githubtest.Fault{Status: 404, HTML: true}, github.Unavailable},
		"reset":       {githubtest.Fault{Reset: true}, github.Unavailable},
		"half":        {githubtest.Fault{Half: true}, github.Unavailable},
		"lost":        {githubtest.Fault{Reset: true, Apply: true}, github.Unavailable},
		"401":         {githubtest.Fault{Status: 401, Times: 2}, github.Forbidden},
		"403":         {githubtest.Fault{Status: 403}, github.Forbidden},
		"404":         {githubtest.Fault{Status: 404}, github.NotFound},
		"410":         {githubtest.Fault{Status: 410}, github.NotFound},
		"400":         {githubtest.Fault{Status: 400}, github.Refused},
		"409":         {githubtest.Fault{Status: 409}, github.Refused},
		"422":         {githubtest.Fault{Status: 422}, github.Refused},
		"301 nowhere": {githubtest.Fault{Status: 301}, github.Unavailable},
		"a loop":      {githubtest.Fault{Redirect: w.URL() + "/api/v3/rate_limit"}, github.Unavailable},
	} {
		for op, ask := range w.each(number, p) {
			w.Fail(op, test.fault)
			err := ask(t.Context())
			if name == "a loop" && op == "pulls/get" && err == nil {
				t.Errorf("%s took another answer for its own", op)
			}
			wantKind(t, name+" at "+op, err, test.want)
			if e, _ := errors.AsType[*github.Error](err); e != nil && e.Op != op {
				t.Errorf("%s at %s: the error names %s", name, op, e.Op)
			}
			w.Heal()
		}
	}
	for op, ask := range w.each(number, p) {
		wantKind(t, op+" after all of that", ask(t.Context()), "")
	}
}

func TestAStallEndsWithTheCaller(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	for op, ask := range w.each(number, w.pull(number)) {
		w.Fail(op, githubtest.Fault{Stall: true})
		ctx, cancel := context.WithCancel(t.Context())
		w.OnRequest(func(r githubtest.Request) {
			if r.Operation == op {
				cancel()
			}
		})
		err := ask(ctx)
		wantKind(t, op, err, github.Unavailable)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v does not say that the caller left", op, err)
		}
		cancel()
	}
}

func TestAStallEndsByItself(t *testing.T) {
	w := newWorld(t)
	client := github.WithTimeout(w.newApp(nil), 50*time.Millisecond).Client(w.installation.ID)
	w.Fail("apps/create-installation-access-token", githubtest.Fault{Stall: true})
	_, err := client.Token(t.Context())
	wantKind(t, "a token", err, github.Unavailable)
	w.Fail("apps/list-repos-accessible-to-installation", githubtest.Fault{Stall: true})
	_, err = client.Repositories(t.Context())
	wantKind(t, "a list", err, github.Unavailable)
}

func TestLimitsComeWithATime(t *testing.T) {
	w := newWorldWith(t, githubtest.Options{})
	number := w.open("grow", githubtest.Commit{})
	p := w.pull(number)
	for _, status := range []int{403, 429} {
		for op, ask := range w.each(number, p) {
			w.Fail(op, githubtest.Fault{Status: status, RetryAfter: 90 * time.Second})
			err := ask(t.Context())
			e, _ := errors.AsType[*github.Error](err)
			if wantKind(t, op, err, github.Limited); e == nil || !e.RetryAt.Equal(w.clock.now().Add(90*time.Second)) || e.Status != status {
				t.Errorf("%d at %s: %+v", status, op, e)
			}
			before := len(w.Requests())
			w.clock.move(89 * time.Second)
			wantKind(t, op+" too early", ask(t.Context()), github.Limited)
			if len(w.Requests()) != before {
				t.Errorf("%s was asked although GitHub wants us to wait", op)
			}
			w.clock.move(time.Second)
			wantKind(t, op+" in time", ask(t.Context()), "")
		}
	}
	other := must[*githubtest.Installation](t)(w.Install("zed"))
	w.installation.SetRemaining(1)
	must[[]github.Review](t)(w.client.Reviews(t.Context(), w.r, number)) // not asked before, so it is not free
	if b := w.client.Budget(); b.Remaining != 0 || b.Reset.IsZero() {
		t.Errorf("budget %+v", b)
	}
	_, err := w.client.Tip(t.Context(), w.r, "heads/main")
	e, _ := errors.AsType[*github.Error](err)
	if wantKind(t, "without a budget", err, github.Limited); e != nil {
		if wait := e.RetryAt.Sub(w.clock.now()); wait < 50*time.Minute || wait > 61*time.Minute {
			t.Errorf("the budget comes back in %v", wait)
		}
	}
	_, err = w.app.Client(other.ID).Repositories(t.Context())
	wantKind(t, "another installation", err, "")
}

func TestTheFirstRefusalForWantOfBudget(t *testing.T) {
	w := newWorld(t)
	w.installation.SetRemaining(0)
	_, err := w.client.Tip(t.Context(), w.r, "heads/main")
	e, _ := errors.AsType[*github.Error](err)
	if wantKind(t, "without a budget", err, github.Limited); e == nil || e.RetryAt.Sub(w.clock.now()) < 50*time.Minute {
		t.Errorf("%+v", e)
	}
	w.installation.SetRemaining(100)
	_, err = w.client.Tip(t.Context(), w.r, "heads/main")
	wantKind(t, "before the hour is over", err, github.Limited)
	w.clock.move(61 * time.Minute)
	_, err = w.client.Tip(t.Context(), w.r, "heads/main")
	wantKind(t, "in the next hour", err, "")
}

func TestWhatHasNotChangedIsFree(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	for range 120 {
		must[int64](t)(w.repository.Comment(number, "alice", "x"))
	}
	first := must[[]github.Comment](t)(w.client.Comments(t.Context(), w.r, number, time.Time{}))
	pull := w.pull(number)
	spent := w.client.Budget().Remaining
	w.exchanges()
	second := must[[]github.Comment](t)(w.client.Comments(t.Context(), w.r, number, time.Time{}))
	if diff := cmp.Diff(first, second); diff != "" || len(second) != 120 {
		t.Errorf("%d comments: %s", len(second), diff)
	}
	if diff := cmp.Diff(pull, w.pull(number)); diff != "" {
		t.Error(diff)
	}
	if left := w.client.Budget().Remaining; left != spent {
		t.Errorf("%d of the budget were spent on what has not changed", spent-left)
	}
	for _, e := range w.exchanges() {
		if !e.Cached || e.Status != http.StatusNotModified || e.Remaining != spent || e.Installation != w.installation.ID || e.Took <= 0 {
			t.Errorf("%+v is no answer from the cache", e)
		}
	}
	check(t, w.repository.EditComment(first[7].ID, "alice", "y"))
	third := must[[]github.Comment](t)(w.client.Comments(t.Context(), w.r, number, time.Time{}))
	if third[7].Body != "y" || len(third) != 120 {
		t.Errorf("what has changed is not seen: %q", third[7].Body)
	}
}

func TestListsAreWholeOrAnError(t *testing.T) {
	w := newWorld(t)
	for i := range 130 {
		must[*githubtest.Repository](t)(w.AddRepository("acme", fmt.Sprintf("r%d", i)))
	}
	w.client.Forget()
	if all := must[[]github.Repository](t)(w.client.Repositories(t.Context())); len(all) != 131 {
		t.Errorf("%d repositories", len(all))
	}
	number := w.open("grow", githubtest.Commit{})
	head := w.pull(number).Head
	for range 205 {
		must[int64](t)(w.client.CreateCheck(t.Context(), w.r, github.Check{Name: "countersign (main)", Head: head, Status: "queued"}))
	}
	all := must[[]github.Check](t)(w.client.Checks(t.Context(), w.r, head, "countersign (main)", w.AppID()))
	if len(all) != 205 {
		t.Errorf("%d checks", len(all))
	}
	w.OnRequest(func(r githubtest.Request) {
		if strings.Contains(r.Path, "page=2") {
			w.Fail("checks/list-for-ref", githubtest.Fault{Status: 502})
		}
	})
	if all, err := w.client.Checks(t.Context(), w.r, head, "countersign (main)", w.AppID()); err == nil || all != nil {
		t.Errorf("%d checks, %v: the third page is missing", len(all), err)
	}
}

// malformed are answers that are not a list; [] is one.
var malformed = []string{`null`, `{}`, `"x"`, `[null]`, `[1]`, `[{"id":"x"}]`, `[{}]`, `[`, ``, ` `, `{"total_count":1}`,
	`{"total_count":0,"check_runs":null,"repositories":null}`, `{"check_runs":[],"repositories":[]}`,
	`{"total_count":2,"check_runs":[],"repositories":[]}`, `{"data":null}`, `{"data":{}}`,
	`{"data":{"repository":null}}`, `{"errors":[]}`, `{"data":{"repository":{"mergeQueue":{}}}}`,
	`{"data":{"repository":{"mergeQueue":{"entries":{"nodes":[null]}}}}}`,
	`{"data":{"repository":{"mergeQueue":{"entries":{"nodes":[],"pageInfo":{"hasNextPage":true}}}}}}`}

// served is a client of a server that answers all but tokens with one text.
func served(t testing.TB, header http.Header, text func(r *http.Request) string) *github.Client {
	t.Helper()
	key := githubtest.New(t, githubtest.Options{}).AppKey()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, values := range header {
			w.Header()[name] = values
		}
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		fmt.Fprint(w, text(r))
	}))
	t.Cleanup(server.Close)
	return must[*github.App](t)(github.NewApp(github.Options{URL: server.URL, App: 1, Key: key})).Client(1)
}

func lists(ctx context.Context, c *github.Client, r github.Repository) map[string]error {
	sha := strings.Repeat("a", 40)
	found := map[string]error{}
	_, found["repositories"] = c.Repositories(ctx)
	_, found["pulls"] = c.OpenPulls(ctx, r, "")
	_, found["pulls of"] = c.PullsOf(ctx, r, sha)
	_, found["reviews"] = c.Reviews(ctx, r, 1)
	_, found["comments"] = c.Comments(ctx, r, 1, time.Time{})
	_, found["checks"] = c.Checks(ctx, r, sha, "x", 0)
	_, found["statuses"] = c.Statuses(ctx, r, sha)
	_, found["rules"] = c.Rules(ctx, r, "main")
	_, found["activity"] = c.Activity(ctx, r, "main")
	_, found["queue"] = c.Queue(ctx, r, "main")
	_, found["commits"] = c.Commits(ctx, r, github.Pull{Number: 1, Head: sha})
	return found
}

func TestNoMalformedAnswerIsAnEmptyList(t *testing.T) {
	answer := ""
	client := served(t, nil, func(*http.Request) string { return answer })
	for _, answer = range malformed {
		for what, err := range lists(t.Context(), client, github.Repository{ID: 1, Owner: "o", Name: "r"}) {
			if wantKind(t, what+" from "+answer, err, github.Unavailable); err == nil {
				t.Errorf("%s: %s was taken for an answer", what, answer)
			}
		}
	}
}

func TestAListThatNeverEnds(t *testing.T) {
	for _, next := range []string{"page=1", "page=0", "page=x", "after=x", "cursor=x"} {
		header := http.Header{"Link": {"<http://x/?" + next + `>; rel="next"`}}
		client := served(t, header, func(*http.Request) string { return "[]" })
		_, err := client.Comments(t.Context(), github.Repository{ID: 1, Owner: "o", Name: "r"}, 1, time.Time{})
		if next == "page=0" || next == "page=x" {
			continue // GitHub writes no such link; it ends the list
		}
		wantKind(t, next, err, github.Unavailable)
	}
}

func TestTooLargeAnAnswer(t *testing.T) {
	text := `[{"id":1,"body":"` + strings.Repeat("x", 33<<20) + `"}]`
	client := served(t, nil, func(*http.Request) string { return text })
	_, err := client.Comments(t.Context(), github.Repository{ID: 1, Owner: "o", Name: "r"}, 1, time.Time{})
	if wantKind(t, "33 MiB", err, github.Unavailable); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Error(err)
	}
}

func TestNamesDoNotLeaveTheirPlace(t *testing.T) {
	client := served(t, nil, func(r *http.Request) string { t.Errorf("asked for %s", r.URL); return "{}" })
	for _, name := range []string{"..", ".", "", "a/../..", "a//b"} {
		_, err := client.Tip(t.Context(), github.Repository{ID: 1, Owner: "o", Name: "r"}, "heads/"+name)
		wantKind(t, name, err, github.Refused)
	}
	_, err := client.Pull(t.Context(), github.Repository{ID: 1, Owner: "..", Name: ".."}, 1)
	wantKind(t, "a repository", err, github.Refused)
	for _, name := range []string{"acme", "acme/", "/x", "a/b/c", ""} {
		_, err := client.Team(t.Context(), name)
		wantKind(t, "team "+name, err, github.NotFound)
	}
	asked := ""
	client = served(t, nil, func(r *http.Request) string { asked = r.URL.EscapedPath(); return "{}" })
	_, err = client.UserNamed(t.Context(), "a/../../../app?x=1#y")
	wantKind(t, "a login", err, github.Unavailable)
	if asked != "/users/a%2F..%2F..%2F..%2Fapp%3Fx=1%23y" {
		t.Errorf("asked for %s", asked)
	}
}

// secrets is a transport whose errors hold what no error may.
type secrets struct{ text string }

func (s secrets) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.text == "" {
		return nil, fmt.Errorf("dial with %v: Bearer abc.def, ghs_0123456789abcdef, github_pat_11ABC_def, eyJhbGciOi.eyJpc3.sig, http://u:hunter2@h/", r.Header)
	}
	return &http.Response{StatusCode: 422, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: http.NoBody}, errors.New(s.text)
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	app := w.newApp(func(o *github.Options) { o.Transport = secrets{} })
	client := app.Client(1)
	_, token := client.Token(t.Context())
	_, pull := client.Pull(t.Context(), w.r, 1)
	_, identity := app.Identity(t.Context())
	echo := served(t, nil, func(*http.Request) string {
		return `{"data":null,"errors":[{"type":"X","message":"token ghs_0123456789abcdef, Bearer abc.def"}]}`
	})
	_, graphql := echo.Queue(t.Context(), w.r, "main")
	_, unmarshal := echo.Pull(t.Context(), w.r, 1)
	for _, err := range []error{token, pull, identity, graphql, unmarshal, app.Redeliver(t.Context(), 1)} {
		wantKind(t, "an error", err, github.Unavailable)
		for e := err; e != nil; e = errors.Unwrap(e) {
			text := fmt.Sprintf("%v %+v %#v", e, e, e.Error())
			for _, secret := range []string{"ghs_", "ghp_", "github_pat_", "eyJ", "abc.def", "hunter2"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q holds %s", text, secret)
				}
			}
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*github.Options){
		"no address":    func(o *github.Options) { o.URL = "" },
		"plain http":    func(o *github.Options) { o.URL = "http://github.example/api/v3" },
		"credentials":   func(o *github.Options) { o.URL = "https://me:secret@github.example/" },
		"another thing": func(o *github.Options) { o.URL = "ftp://127.0.0.1/" },
		"no App":        func(o *github.Options) { o.App = 0 },
		"no key":        func(o *github.Options) { o.Key = nil },
		"half a key":    func(o *github.Options) { o.Key = bytes.Replace(o.Key, []byte("A"), []byte("!"), 9) },
	} {
		o := w.options()
		change(&o)
		if _, err := github.NewApp(o); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), string(o.Key)) && len(o.Key) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if slices.Contains(ops(w.exchanges()), "") {
		t.Error("a request has no name")
	}
}
