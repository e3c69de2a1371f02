package review_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

// Two pull requests with one head share its check: the worst of them is shown,
// whichever was judged last.
func TestOneHeadOfTwo(t *testing.T) {
	w := newWorld(t)
	first, head := w.propose("more")
	w.run()
	check(t, w.repo.Push("mallory", "same", head))
	number := must(w.repo.OpenPull(githubtest.OpenPull{Author: "mallory", Head: "same"}))(t)
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "action_required")
	if v := w.verdict(); v.Pull != number || v.Verdict.Approvals.Status != policy.StatusApproved {
		t.Errorf("decision %+v", v)
	}
	w.approve(first, "bob", "carol")
	w.run()
	w.wants(head, "success")
	must(w.repo.Comment(number, "dave", "/countersign hold"))(t)
	w.run()
	w.wants(head, "action_required")
	check(t, w.repo.Close(number, "mallory"))
	w.run()
	w.wants(head, "success")
}

// An override by two of its team replaces approvals, says so, and owes one issue.
func TestOverride(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	for _, login := range []string{"dave", "erin"} {
		w.clock.pass(time.Minute)
		must(w.repo.Comment(number, login, "/countersign override the cluster is down, @acme/all"))(t)
		w.run()
	}
	w.wants(head, "success")
	w.restart(w.reviewer.Log)
	w.wake(number, store.Review)
	w.run()
	if got := w.Count("issues/create"); got != 1 {
		t.Errorf("%d issues", got)
	}
	target := store.Target{Repository: w.repo.ID(), Pull: int64(number)}
	if again := w.outcomes[target].Again; again.IsZero() {
		t.Error("nobody looks when it lapses")
	}
	w.clock.pass(5 * time.Hour)
	w.run()
	w.wants(head, "action_required")
}

// What somebody wrote under our name is said, and written over once.
func TestSpoofed(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.clock.pass(time.Second)
	body := must(json.Marshal(review.Spoofed{Head: head, By: "mallory", Name: "countersign (main)"}))(t)
	must(w.store.Log(t.Context(), store.Entry{Repository: w.repo.ID(), Pull: int64(number), Kind: "spoofed", Body: body}))(t)
	w.clock.pass(time.Second)
	writes := len(w.Writes())
	w.wake(number, store.Sweep)
	w.run()
	if len(w.Writes()) == writes {
		t.Error("nothing was written over it")
	}
	if v := w.verdict().Verdict; !slices.Contains(v.Approvals.Audit, "status_spoofed") {
		t.Errorf("audit %v", v.Approvals.Audit)
	}
	writes = len(w.Writes())
	w.clock.pass(time.Second)
	w.wake(number, store.Sweep)
	w.run()
	if len(w.Writes()) != writes {
		t.Error("it was written over again and again")
	}
}

// Another replica may have taken the event that took somebody's rights: what we
// remember of people is asked again when it is five minutes old, and then no more.
func TestRightsThatAnotherReplicaHeardOf(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "success")
	w.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	check(t, w.org.TeamMember("platform", "carol", ""))
	w.clock.pass(time.Minute)
	w.wake(number, store.Review)
	w.run()
	w.wants(head, "success")
	target := store.Target{Repository: w.repo.ID(), Pull: int64(number)}
	again := w.outcomes[target].Again
	if until := again.Sub(w.clock.Now()); until <= 0 || until > 5*time.Minute {
		t.Fatalf("looked at again at %s", again)
	}
	w.clock.pass(again.Sub(w.clock.Now()))
	w.run()
	w.wants(head, "action_required")
	if again := w.outcomes[target].Again; !again.IsZero() {
		t.Errorf("and again at %s, for ever", again)
	}
}

// A team that is not there is a fact that nobody has: nobody counts.
func TestTeamThatIsGone(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	check(t, w.org.DeleteTeam("platform"))
	w.reviewer.App.Client(w.install.ID).Forget()
	w.run()
	w.wants(head, "failure")
	if v := w.verdict().Verdict; v.Approvals.Status != policy.StatusError || len(v.Approvals.Counted) > 0 {
		t.Errorf("verdict %+v", v)
	}
}

// Whoever takes over a name of the config does not take over its rights.
func TestNameThatIsAnothers(t *testing.T) {
	w := newWorld(t, map[string]string{
		".countersign.yaml": "apiVersion: countersign.dev/v1\nkind: Config\napprovals: {users: [bob, carol]}\n"})
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob")
	w.run()
	check(t, w.RenameUser(w.UserID("carol"), "caroline"))
	check(t, w.RenameUser(w.UserID("mallory"), "carol"))
	w.clock.pass(10 * time.Minute)
	w.reviewer.App.Client(w.install.ID).Forget()
	w.approve(number, "carol")
	w.restart(w.reviewer.Log)
	w.run()
	w.wants(head, "failure")
	if v := w.verdict().Verdict; v.Approvals.Status != policy.StatusError || len(v.Failed) != 1 {
		t.Errorf("verdict %+v", v)
	}
}

// Trouble is shown on the check, in words that tell nothing of us.
func TestTrouble(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	w.wake(number, store.Review)
	lease := must(w.store.Claim(t.Context(), store.Claimant{Owner: "test", Lease: time.Minute, Most: 1}))(t)[0]
	check(t, w.reviewer.Trouble(t.Context(), lease, errors.New("token hunter2"), false))
	w.wants(head, "in_progress")
	check(t, w.reviewer.Trouble(t.Context(), lease, errors.New("token hunter2"), true))
	w.wants(head, "failure")
	for _, write := range w.Writes() {
		if slices.Contains([]string{"checks/create", "checks/update"}, write.Operation) &&
			strings.Contains(string(write.Body), "hunter2") {
			t.Errorf("%s tells it: %s", write.Operation, write.Body)
		}
	}
	check(t, w.store.Settle(t.Context(), lease, store.Outcome{}))
	w.wake(number, store.Review)
	w.run()
	w.wants(head, "success")
}

// A pull request of somebody without write worsens nobody's check, open or
// closed, whenever its own check was made.
func TestOutsiderWithTheSameHead(t *testing.T) {
	w := newWorld(t)
	first, head := w.propose("more")
	w.run()
	check(t, w.repo.Permit("mallory", "read"))
	fork := must(w.repo.Fork("mallory"))(t)
	check(t, fork.Push("mallory", "same", head))
	second := must(w.repo.OpenPull(githubtest.OpenPull{Author: "mallory", Head: "same", From: fork}))(t)
	w.run()
	w.approve(first, "bob", "carol")
	w.run()
	w.wants(head, "success")
	check(t, w.repo.Close(second, "mallory"))
	w.run()
	w.wants(head, "success")
	must(w.repo.Comment(first, "dave", "/countersign hold"))(t)
	w.run()
	w.wants(head, "action_required")
	must(w.repo.Comment(first, "dave", "/countersign unhold"))(t)
	w.run()
	w.wants(head, "success")
}
