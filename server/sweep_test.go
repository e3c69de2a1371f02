package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/sweep"
)

// fleet is a world with a fleet on main, people, and a protected branch.
type fleet struct{ *world }

const checkName = "countersign (main)"

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{newWorld(t, noon)}
	for _, login := range []string{"alice", "bob", "carol", "erin"} {
		must(f.github.AddUser(githubtest.User{Login: login, Emails: []string{login + "@acme.example"}}))(t)
		check(t, f.org.Member(login, "active"))
		check(t, f.repository.Permit(login, map[bool]string{true: "admin", false: "write"}[login == "erin"]))
	}
	root := must(f.repository.Commit(githubtest.Commit{Author: "erin", Files: map[string]string{
		".countersign.yaml":             "apiVersion: countersign.dev/v1\nkind: Config\nalerts: {receiver: oncall}\n",
		"clusters/a/kustomization.yaml": "resources: [placement.yaml]\n",
		"clusters/a/placement.yaml":     placement(1),
		"clusters/b/kustomization.yaml": "resources: [placement.yaml]\n",
		"clusters/b/placement.yaml":     placement(1),
	}}))(t)
	check(t, f.repository.Push("erin", "main", root))
	f.protect(false)
	return f
}

func placement(n int) string {
	return fmt.Sprintf("apiVersion: fleet.acme.example/v1\nkind: Placement\nmetadata: {name: a, namespace: fleet}\nspec:\n  n: %d\n", n)
}

// protect asks for our check; erin, who is admin, may pass over it.
func (f *fleet) protect(strict bool) {
	rule := githubtest.RequiredCheck(checkName, f.github.AppID())
	rule.Parameters["strict_required_status_checks_policy"] = strict
	f.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{rule},
		Bypass: []githubtest.Bypass{{ActorID: 5, ActorType: "RepositoryRole", Mode: "always"}}})
}

// open opens a pull request of a branch that changes files.
func (f *fleet) open(login, branch string, files map[string]string) int {
	f.t.Helper()
	f.push(login, branch, f.repository.Branch("main"), files)
	return must(f.repository.OpenPull(githubtest.OpenPull{Author: login, Head: branch}))(f.t)
}

func (f *fleet) push(login, branch, parent string, files map[string]string) string {
	f.t.Helper()
	sha := must(f.repository.Commit(githubtest.Commit{Parents: []string{parent}, Author: login, Files: files}))(f.t)
	check(f.t, f.repository.Push(login, branch, sha))
	return sha
}

func (f *fleet) asBob(path string, into any) {
	f.t.Helper()
	request := must(http.NewRequest(http.MethodGet, f.github.URL()+"/repos/acme/clusters"+path, nil))(f.t)
	request.Header.Set("Authorization", "Bearer "+must(f.github.UserToken("bob"))(f.t))
	answer := must(http.DefaultClient.Do(request))(f.t)
	defer answer.Body.Close()
	check(f.t, json.NewDecoder(answer.Body).Decode(into))
}

func (f *fleet) head(number int) string {
	var pull struct{ Head struct{ SHA string } }
	f.asBob(fmt.Sprintf("/pulls/%d", number), &pull)
	return pull.Head.SHA
}

// conclusion is what our check says on a pull request's head.
func (f *fleet) conclusion(number int) string { return f.conclusionOf(f.head(number)) }

func (f *fleet) conclusionOf(sha string) string {
	f.t.Helper()
	var list struct {
		Runs []struct {
			Conclusion string
			App        struct{ ID int64 }
		} `json:"check_runs"`
	}
	f.asBob("/commits/"+sha+"/check-runs", &list)
	for _, run := range list.Runs {
		if run.App.ID == f.github.AppID() {
			return run.Conclusion
		}
	}
	return ""
}

func (f *fleet) approve(number int, logins ...string) {
	f.t.Helper()
	for _, login := range logins {
		must(f.repository.Review(number, githubtest.Review{Login: login, State: "approved"}))(f.t)
	}
}

// receiver takes alerts, once it is willing.
type receiver struct {
	mu     sync.Mutex
	alerts []sweep.Alert
	deaf   bool
	tried  int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	if r.deaf {
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	}
	text, _ := io.ReadAll(request.Body)
	var a sweep.Alert
	if json.Unmarshal(text, &a) == nil {
		r.alerts = append(r.alerts, a)
	}
}

func (r *receiver) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kinds []string
	for _, a := range r.alerts {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func (f *fleet) receiver() *receiver {
	r := &receiver{}
	s := httptest.NewServer(r)
	f.t.Cleanup(s.Close)
	f.settings.Alerts = map[string]string{"oncall": s.URL, "others": "http://127.0.0.1:1/nobody"}
	return r
}

// What we passed is merged in silence, each way that GitHub merges; what we did
// not pass is told once.
func TestPushAudit(t *testing.T) {
	f := newFleet(t)
	alerts := f.receiver()
	f.start()
	silent := func(what string) {
		t.Helper()
		f.rest()
		f.sweep()
		if got := alerts.kinds(); len(got) > 0 {
			t.Fatalf("%s: alerts %v", what, alerts.alerts)
		}
	}
	docs := f.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
	f.rest()
	must(f.repository.Merge(docs, "alice"))(t)
	silent("a merge")

	grow := f.open("alice", "grow", map[string]string{"clusters/a/placement.yaml": placement(2)})
	other := f.open("alice", "other", map[string]string{"docs/b.md": "hello\n"})
	f.rest()
	f.approve(grow, "bob", "carol")
	f.rest()
	if got := f.conclusion(grow); got != "success" {
		t.Fatalf("approved by two: %q", got)
	}
	must(f.repository.Merge(grow, "alice"))(t)
	silent("a merge of what two approved")
	must(f.repository.Merge(other, "alice"))(t)
	silent("a merge after the base moved and we looked again")

	// An unapproved change goes past the check.
	evil := f.open("alice", "evil", map[string]string{"clusters/a/placement.yaml": placement(9)})
	f.rest()
	must(f.repository.Merge(evil, "erin"))(t)
	f.rest()
	if got := alerts.kinds(); !slices.Equal(got, []string{"unreviewed_change"}) {
		t.Fatalf("a merge past the check: alerts %v", got)
	}
	if a := alerts.alerts[0]; a.Repository != "acme/clusters" || a.Receiver != "oncall" || !strings.Contains(a.Text, f.repository.Branch("main")[:12]) {
		t.Errorf("alert: %+v", a)
	}
	// A direct push, and one that takes back what was merged: its tree is one that we passed, of another base.
	f.push("erin", "main", f.repository.Branch("main"), map[string]string{"docs/c.md": "direct\n"})
	f.rest()
	f.push("erin", "main", f.repository.Branch("main"), map[string]string{"clusters/a/placement.yaml": placement(1)})
	f.rest()
	f.sweep()
	f.sweep()
	if got := alerts.kinds(); len(got) != 3 {
		t.Errorf("two direct pushes: alerts %v", got)
	}
	// Another process tells nothing twice.
	f.stop()
	f.start()
	f.sweep()
	if got := alerts.kinds(); len(got) != 3 {
		t.Errorf("after a restart: alerts %v", got)
	}
	entries := must(f.store().Entries(t.Context(), store.LogQuery{Repository: f.repository.ID(), Kind: "alert"}))(t)
	if len(entries) != 3 {
		t.Errorf("%d entries in the audit log", len(entries))
	}
}

// A push whose event was lost is found by the sweep.
func TestPushAuditWithoutTheEvent(t *testing.T) {
	f := newFleet(t)
	alerts := f.receiver()
	f.start()
	f.sweep()
	f.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	f.push("erin", "main", f.repository.Branch("main"), map[string]string{"clusters/a/placement.yaml": placement(7)})
	f.sweep()
	if got := alerts.kinds(); !slices.Equal(got, []string{"unreviewed_change"}) {
		t.Errorf("alerts %v\n%s", got, f.log)
	}
}

// An alert that nobody took is told again, until somebody does.
func TestAlertsAreToldAgain(t *testing.T) {
	f := newFleet(t)
	alerts := f.receiver()
	alerts.deaf = true
	f.start()
	f.sweep()
	f.push("erin", "main", f.repository.Branch("main"), map[string]string{"clusters/a/placement.yaml": placement(7)})
	f.rest()
	f.at(noon.Add(5 * time.Minute))
	f.sweep()
	alerts.mu.Lock()
	if alerts.tried < 2 {
		t.Errorf("tried %d times", alerts.tried)
	}
	alerts.deaf = false
	alerts.mu.Unlock()
	f.at(noon.Add(10 * time.Minute))
	f.sweep()
	f.at(noon.Add(15 * time.Minute))
	f.sweep()
	if got := alerts.kinds(); !slices.Equal(got, []string{"unreviewed_change"}) {
		t.Errorf("alerts %v", got)
	}
}

// AC-091: after a day without a webhook all pull requests are right at the first sweep.
func TestADayOfOutageAC091(t *testing.T) {
	f := newFleet(t)
	f.start()
	docs := f.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
	grow := f.open("alice", "grow", map[string]string{"clusters/a/placement.yaml": placement(2)})
	turned := f.open("alice", "turned", map[string]string{"docs/t.md": "hello\n"})
	closed := f.open("alice", "closed", map[string]string{"docs/c.md": "hello\n"})
	left := f.open("bob", "left", map[string]string{"clusters/a/placement.yaml": placement(3)})
	f.rest()
	f.approve(left, "alice", "carol")
	f.rest()
	for number, want := range map[int]string{docs: "success", grow: "action_required", turned: "success", closed: "success", left: "success"} {
		if got := f.conclusion(number); got != want {
			t.Fatalf("#%d before: %q, want %q", number, got, want)
		}
	}
	f.at(noon.Add(time.Hour))
	f.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	f.approve(grow, "bob", "carol")
	f.push("alice", "turned", f.repository.Branch("turned"), map[string]string{"clusters/a/placement.yaml": placement(5)})
	check(t, f.repository.Close(closed, "alice"))
	check(t, f.repository.Permit("carol", "read")) // bumps no pull request
	fresh := f.open("alice", "fresh", map[string]string{"docs/f.md": "hello\n"})
	f.at(noon.Add(25 * time.Hour))
	f.sweep()
	for number, want := range map[int]string{docs: "success", turned: "action_required", fresh: "success", left: "action_required"} {
		if got := f.conclusion(number); got != want {
			t.Errorf("#%d after: %q, want %q", number, got, want)
		}
	}
	if got := f.conclusion(closed); got != "action_required" {
		t.Errorf("closed while we were away: %q", got)
	}
	// Quiet again: nothing is asked twice.
	writes := len(f.github.Writes())
	f.at(noon.Add(25*time.Hour + 10*time.Minute))
	f.sweep()
	if more := f.github.Writes()[writes:]; len(more) > 0 {
		t.Errorf("a sweep of what is right wrote: %v", more)
	}
}

// Deliveries that failed come again, and only those.
func TestFailedDeliveriesAreAskedForAgain(t *testing.T) {
	f := newFleet(t)
	f.start()
	f.rest() // the first look is over
	f.github.OnDelivery(func(d githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Drop: d.Event == "pull_request"} })
	number := f.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
	f.rest()
	f.github.OnDelivery(nil)
	f.at(noon.Add(6 * time.Minute))
	f.sweep()
	f.rest()
	again := 0
	for _, d := range f.github.Deliveries() {
		if d.Redelivery {
			again++
			if d.Event != "pull_request" || d.StatusCode != http.StatusAccepted {
				t.Errorf("delivered again: %s %d", d.Event, d.StatusCode)
			}
		}
	}
	if again != 1 {
		t.Errorf("%d deliveries came again", again)
	}
	f.at(noon.Add(12 * time.Minute))
	f.sweep()
	if got := f.github.Count("apps/redeliver-webhook-delivery"); got != 1 {
		t.Errorf("asked %d times", got)
	}
	if got := f.conclusion(number); got != "success" {
		t.Errorf("conclusion %q", got)
	}
}

// Who writes under our name is found without an event, told, and outvoted.
func TestForgedResultsAreFound(t *testing.T) {
	f := newFleet(t)
	alerts := f.receiver()
	f.start()
	number := f.open("alice", "grow", map[string]string{"clusters/a/placement.yaml": placement(2)})
	f.rest()
	f.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	check(t, f.repository.PostStatus("bob", f.head(number), checkName, "success"))
	must(f.repository.PostCheck(777, f.head(number), checkName, "success"))(t)
	f.sweep()
	f.sweep()
	if got := alerts.kinds(); !slices.Equal(got, []string{"status_spoofed", "status_spoofed"}) {
		t.Errorf("alerts %v", got)
	}
	entries := must(f.store().Entries(t.Context(), store.LogQuery{Repository: f.repository.ID(), Pull: int64(number), Kind: "spoofed"}))(t)
	if len(entries) != 2 {
		t.Errorf("%d entries", len(entries))
	}
	if got := f.conclusion(number); got != "action_required" {
		t.Errorf("conclusion %q", got)
	}
}

// written are the conclusions that we wrote on a commit's check since.
func (f *fleet) written(since int, sha string) []string {
	f.t.Helper()
	var out []string
	for _, r := range f.github.Writes()[since:] {
		var body struct {
			Conclusion string
			Output     struct{ Title string }
		}
		if strings.HasPrefix(r.Operation, "checks/") && json.Unmarshal(r.Body, &body) == nil &&
			(strings.Contains(string(r.Body), sha) || strings.HasSuffix(r.Path, "/check-runs/"+f.runOf(sha))) {
			out = append(out, body.Conclusion)
		}
	}
	return out
}

func (f *fleet) runOf(sha string) string {
	f.t.Helper()
	var list struct {
		Runs []struct{ ID json.Number } `json:"check_runs"`
	}
	f.asBob("/commits/"+sha+"/check-runs", &list)
	if len(list.Runs) != 1 {
		f.t.Fatalf("%d checks on %s", len(list.Runs), sha)
	}
	return list.Runs[0].ID.String()
}

// A base that lets in what is not up to date sets green checks back before they
// are judged anew: two changes may add up. Others write nothing.
func TestGreenChecksAreSetBack(t *testing.T) {
	for name, c := range map[string]struct {
		strict bool
		files  map[string]string
		want   []string
	}{
		"governed":        {false, map[string]string{"clusters/b/placement.yaml": placement(4)}, []string{"action_required", "success"}},
		"ignored":         {false, map[string]string{"docs/z.md": "z\n"}, nil},
		"up to date only": {true, map[string]string{"clusters/b/placement.yaml": placement(4)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			f.protect(c.strict)
			f.start()
			number := f.open("alice", "grow", map[string]string{"clusters/a/placement.yaml": placement(2)})
			docs := f.open("alice", "docs", map[string]string{"docs/a.md": "hello\n"})
			f.rest()
			f.approve(number, "bob", "carol")
			f.rest()
			sha, other := f.head(number), f.head(docs)
			since := len(f.github.Writes())
			f.push("erin", "main", f.repository.Branch("main"), c.files)
			f.rest()
			if got := f.written(since, sha); !slices.Equal(got, c.want) {
				t.Errorf("written: %q, want %q\n%s", got, c.want, f.log)
			}
			if got := f.written(since, other); len(got) > 0 {
				t.Errorf("a change of what needs no eyes was written: %q", got)
			}
			if got := f.conclusion(number); got != "success" {
				t.Errorf("in the end: %q", got)
			}
		})
	}
}

// A governed base is audited whether or not a pull request is open for it, and
// a branch that was deleted and made anew is compared with what it was.
func TestPushAuditOfABaseWithoutPulls(t *testing.T) {
	f := newFleet(t)
	alerts := f.receiver()
	f.start()
	root := f.push("erin", "main", f.repository.Branch("main"), map[string]string{".countersign.yaml": "apiVersion: countersign.dev/v1\nkind: Config\nalerts: {receiver: oncall}\nbases: [main, \"release/*\"]\n"})
	check(t, f.repository.Push("erin", "release/1", root))
	check(t, f.repository.Push("erin", "feature", root))
	f.rest()
	f.sweep()
	before := len(alerts.kinds()) // main was pushed directly
	tip := f.push("erin", "release/1", root, map[string]string{"clusters/a/placement.yaml": placement(7)})
	f.push("erin", "feature", root, map[string]string{"clusters/a/placement.yaml": placement(8)})
	f.rest()
	f.at(noon.Add(15 * time.Minute))
	f.sweep()
	if got := alerts.kinds(); len(got) != before+1 || !strings.Contains(alerts.alerts[before].Text, tip[:12]) {
		t.Fatalf("a direct push to release/1: alerts %+v", alerts.alerts)
	}
	f.at(noon.Add(16 * time.Minute))
	check(t, f.repository.Push("erin", "release/1", ""))
	anew := must(f.repository.Commit(githubtest.Commit{Parents: []string{tip}, Author: "erin",
		Files: map[string]string{"clusters/a/placement.yaml": placement(9)}}))(t)
	check(t, f.repository.Push("erin", "release/1", anew))
	f.rest()
	f.at(noon.Add(30 * time.Minute))
	f.sweep()
	if got := alerts.kinds(); len(got) != before+2 {
		t.Errorf("release/1 was made anew: alerts %+v", alerts.alerts)
	}
}
