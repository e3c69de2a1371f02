package review_test

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

// queued makes two approved pull requests, of placements a and b, in main's queue.
func queued(t *testing.T) (w *world, first, second int) {
	t.Helper()
	w = newWorld(t)
	w.repo.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{githubtest.MergeQueue()}})
	first, _ = w.propose("more")
	w.commit("alice", "change-b", w.repo.Branch("main"), map[string]string{"fleet/b/placement.yaml": placement("b", "less")})
	second = must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change-b"}))(t)
	w.run()
	for _, number := range []int{first, second} {
		w.approve(number, "bob", "carol")
		w.run()
		check(t, w.repo.Enqueue(number, "alice"))
	}
	return w, first, second
}

// A group is green when it holds what its members' approvals cover, and red as
// soon as one of them is no longer approved.
func TestMergeGroup(t *testing.T) {
	w, first, second := queued(t)
	group := must(w.repo.BuildGroup("main", first, second))(t)
	built := w.builder.count()
	w.run()
	w.wants(group.Head, "success")
	if v := w.verdict(); v.Group != group.Ref || v.Verdict.Approvals.Status != policy.StatusApproved {
		t.Errorf("decision %+v", v)
	}
	if w.builder.count() == built {
		t.Error("the group's own commit was not rendered")
	}
	reviews := must(w.store.Reviews(t.Context(), w.repo.ID(), int64(second)))(t)
	check(t, w.repo.DismissReview(second, reviews[1].ID, "alice", "no"))
	w.run()
	w.wants(group.Head, "failure")
	if v := w.verdict(); v.Verdict.Approvals.Status != policy.StatusPending {
		t.Errorf("decision %+v", v)
	}
	w.approve(second, "carol")
	w.run()
	w.wants(group.Head, "success")
	check(t, w.repo.LandGroup(group))
	w.run()
	if got := w.shown(group.Head, "main"); got != "success" {
		t.Errorf("after landing: %s", got)
	}
}

// People's facts are read anew for a group: what changed without an event counts.
func TestMergeGroupReadsAnew(t *testing.T) {
	w, first, _ := queued(t)
	w.OnDelivery(func(d githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: d.Event != "merge_group"} })
	check(t, w.org.TeamMember("platform", "carol", ""))
	group := must(w.repo.BuildGroup("main", first))(t)
	w.run()
	w.wants(group.Head, "failure")
}

// What the queue's commit holds beyond its members' approvals is not approved.
func TestMergeGroupHoldsMore(t *testing.T) {
	w, first, second := queued(t)
	group := must(w.repo.BuildGroup("main", first, second))(t)
	w.run()
	w.wants(group.Head, "success")
	more := must(w.repo.Commit(githubtest.Commit{Author: "mallory", Parents: []string{w.repo.Branch("main"), w.repo.Branch("change-b")},
		Files: map[string]string{"fleet/b/placement.yaml": placement("b", "less"), "fleet/a/placement.yaml": placement("a", "evil")}}))(t)
	ref := "gh-readonly-queue/main/pr-2-" + w.repo.Branch("main")
	check(t, w.repo.Push("operator", ref, more))
	check(t, w.store.Wake(t.Context(), store.Wake{Target: store.Target{Repository: w.repo.ID(), Group: "refs/heads/" + ref},
		Installation: w.install.ID, Priority: store.MergeGroup}))
	w.run()
	w.wants(more, "failure")
	if v := w.verdict(); !slices.Equal(v.Verdict.Approvals.BlockedBy, []string{"merge_group_digest_not_approved"}) {
		t.Errorf("decision %+v", v)
	}
}

// A group of which nobody can tell the members is not green.
func TestMergeGroupWithoutMembers(t *testing.T) {
	w, first, _ := queued(t)
	group := must(w.repo.SquashGroup("main", first))(t)
	w.run()
	w.wants(group.Head, "failure")
	if v := w.verdict(); v.Verdict.Approvals.Status != policy.StatusError {
		t.Errorf("decision %+v", v)
	}
}

// Members are woken with their groups only while there are any.
func TestGroupThatIsGone(t *testing.T) {
	w, first, _ := queued(t)
	group := must(w.repo.BuildGroup("main", first))(t)
	w.run()
	check(t, w.repo.DestroyGroup(group))
	w.run()
	target := store.Target{Repository: w.repo.ID(), Group: group.Ref}
	w.wake(first, store.Review)
	w.run() // wakes the group a last time, which finds its ref gone
	delete(w.outcomes, target)
	w.wake(first, store.Review)
	w.run()
	if _, ran := w.outcomes[target]; ran {
		t.Error("a group that is gone was looked at again")
	}
}
