package review_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

func TestTwoApprovalsTurnTheCheckGreen(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.wants(head, "action_required")
	if v := w.verdict().Verdict; v.State != policy.StateNeedsApproval || v.Approvals.Missing != 2 {
		t.Errorf("verdict %+v", v)
	}
	built := w.builder.count()
	w.approve(number, "bob")
	w.run()
	w.wants(head, "action_required")
	w.approve(number, "carol")
	w.run()
	w.wants(head, "success")
	if got := logins(w.verdict().Verdict); got != "bob carol" {
		t.Errorf("%q count", got)
	}
	if w.builder.count() != built {
		t.Errorf("%d builds for reviews", w.builder.count()-built)
	}
}

// A push that changes what was approved takes the approvals away, one that does
// not leaves them, and a return to what was approved brings them back.
func TestPush(t *testing.T) {
	w := newWorld(t)
	number, first := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	docs := w.commit("alice", "change-more", first, map[string]string{"docs/about.md": "# Ours\n"})
	w.run()
	w.wants(docs, "success")
	w.wants(first, "action_required") // another pull request may come with it
	other := w.commit("alice", "change-more", docs, map[string]string{"fleet/a/placement.yaml": placement("a", "else")})
	w.run()
	w.wants(other, "action_required")
	if v := w.verdict().Verdict; len(v.Approvals.Ignored) != 2 || v.Approvals.Ignored[0].Reason != "stale" {
		t.Errorf("ignored %+v", v.Approvals.Ignored)
	}
	back := w.commit("alice", "change-more", other, map[string]string{"fleet/a/placement.yaml": placement("a", "more")})
	w.run()
	w.wants(back, "success")
}

// A base that moves is judged anew: the digest stays, so do the approvals.
func TestBaseMoves(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	was := w.verdict().BaseSHA
	tip := w.commit("operator", "main", w.repo.Branch("main"), map[string]string{"docs/about.md": "# Moved\n"})
	w.wake(number, store.Push)
	w.run()
	w.wants(head, "success")
	if got := w.verdict().BaseSHA; got != tip || got == was {
		t.Errorf("judged on %s, not on %s", got, tip)
	}
}

// A review of a commit that was replaced before we looked is bound to that
// commit, which is assessed for it; one that the head does not equal is stale.
func TestReviewOfACommitThatWasNeverJudged(t *testing.T) {
	w := newWorld(t)
	number, first := w.propose("more")
	w.approve(number, "bob", "carol")
	second := w.commit("alice", "change-more", first, map[string]string{"docs/about.md": "# Ours\n"})
	w.run()
	w.wants(second, "success")
	bound := must(w.store.Bindings(t.Context(), w.repo.ID(), int64(number)))(t)
	if len(bound) != 2 || bound[0].Commit != first || bound[0].Digest != w.verdict().Digest || len(bound[0].Entries) == 0 {
		t.Errorf("bindings %+v", bound)
	}
}

func TestRetarget(t *testing.T) {
	w := newWorld(t)
	root := w.repo.Branch("main")
	for _, branch := range []string{"release/1", "feature"} {
		check(t, w.repo.Push("operator", branch, root))
	}
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "success")
	check(t, w.repo.Retarget(number, "alice", "release/1"))
	w.run()
	w.wants(head, "action_required") // it no longer goes there
	if got := w.shown(head, "release/1"); got != "action_required" {
		t.Errorf("the approvals of another base count: %s", got)
	}
	w.approve(number, "bob", "carol")
	w.run()
	if got := w.shown(head, "release/1"); got != "success" {
		t.Errorf("release/1: %s\n%+v", got, w.verdict().Verdict)
	}
	check(t, w.repo.Retarget(number, "alice", "feature"))
	w.run()
	if got := w.shown(head, "feature"); got != "" {
		t.Errorf("a branch that nobody governs has a check: %s", got)
	}
	if got := w.shown(head, "release/1"); got != "action_required" {
		t.Errorf("release/1: %s", got)
	}
}

func TestClosed(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "success")
	check(t, w.repo.Close(number, "alice"))
	w.run()
	w.wants(head, "action_required")
	check(t, w.repo.Reopen(number, "alice"))
	w.run()
	w.wants(head, "success")
	must(w.repo.Merge(number, "bob"))(t)
	w.run()
	w.wants(head, "success")
}

func TestFork(t *testing.T) {
	w := newWorld(t)
	check(t, w.repo.Permit("mallory", "read"))
	fork := must(w.repo.Fork("mallory"))(t)
	head := must(fork.Commit(githubtest.Commit{Author: "mallory", Parents: []string{fork.Branch("main")},
		Files: map[string]string{"fleet/a/placement.yaml": placement("a", "forked")}}))(t)
	check(t, fork.Push("mallory", "change", head))
	number := must(w.repo.OpenPull(githubtest.OpenPull{Author: "mallory", Head: "change", From: fork}))(t)
	w.run()
	w.wants(head, "action_required")
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "action_required") // who cannot push needs one more
	w.approve(number, "dave")
	w.run()
	w.wants(head, "success")
	fork.Delete()
	w.wake(number, store.Review)
	w.restart(w.reviewer.Log)
	w.run()
	w.wants(head, "success")
}

// Where the config cannot be read nothing passes, but for a mend of it, which
// the built-in settings judge.
func TestUnreadableConfig(t *testing.T) {
	w := newWorld(t, map[string]string{".countersign.yaml": "apiVersion: nobody\n"})
	number, head := w.propose("more")
	w.run()
	w.wants(head, "failure")
	if v := w.verdict().Verdict; v.State != policy.StateError {
		t.Errorf("state %s", v.State)
	}
	w.approve(number, "bob", "carol")
	w.run()
	w.wants(head, "failure")
	mend := w.commit("alice", "mend", w.repo.Branch("main"), map[string]string{".countersign.yaml": settings})
	must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "mend"}))(t)
	w.run()
	w.wants(mend, "action_required")
}

// A default branch whose config broke governs what it governed.
func TestUnreadableConfigOfTheDefaultBranch(t *testing.T) {
	w := newWorld(t)
	check(t, w.repo.Push("operator", "release/1", w.repo.Branch("main")))
	head := w.commit("alice", "change", w.repo.Branch("main"), map[string]string{"docs/about.md": "# Ours\n"})
	must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change", Base: "release/1"}))(t)
	w.run()
	if got := w.shown(head, "release/1"); got != "success" {
		t.Errorf("release/1: %s\n%s", got, w.log)
	}
	w.commit("operator", "main", w.repo.Branch("main"), map[string]string{".countersign.yaml": "apiVersion: nobody\n"})
	w.wake(1, store.Push)
	w.run()
	if got := w.shown(head, "release/1"); got != "failure" {
		t.Errorf("release/1: %s\n%s", got, w.log)
	}
}

// A governed base tightens the default branch's config, and loosens nothing.
func TestGovernedBase(t *testing.T) {
	w := newWorld(t)
	w.commit("operator", "release/1", w.repo.Branch("main"), map[string]string{
		".countersign.yaml": "apiVersion: countersign.dev/v1\nkind: Config\nmode: observe\napprovals: {required: 3}\n"})
	head := w.commit("alice", "change", w.repo.Branch("release/1"),
		map[string]string{"fleet/a/placement.yaml": placement("a", "more")})
	number := must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change", Base: "release/1"}))(t)
	w.run()
	w.approve(number, "bob", "carol", "mallory")
	w.run()
	v := w.verdict().Verdict
	if v.Approvals.Required != 3 || v.Observing || logins(v) != "bob carol" {
		t.Errorf("verdict %+v", v)
	}
	checks := w.Writes()
	said := func(text string) bool {
		return slices.ContainsFunc(checks, func(r githubtest.Request) bool { return strings.Contains(string(r.Body), text) })
	}
	if !said("mode in this branch") {
		t.Error("nobody is told that the base loosens nothing")
	}
	w.approve(number, "dave")
	w.run()
	if got := w.shown(head, "release/1"); got != "success" {
		t.Errorf("release/1: %s", got)
	}
}

// What moves while it is judged is judged again: nothing is said of what is no
// longer there.
func TestMovesWhileItIsJudged(t *testing.T) {
	for _, test := range []struct {
		name string
		move func(w *world, head string) (now string)
		want string
	}{
		{"head", func(w *world, head string) string {
			return w.commit("alice", "change-more", head, map[string]string{"fleet/a/placement.yaml": placement("a", "else")})
		}, "action_required"},
		{"base", func(w *world, head string) string {
			w.commit("operator", "main", w.repo.Branch("main"), map[string]string{"docs/about.md": "# Moved\n"})
			return head
		}, "success"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			number, head := w.propose("more")
			w.run()
			w.approve(number, "bob", "carol")
			w.Flush()
			now := head
			w.wire.once("pulls/list-reviews", func() { now = test.move(w, head) })
			w.run()
			w.wants(now, test.want)
			if now != head {
				w.wants(head, "action_required")
			}
			if tip := w.repo.Branch("main"); w.verdict().BaseSHA != tip || w.verdict().Head != now {
				t.Errorf("judged %s on %s", w.verdict().Head, w.verdict().BaseSHA)
			}
		})
	}
}

// Events that never came are made good for by a look: an approval whose commit
// was the head before it, comments that nobody edited.
func TestLostWebhooks(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	w.approve(number, "bob", "carol")
	w.wake(number, store.Sweep)
	w.run()
	w.wants(head, "success")
	said := must(w.repo.Comment(number, "dave", "/countersign unhold"))(t)
	w.clock.pass(time.Second)
	check(t, w.repo.EditComment(said, "dave", "/countersign hold later"))
	w.wake(number, store.Sweep)
	w.run()
	w.wants(head, "success") // an edited comment is no command
	must(w.repo.Comment(number, "dave", "/countersign hold wait for me"))(t)
	w.wake(number, store.Sweep)
	w.run()
	w.wants(head, "action_required")
	if v := w.verdict().Verdict; !slices.Equal(v.Approvals.BlockedBy, []string{"hold:dave"}) {
		t.Errorf("blocked by %v", v.Approvals.BlockedBy)
	}
}

// A failure by time is no content: it is not kept, and paid for again only after a while.
func TestFailuresByTimeAreNotKept(t *testing.T) {
	w := newWorld(t)
	w.builder.fail("deadline")
	number, head := w.propose("more")
	w.run()
	w.wants(head, "failure")
	built := w.builder.count()
	w.builder.fail("")
	w.wake(number, store.Review)
	w.run()
	w.wants(head, "failure")
	if w.builder.count() != built {
		t.Error("a wake paid for it again")
	}
	target := store.Target{Repository: w.repo.ID(), Pull: int64(number)}
	if again := w.outcomes[target].Again; !again.Equal(w.clock.Now().Add(10 * time.Minute)) {
		t.Errorf("looked at again at %s", again)
	}
	w.clock.pass(11 * time.Minute)
	w.run()
	w.wants(head, "action_required")
}

// The decision is in the audit log before anything is written, once.
func TestDecisionsAreLoggedFirst(t *testing.T) {
	w := newWorld(t)
	w.Fail("checks/create", githubtest.Fault{Status: 500, Times: 1})
	number, head := w.propose("more")
	if failed := w.attempt(); len(failed) != 1 {
		t.Fatalf("failed: %v", failed)
	}
	if got := w.verdict().Head; got != head {
		t.Errorf("the log knows %q", got)
	}
	w.clock.pass(2 * time.Minute)
	w.run()
	w.wants(head, "action_required")
	w.wake(number, store.Review)
	w.restart(w.reviewer.Log)
	w.run()
	if entries := must(w.store.Entries(t.Context(), store.LogQuery{Kind: "verdict"}))(t); len(entries) != 1 {
		t.Errorf("%d decisions in the log", len(entries))
	}
}

// A repository that the installation does not cover is none of ours.
func TestNotCovered(t *testing.T) {
	w := newWorld(t)
	must(w.AddRepository("acme", "other"))(t)
	check(t, w.install.Select("other"))
	check(t, w.store.Wake(t.Context(), store.Wake{Target: store.Target{Repository: w.repo.ID(), Pull: 1},
		Installation: w.install.ID, Priority: store.Push}))
	w.run()
	if entries := must(w.store.Entries(t.Context(), store.LogQuery{Kind: "ignored"}))(t); len(entries) != 1 {
		t.Errorf("%d entries", len(entries))
	}
}
