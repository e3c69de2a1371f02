package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

const tokenOp = "apps/create-installation-access-token"

func TestATokenThatGitHubNoLongerTakesIsRenewed(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	p := w.pull(number)
	for op, ask := range w.each(number, p) {
		before, token := w.Count(op), w.Count(tokenOp)
		w.Fail(op, githubtest.Fault{Status: 401})
		err := ask(t.Context())
		if strings.Contains(op, "create") {
			wantKind(t, op, err, github.Forbidden)
			if w.Count(op) != before+1 {
				t.Errorf("%s was sent %d times", op, w.Count(op)-before)
			}
			check(t, ask(t.Context()))
		} else {
			wantKind(t, op, err, "")
		}
		if w.Count(tokenOp) != token+1 {
			t.Errorf("%s: %d tokens were asked for", op, w.Count(tokenOp)-token)
		}
	}
}

func TestTokensThatEndAreRenewed(t *testing.T) {
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			n := tokens.Add(1)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"t%d","expires_at":%q}`, n, time.Now().Add(30*time.Second).UTC().Format(time.RFC3339))
			return
		}
		if want := fmt.Sprintf("token t%d", tokens.Load()); r.Header.Get("Authorization") != want {
			t.Errorf("Authorization is %q, want %q", r.Header.Get("Authorization"), want)
		}
		fmt.Fprint(w, "[]")
	}))
	defer server.Close()
	key := githubtest.New(t, githubtest.Options{}).AppKey()
	client := must[*github.App](t)(github.NewApp(github.Options{URL: server.URL, App: 1, Key: key})).Client(1)
	for range 3 {
		must[[]github.Comment](t)(client.Comments(t.Context(), github.Repository{Owner: "o", Name: "r"}, 1, time.Time{}))
	}
	if tokens.Load() != 3 {
		t.Errorf("%d tokens for three requests, each with a token about to end", tokens.Load())
	}
}

// A token's answer that holds none panics in ghinstallation, or is used as "".
func TestAnAnswerWithoutAToken(t *testing.T) {
	key := githubtest.New(t, githubtest.Options{}).AppKey()
	for _, answer := range []string{"null", "{}", "[]", `{"token":"ghs_x"}`, `{"token":"","expires_at":"2099-01-01T00:00:00Z"}`, `{"tok`, ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, answer)
		}))
		client := must[*github.App](t)(github.NewApp(github.Options{URL: server.URL, App: 1, Key: key})).Client(1)
		_, err := client.Token(t.Context())
		wantKind(t, answer, err, github.Unavailable)
		_, err = client.Repositories(t.Context())
		wantKind(t, answer, err, github.Unavailable)
		server.Close()
	}
}

func TestTheInstallationIsSuspendedOrGone(t *testing.T) {
	w := newWorld(t)
	fresh := func() *github.Client { return w.newApp(nil).Client(w.installation.ID) }
	w.installation.Suspend(true)
	_, err := w.client.Tip(t.Context(), w.r, "heads/main")
	wantKind(t, "suspended, with a token", err, github.Forbidden)
	_, err = fresh().Tip(t.Context(), w.r, "heads/main")
	wantKind(t, "suspended, without one", err, github.Forbidden)
	w.installation.Suspend(false)
	_, err = w.client.Tip(t.Context(), w.r, "heads/main")
	wantKind(t, "no longer suspended", err, "")
	w.installation.Uninstall()
	for name, client := range map[string]*github.Client{"with a token": w.client, "without one": fresh()} {
		_, err = client.Tip(t.Context(), w.r, "heads/gone")
		wantKind(t, "gone, "+name, err, github.Forbidden) // not NotFound: nothing is known of the ref
		_, err = client.Token(t.Context())
		wantKind(t, "a token of none, "+name, err, github.Forbidden)
	}
	for fault, want := range map[*githubtest.Fault]github.Kind{
		{Status: 502}: github.Unavailable,
		{Reset: true}: github.Unavailable,
		{HTML: true}:  github.Unavailable,
		{Half: true}:  github.Unavailable,
		{Status: 403, RetryAfter: 5 * time.Second}: github.Limited,
		{Status: 429, RetryAfter: 5 * time.Second}: github.Limited,
	} {
		w.Fail(tokenOp, *fault)
		_, err := fresh().Token(t.Context())
		wantKind(t, fault.String(), err, want)
	}
}

func TestOneClientForEach(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			client := w.app.Client(w.installation.ID)
			if client != w.client {
				t.Error("another client of the same installation")
			}
			if _, err := client.Tip(t.Context(), w.r, "heads/main"); err != nil {
				t.Error(err)
			}
			if _, err := w.app.Client(int64(i)).Token(t.Context()); err == nil {
				t.Error("a token of no installation")
			}
			if _, _, err := client.Person(t.Context(), w.r, w.user("bob"), nil, w.clock.now()); err != nil {
				t.Error(err)
			}
			client.Forget()
		})
	}
	group.Wait()
}
