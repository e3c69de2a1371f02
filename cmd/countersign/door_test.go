package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/pull"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/settings"
)

// app is the third door: a GitHub and the App beside it, shared by all cases.
type app struct {
	github *githubtest.Server
	server *server.Server
	token  string

	mu   sync.Mutex // one case at a time: they share the queue
	made int
}

const doorSecret = "the secret of the third door"

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{github: githubtest.New(t, githubtest.Options{})}
	acme := mustOf(a.github.AddOrganisation("acme"))(t)
	if err := acme.Team("platform", ""); err != nil {
		t.Fatal(err)
	}
	for i, login := range []string{"alice", "bob", "carol"} {
		mails := []string{login + "@acme.example"}
		if login == "alice" {
			mails = append(mails, "a@example.com") // who writes the cases' commits
		}
		mustOf(a.github.AddUser(githubtest.User{ID: int64(101 + i), Login: login, Emails: mails}))(t)
		if err := acme.Member(login, "active"); err != nil {
			t.Fatal(err)
		}
		if err := acme.TeamMember("platform", login, "active"); err != nil {
			t.Fatal(err)
		}
	}
	a.token = mustOf(a.github.UserToken("bob"))(t)
	mustOf(a.github.Install("acme"))(t)
	data := t.TempDir()
	a.server = mustOf(server.New(t.Context(), server.Options{
		Version: version(), RenderArgs: []string{renderChild}, Log: slog.New(slog.DiscardHandler),
		Settings: settings.Settings{AppID: a.github.AppID(), PrivateKey: a.github.AppKey(), WebhookSecrets: []string{doorSecret},
			GitHubURL: a.github.URL(), Listen: "127.0.0.1:0", Operations: "127.0.0.1:0", Data: data,
			Database: "sqlite:" + filepath.Join(data, "countersign.db")},
	}))(t)
	a.github.SetWebhook(a.server.URL()+"/webhook", doorSecret)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return a
}

// play opens a case as a pull request, lets bob approve it, and compares the
// check's text with what the library says of the same trees and people.
func (a *app) play(t *testing.T, l *library, c *gitCase) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	r := mustOf(a.github.AddRepository("acme", fmt.Sprintf("case-%d", a.made)))(t)
	fetch := exec.CommandContext(t.Context(), "git", "-C", r.GitFolder(), "fetch", "--quiet", c.repo.dir, "main", "change")
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	head := c.repo.git("rev-parse", "change")
	for _, login := range []string{"alice", "bob", "carol"} {
		if err := r.Permit(login, "write"); err != nil {
			t.Fatal(err)
		}
	}
	for branch, sha := range map[string]string{"main": c.repo.git("rev-parse", "main"), "change": head} {
		if err := r.Push("alice", branch, sha); err != nil {
			t.Fatal(err)
		}
	}
	r.SetRuleset(githubtest.Guarded("countersign (main)", a.github.AppID())) // as the self-audit wants it
	number := mustOf(r.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change"}))(t)
	a.settle(t)
	mustOf(r.Review(number, githubtest.Review{Login: "bob", State: "approved"}))(t)
	a.settle(t)

	var runs struct {
		Runs []struct {
			Name       string
			Status     string
			Conclusion string
			Output     struct{ Title, Summary, Text string }
		} `json:"check_runs"`
	}
	a.read(t, "/repos/"+r.FullName()+"/commits/"+head+"/check-runs", &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Name != "countersign (main)" || runs.Runs[0].Status != "completed" {
		t.Fatalf("the App's checks: %+v", runs.Runs)
	}
	assessment := l.assess(t, c, [2]string{}, false)
	people, err := pull.Read(t.Context(), l.assessor.Builder, a.download(t, r, number),
		pull.Subject{Assessment: assessment, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	people.NotGiven = nil // the server was there
	verdict := policy.Decide(assessment, people)
	said := report.New(assessment, verdict, false)
	output := runs.Runs[0].Output
	got := digests.ReplaceAllString(output.Summary+"\n"+output.Text, "${1}…")
	want := digests.ReplaceAllString(said.Markdown(), "${1}…")
	if !strings.HasPrefix(got, want) {
		t.Errorf("the App's check differs (-library +App):\n%s", cmp.Diff(want, got))
	}
	if output.Title != said.Title() {
		t.Errorf("title %q, the library says %q", output.Title, said.Title())
	}
	if conclusion := conclusions[verdict.State]; !verdict.Observing && runs.Runs[0].Conclusion != conclusion {
		t.Errorf("conclusion %s, want %s", runs.Runs[0].Conclusion, conclusion)
	}
}

// conclusions say what a state means for a check.
var conclusions = map[string]string{
	policy.StatePass: "success", policy.StateNeedsApproval: "action_required", policy.StateBlocked: "action_required",
	policy.StateViolation: "failure", policy.StateError: "failure",
}

func (a *app) settle(t *testing.T) {
	t.Helper()
	a.github.Flush()
	if err := a.server.Quiet(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// read asks GitHub as gh does.
func (a *app) read(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(a.get(t, path), into); err != nil {
		t.Fatal(err)
	}
}

func (a *app) get(t *testing.T, path string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.github.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", path, answer.Status, err)
	}
	return text
}

// download writes the folder of --pull as docs/pull.md says.
func (a *app) download(t *testing.T, r *githubtest.Repository, number int) string {
	t.Helper()
	dir, at := t.TempDir(), "/repos/"+r.FullName()
	for name, path := range map[string]string{
		"pull.json":                  fmt.Sprintf("%s/pulls/%d", at, number),
		"reviews.json":               fmt.Sprintf("%s/pulls/%d/reviews?per_page=100", at, number),
		"commits.json":               fmt.Sprintf("%s/pulls/%d/commits?per_page=100", at, number),
		"pushes.json":                at + "/activity?ref=change&per_page=100",
		"permissions/alice.json":     at + "/collaborators/alice/permission",
		"permissions/bob.json":       at + "/collaborators/bob/permission",
		"members/acme/platform.json": "/orgs/acme/teams/platform/members?per_page=100",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, a.get(t, path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
