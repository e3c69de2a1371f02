package githubtest_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// clock is one that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// ask sends one request and returns status, body and header.
func (w *world) ask(method, path, authorization string, body string) (int, map[string]any, http.Header) {
	w.t.Helper()
	request := must[*http.Request](w.t)(http.NewRequestWithContext(w.t.Context(), method, w.URL()+path, strings.NewReader(body)))
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer := must[*http.Response](w.t)(http.DefaultClient.Do(request))
	text := must[[]byte](w.t)(io.ReadAll(answer.Body))
	check(w.t, answer.Body.Close())
	decoded := map[string]any{}
	if len(text) > 0 && text[0] == '{' {
		check(w.t, json.Unmarshal(text, &decoded))
	}
	return answer.StatusCode, decoded, answer.Header
}

func (w *world) jwt(claims jwt.MapClaims, method jwt.SigningMethod) string {
	w.t.Helper()
	block, _ := pem.Decode(w.AppKey())
	var key any = must[*rsa.PrivateKey](w.t)(x509.ParsePKCS1PrivateKey(block.Bytes))
	if method == jwt.SigningMethodHS256 {
		key = []byte("secret")
	}
	return "Bearer " + must[string](w.t)(jwt.NewWithClaims(method, claims).SignedString(key))
}

// token asks for an installation token with a body.
func (w *world) token(body string) (int, map[string]any) {
	w.t.Helper()
	now := w.wall().Unix()
	status, answer, _ := w.ask("POST", "/app/installations/"+itoa(w.installation.ID)+"/access_tokens",
		w.jwt(jwt.MapClaims{"iat": now - 30, "exp": now + 300, "iss": itoa(w.AppID())}, jwt.SigningMethodRS256), body)
	return status, answer
}

func itoa(n int64) string { return string(must1(json.Marshal(n))) }

func must1(text []byte, _ error) []byte { return text }

func TestTheAppsTokenIsRead(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		claims jwt.MapClaims
		method jwt.SigningMethod
		status int
	}{
		"good":           {jwt.MapClaims{"iat": now - 30, "exp": now + 300, "iss": itoa(w.AppID())}, jwt.SigningMethodRS256, 200},
		"a number":       {jwt.MapClaims{"iat": now - 30, "exp": now + 300, "iss": w.AppID()}, jwt.SigningMethodRS256, 200},
		"expired":        {jwt.MapClaims{"iat": now - 700, "exp": now - 100, "iss": itoa(w.AppID())}, jwt.SigningMethodRS256, 401},
		"from tomorrow":  {jwt.MapClaims{"iat": now + 9000, "exp": now + 9300, "iss": itoa(w.AppID())}, jwt.SigningMethodRS256, 401},
		"too long":       {jwt.MapClaims{"iat": now - 30, "exp": now + 3600, "iss": itoa(w.AppID())}, jwt.SigningMethodRS256, 401},
		"another's":      {jwt.MapClaims{"iat": now - 30, "exp": now + 300, "iss": "1"}, jwt.SigningMethodRS256, 401},
		"another method": {jwt.MapClaims{"iat": now - 30, "exp": now + 300, "iss": itoa(w.AppID())}, jwt.SigningMethodHS256, 401},
	} {
		if status, body, _ := w.ask("GET", "/app", w.jwt(test.claims, test.method), ""); status != test.status {
			t.Errorf("%s: %d %v, want %d", name, status, body["message"], test.status)
		}
	}
	if status, _, _ := w.ask("GET", "/app", "", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
}

func TestTokensReachOnlyWhatTheyAreFor(t *testing.T) {
	tokens := &clock{time.Now()}
	w := newWorld(t, githubtest.Options{TokenClock: tokens.now})
	other := must[*githubtest.Repository](t)(w.AddRepository("acme", "other"))
	must[*githubtest.Organisation](t)(w.AddOrganisation("rival"))
	must[*githubtest.Repository](t)(w.AddRepository("rival", "secret"))
	status, made := w.token(`{"repositories":["clusters"],"permissions":{"contents":"read"}}`)
	if status != 201 || made["repository_selection"] != "selected" {
		t.Fatalf("token: %d %v", status, made)
	}
	auth := "token " + made["token"].(string)
	asks := func(method, path, body string, want int) {
		t.Helper()
		if status, answer, _ := w.ask(method, path, auth, body); status != want {
			t.Errorf("%s %s: %d %v, want %d", method, path, status, answer["message"], want)
		}
	}
	asks("GET", "/repos/acme/clusters", "", 200)
	asks("GET", "/repos/acme/clusters/git/ref/heads/main", "", 200)
	asks("GET", "/repos/acme/other", "", 404)
	asks("GET", "/repos/rival/secret", "", 404)
	asks("GET", "/repos/acme/clusters/pulls", "", 403)
	asks("GET", "/orgs/acme/teams", "", 403)
	asks("GET", "/app", "", 401)
	asks("POST", "/repos/acme/clusters/check-runs", `{"name":"x","head_sha":"`+w.root+`"}`, 403)
	other.Public()
	asks("GET", "/repos/acme/other", "", 200)
	asks("POST", "/repos/acme/other/check-runs", `{"name":"x","head_sha":"`+w.root+`"}`, 403)
	if status, _ := w.token(`{"permissions":{"administration":"write"}}`); status != 422 {
		t.Errorf("a token for more than is granted: %d", status)
	}
	if status, _ := w.token(`{"repositories":["nowhere"]}`); status != 422 {
		t.Errorf("a token for a repository that is not there: %d", status)
	}
	tokens.at = tokens.at.Add(61 * time.Minute)
	asks("GET", "/repos/acme/clusters", "", 401)
	tokens.at = tokens.at.Add(-61 * time.Minute)
	w.installation.Suspend(true)
	asks("GET", "/repos/acme/clusters", "", 403)
	if status, _ := w.token(""); status != 403 {
		t.Errorf("a token for a suspended installation: %d", status)
	}
	w.installation.Suspend(false)
	person := must[string](t)(w.UserToken("zed"))
	if status, _, _ := w.ask("POST", "/repos/acme/clusters/check-runs", "Bearer "+person, `{"name":"x","head_sha":"`+w.root+`"}`); status != 403 {
		t.Errorf("a person's check run: %d", status)
	}
}

func TestUnknownRequestsFail(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	_, made := w.token("")
	auth := "Bearer " + made["token"].(string)
	for _, test := range []struct {
		method, path, body string
		status             int
		problem            string
	}{
		{"GET", "/repos/acme/clusters/stargazers", "", 404, "nothing here answers"},
		{"PUT", "/repos/acme/clusters/pulls/" + itoa(int64(number)) + "/update-branch", "{}", 404, "nothing here answers"},
		{"GET", "/repos/acme/clusters/pulls?stat=open", "", 422, `unknown query parameter "stat"`},
		{"POST", "/repos/acme/clusters/check-runs", `{"name":"x","head_sha":"` + head + `","colour":"red"}`, 422, `unknown key "colour"`},
		{"POST", "/repos/acme/clusters/check-runs", `{"name":"x","head_sha":"` + head + `","output":{"tilte":"x"}}`, 422, `unknown key "output.tilte"`},
		{"POST", "/repos/acme/clusters/check-runs", `[]`, 400, "no JSON object"},
		{"POST", "/graphql", `{"query":"{ repository(owner:\"acme\", name:\"clusters\") { stargazerCount } }"}`, 200, `no field "stargazerCount"`},
	} {
		status, _, _ := w.ask(test.method, test.path, auth, test.body)
		problems := strings.Join(w.TakeProblems(), "\n")
		if status != test.status || !strings.Contains(problems, test.problem) {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, status, problems, test.status, test.problem)
		}
	}
}

func TestOperationsHaveNames(t *testing.T) {
	for request, want := range map[[2]string]string{
		{"POST", "/repos/acme/clusters/check-runs"}:               "checks/create",
		{"GET", "/repos/acme/clusters/issues/comments/7"}:         "issues/get-comment",
		{"GET", "/repos/acme/clusters/issues/7/comments"}:         "issues/list-comments",
		{"GET", "/repos/acme/clusters/contents/a%2Fb/c.yaml"}:     "repos/get-content",
		{"GET", "/repos/acme/clusters/rules/branches/release/1"}:  "repos/get-branch-rules",
		{"GET", "/repos/acme/clusters/branches/a%2Fb/protection"}: "repos/get-branch-protection",
		{"DELETE", "/repos/acme/clusters"}:                        "",
		{"GET", "/repos//clusters"}:                               "",
	} {
		if got := githubtest.Operation(request[0], request[1]); got != want {
			t.Errorf("%v: %q, want %q", request, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	tokens := &clock{time.Now()}
	w := newWorld(t, githubtest.Options{TokenClock: tokens.now, Limits: githubtest.Limits{CreationsPerMinute: 2}})
	number, head := w.open("grow")
	_, made := w.token("")
	auth := "Bearer " + made["token"].(string)
	status, _, header := w.ask("GET", "/repos/acme/clusters", auth, "")
	if status != 200 || header.Get("X-RateLimit-Remaining") != "4999" {
		t.Errorf("%d, remaining %s", status, header.Get("X-RateLimit-Remaining"))
	}
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+"/repos/acme/clusters", nil))
	request.Header.Set("Authorization", auth)
	request.Header.Set("If-None-Match", header.Get("ETag"))
	answer := must[*http.Response](t)(http.DefaultClient.Do(request))
	check(t, answer.Body.Close())
	if answer.StatusCode != http.StatusNotModified || answer.Header.Get("X-RateLimit-Remaining") != "4999" {
		t.Errorf("%d, remaining %s: what has not changed is free", answer.StatusCode, answer.Header.Get("X-RateLimit-Remaining"))
	}
	client := w.client()
	comment := func() error {
		_, _, err := client.Issues.CreateComment(t.Context(), "acme", "clusters", number, &github.IssueComment{Body: github.String("x")})
		return err
	}
	check(t, comment())
	check(t, comment())
	var abuse *github.AbuseRateLimitError
	if err := comment(); !errors.As(err, &abuse) || abuse.GetRetryAfter() != time.Minute {
		t.Errorf("the third creation: %v", err)
	}
	if n := len(w.Writes()); n != 2 {
		t.Errorf("%d writes, want 2: a refusal writes nothing", n)
	}
	w.installation.SetRemaining(1)
	client = w.client()
	_, _, err := client.Repositories.Get(t.Context(), "acme", "clusters")
	check(t, err)
	var limited *github.RateLimitError
	if _, _, err := client.Git.GetCommit(t.Context(), "acme", "clusters", head); !errors.As(err, &limited) {
		t.Errorf("beyond the hour's budget: %v", err)
	}
	tokens.at = tokens.at.Add(time.Hour)
	if status, _, header := w.ask("GET", "/rate_limit", auth, ""); status != 401 {
		t.Errorf("the token outlived its hour: %d %v", status, header)
	}
	_, made = w.token("")
	if status, _, _ := w.ask("GET", "/repos/acme/clusters", "Bearer "+made["token"].(string), ""); status != 200 {
		t.Errorf("in the next hour: %d", status)
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	get := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, _, err := w.client().PullRequests.Get(ctx, "acme", "clusters", number)
		return err
	}
	check(t, get())
	var refusal *github.ErrorResponse
	var secondary *github.AbuseRateLimitError
	var syntax *json.SyntaxError
	for name, test := range map[string]struct {
		fault githubtest.Fault
		is    func(error) bool
	}{
		"502": {githubtest.Fault{Status: 502}, func(err error) bool {
			return errors.As(err, &refusal) && refusal.Response.StatusCode == http.StatusBadGateway
		}},
		"secondary": {githubtest.Fault{Status: 403, RetryAfter: time.Minute}, func(err error) bool { return errors.As(err, &secondary) }},
		"too many": {githubtest.Fault{Status: 429, RetryAfter: time.Minute}, func(err error) bool {
			return errors.As(err, &refusal) && refusal.Response.Header.Get("Retry-After") == "60"
		}},
		"reset": {githubtest.Fault{Reset: true}, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF) }},
		"half":  {githubtest.Fault{Half: true, Apply: true}, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"html":  {githubtest.Fault{HTML: true}, func(err error) bool { return errors.As(err, &syntax) }},
	} {
		w.Fail("pulls/get", test.fault)
		if err := get(); err == nil || !test.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		check(t, get())
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.Fail("pulls/get", githubtest.Fault{Stall: true})
	ended := make(chan error)
	go func() {
		_, _, err := w.client().PullRequests.Get(ctx, "acme", "clusters", number)
		ended <- err
	}()
	for !slices.ContainsFunc(w.Requests(), func(r githubtest.Request) bool { return strings.Contains(r.Fault, "stall=true") }) {
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("stall: %v", err)
	}
	w.Fail("*", githubtest.Fault{Status: 500, Times: 2})
	if get() == nil {
		t.Error("the fault of any operation was not played")
	}
	w.Heal()
	check(t, get())
}

// A write whose answer is lost has happened.
func TestAppliedButLost(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	_, head := w.open("grow")
	for name, fault := range map[string]githubtest.Fault{"reset": {Apply: true, Reset: true}, "502": {Apply: true, Status: 502}} {
		w.Fail("checks/create", fault)
		_, _, err := w.client().Checks.CreateCheckRun(t.Context(), "acme", "clusters", github.CreateCheckRunOptions{Name: name, HeadSHA: head})
		if err == nil {
			t.Errorf("%s: the answer came", name)
		}
		found, _, err := w.client().Checks.ListCheckRunsForRef(t.Context(), "acme", "clusters", head, &github.ListCheckRunsOptions{CheckName: &name})
		check(t, err)
		if found.GetTotal() != 1 {
			t.Errorf("%s: %d runs, want 1", name, found.GetTotal())
		}
	}
}

func TestCheckRunLimits(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	_, head := w.open("grow")
	create := func(change func(*github.CreateCheckRunOptions)) error {
		options := github.CreateCheckRunOptions{Name: "x", HeadSHA: head, Output: &github.CheckRunOutput{
			Title: github.String("t"), Summary: github.String("s")}}
		change(&options)
		_, _, err := w.client().Checks.CreateCheckRun(t.Context(), "acme", "clusters", options)
		return err
	}
	check(t, create(func(o *github.CreateCheckRunOptions) {
		o.Output.Text = github.String(strings.Repeat("x", 65535))
		o.Output.Annotations = annotations(50)
	}))
	button := &github.CheckRunAction{Label: "Re-evaluate", Description: "again", Identifier: "reevaluate"}
	for name, change := range map[string]func(*github.CreateCheckRunOptions){
		"bytes, not runes": func(o *github.CreateCheckRunOptions) { o.Output.Text = github.String(strings.Repeat("ü", 32768)) },
		"a longer summary": func(o *github.CreateCheckRunOptions) { o.Output.Summary = github.String(strings.Repeat("x", 65536)) },
		"51 annotations":   func(o *github.CreateCheckRunOptions) { o.Output.Annotations = annotations(51) },
		"four buttons": func(o *github.CreateCheckRunOptions) {
			o.Actions = []*github.CheckRunAction{button, button, button, button}
		},
		"a long label": func(o *github.CreateCheckRunOptions) {
			o.Actions = []*github.CheckRunAction{{Label: strings.Repeat("x", 21), Description: "d", Identifier: "i"}}
		},
		"no title":               func(o *github.CreateCheckRunOptions) { o.Output.Title = nil },
		"completed without more": func(o *github.CreateCheckRunOptions) { o.Status = github.String("completed") },
		"an unknown commit":      func(o *github.CreateCheckRunOptions) { o.HeadSHA = strings.Repeat("1", 40) },
	} {
		err := create(change)
		w.TakeProblems() // GitHub's description may say that the request is none
		if refusal, is := errors.AsType[*github.ErrorResponse](err); !is || refusal.Response.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v, want 422", name, err)
		}
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	for range 5 {
		must[int64](t)(w.repository.Comment(number, "bob", "x"))
	}
	var ids []int64
	options := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 2}}
	pages := 0
	for {
		comments, response, err := w.client().Issues.ListComments(t.Context(), "acme", "clusters", number, options)
		check(t, err)
		pages++
		for _, c := range comments {
			ids = append(ids, c.GetID())
		}
		if response.NextPage == 0 {
			break
		}
		if response.LastPage != 3 {
			t.Errorf("last page %d", response.LastPage)
		}
		options.Page = response.NextPage
	}
	if pages != 3 || len(ids) != 5 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 5 {
		t.Errorf("%d pages, %v", pages, ids)
	}
}

// The commits of a pull request stop at 250, as GitHub's do.
func TestListsStop(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	head := w.root
	for range 252 {
		head = must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{head}, Tree: w.root, Author: "alice", Message: "again"}))
	}
	check(t, w.repository.Push("alice", "long", head))
	number := must[int](t)(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: "long"}))
	pull, _, err := w.client().PullRequests.Get(t.Context(), "acme", "clusters", number)
	check(t, err)
	listed := 0
	for page := 1; page != 0; {
		commits, response, err := w.client().PullRequests.ListCommits(t.Context(), "acme", "clusters", number, &github.ListOptions{PerPage: 100, Page: page})
		check(t, err)
		listed, page = listed+len(commits), response.NextPage
	}
	if pull.GetCommits() != 252 || listed != 250 {
		t.Errorf("%d commits said, %d listed, want 252 and 250", pull.GetCommits(), listed)
	}
}

func TestMovedRepositoriesRedirectOnTheSameHost(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	check(t, w.repository.Rename("fleet"))
	client := w.client()
	var hosts []string
	repository, response, err := client.Repositories.Get(t.Context(), "acme", "clusters")
	check(t, err)
	hosts = append(hosts, response.Request.URL.Host)
	if repository.GetName() != "fleet" || repository.GetID() != w.repository.ID() ||
		hosts[0] != must[*url.URL](t)(url.Parse(w.URL())).Host {
		t.Errorf("%s at %v", repository.GetFullName(), hosts)
	}
}
