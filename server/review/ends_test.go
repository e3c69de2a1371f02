package review_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

// twins opens two pull requests with one head, judged once.
func twins(t *testing.T) (w *world, first, second int, head string) {
	t.Helper()
	w = newWorld(t)
	first, head = w.propose("more")
	w.run()
	check(t, w.repo.Push("mallory", "same", head))
	second = must(w.repo.OpenPull(githubtest.OpenPull{Author: "mallory", Head: "same"}))(t)
	w.run()
	return w, first, second, head
}

// green says whether any check run of ours on a commit is green.
func (w *world) green(sha string) bool {
	w.t.Helper()
	for _, run := range w.repo.CheckRuns(sha) {
		if run.Conclusion == "success" {
			return true
		}
	}
	return false
}

// A check that follows another pull request's ends with that one.
func TestWhatFollowsEndsWithItsLeader(t *testing.T) {
	for _, end := range []func(w *world, first int, head string){
		func(w *world, first int, _ string) { check(w.t, w.repo.Close(first, "alice")) },
		func(w *world, _ int, head string) {
			w.commit("alice", "change-more", head, map[string]string{"docs/about.md": "# Later\n"})
		},
	} {
		w, first, second, head := twins(t)
		w.approve(first, "bob", "carol")
		w.run()
		check(t, w.repo.Close(second, "mallory"))
		w.run()
		w.wants(head, "success")
		end(w, first, head)
		w.run()
		if w.green(head) {
			t.Error("a commit that no open pull request has is green")
		}
	}
}

// Two processes judge two pull requests with one head at once: neither knew of
// the other's check when it looked.
func TestOneHeadOfTwoAtOnce(t *testing.T) {
	w := newWorld(t)
	first, head := w.propose("more")
	w.run()
	w.approve(first, "bob", "carol")
	check(t, w.repo.Push("mallory", "same", head))
	second := must(w.repo.OpenPull(githubtest.OpenPull{Author: "mallory", Head: "same"}))(t)
	w.Flush()
	one := w.reviewer
	w.restart(slog.New(slog.NewTextHandler(w.log, nil)))
	other := w.reviewer
	leases := must(w.store.Claim(t.Context(), store.Claimant{Owner: "test", Lease: time.Minute, Most: 10}))(t)
	byPull := map[int]store.Lease{}
	for _, lease := range leases {
		byPull[int(lease.Pull)] = lease
	}
	w.wire.once("checks/update", func() { must(other.Run(t.Context(), byPull[second]))(t) })
	must(one.Run(t.Context(), byPull[first]))(t)
	for _, lease := range leases {
		check(t, w.store.Settle(t.Context(), lease, store.Outcome{}))
	}
	w.run()
	if w.green(head) {
		t.Errorf("one of two on a commit is not approved, and a check is green\n%s", w.log)
	}
}

// A first green check whose answer was lost is taken back like any other when
// its commit is no longer the head, or its pull request is closed.
func TestLostFirstSuccessIsTakenBack(t *testing.T) {
	for name, end := range map[string]func(w *world, number int, head string){
		"closed": func(w *world, number int, _ string) { check(w.t, w.repo.Close(number, "alice")) },
		"pushed": func(w *world, _ int, head string) {
			w.commit("alice", "words", head, map[string]string{"fleet/a/placement.yaml": placement("a", "evil")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			head := w.commit("alice", "words", w.repo.Branch("main"), map[string]string{"docs/about.md": "# More\n"})
			number := must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "words"}))(t)
			w.Fail("checks/create", githubtest.Fault{Reset: true, Apply: true})
			w.Fail("checks/list-for-ref", githubtest.Fault{Status: 502, Times: 20})
			w.attempt()
			w.Heal()
			if !w.green(head) {
				t.Fatal("the check was not made")
			}
			end(w, number, head)
			w.clock.pass(time.Hour)
			w.run()
			if w.green(head) {
				t.Error("the commit stays green")
			}
		})
	}
}

// The commit of a group that never landed is green no more: somebody may open
// a pull request with it.
func TestGroupThatNeverLands(t *testing.T) {
	w, first, _ := queued(t)
	group := must(w.repo.BuildGroup("main", first))(t)
	w.run()
	w.wants(group.Head, "success")
	check(t, w.repo.DestroyGroup(group))
	w.run()
	if w.green(group.Head) {
		t.Error("the group's commit stays green")
	}
}

// An approval is of what its reviewer was shown, not of what newer settings of
// the default branch make of the same commits.
func TestApprovalBeforeTheSettingsMoved(t *testing.T) {
	w := newWorld(t, map[string]string{"ci/run.sh": "true\n", ".countersign.yaml": settings + "roots: {include: [\"fleet/**\"]}\n"})
	check(t, w.repo.Push("operator", "release/1", w.repo.Branch("main")))
	w.commit("alice", "change", w.repo.Branch("main"), map[string]string{
		"fleet/a/placement.yaml": placement("a", "more"), "ci/run.sh": "evil\n"})
	number := must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change", Base: "release/1"}))(t)
	w.run()
	before := w.verdict().Digest
	w.approve(number, "bob", "carol")
	w.clock.pass(time.Second)
	w.commit("operator", "main", w.repo.Branch("main"), map[string]string{
		".countersign.yaml": settings + "roots: {include: [\"fleet/**\"]}\nprotect: [\"ci/**\"]\n"})
	w.run()
	w.wake(number, store.Push)
	w.run()
	v := w.verdict()
	if v.Digest == before {
		t.Fatal("the settings changed nothing")
	}
	if v.Verdict.Approvals.Status != policy.StatusPending || len(v.Verdict.Approvals.Counted) != 0 {
		t.Errorf("approvals of what nobody was shown count: %+v", v.Verdict.Approvals)
	}
}
