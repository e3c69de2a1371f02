package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

func TestCheckSaysTheVerdict(t *testing.T) {
	w := newWorld(t)
	wish := w.wish(policy.StateViolation)
	wish.Standing = []string{"Nobody requires this check.\n\n```json\n{}\n```"}
	published := w.publish(wish)
	got, r := w.only(t), report.New(wish.Assessment, wish.Verdict, false)
	if got.Name != "countersign (main)" || got.Status != "completed" || got.Conclusion != "failure" ||
		got.ExternalID != fmt.Sprintf("%d/%d/main/%s", w.repo.ID(), w.number, w.head) || got.App.ID != w.AppID() ||
		got.Output.Title != r.Title() || got.Output.Summary != r.Summary() || got.Output.Annotations != 1 {
		t.Errorf("the check is %+v", got)
	}
	if !strings.HasPrefix(got.Output.Text, r.Body()) || !strings.Contains(got.Output.Text, "### About this repository\n\nNobody requires") {
		t.Errorf("the text is %q", got.Output.Text)
	}
	want := store.Publication{Repository: w.repo.ID(), Pull: int64(w.number), BaseRef: "main", BaseSHA: w.root, HeadSHA: w.head,
		TreeSHA: "tree", Digest: "sha256:d1", Assessment: "key", Conclusion: "failure", Own: "failure", ExternalID: got.ExternalID,
		CheckRun: got.ID}
	kept := must[[]store.Publication](t)(w.store.Publications(t.Context(), store.PublicationQuery{Repository: w.repo.ID()}))
	if len(kept) != 1 || kept[0] != published {
		t.Fatalf("kept %+v, returned %+v", kept, published)
	}
	published.ID, published.At, published.Content = 0, want.At, ""
	if diff := cmp.Diff(want, published); diff != "" {
		t.Error(diff)
	}
	check(t, w.repo.RequestAction(got.ID, "bob", "reevaluate"))
}

// What is there already is not written again, whatever it now rests on; what
// it rests on is kept.
func TestUnchangedIsNotWritten(t *testing.T) {
	w := newWorld(t)
	first := w.publish(w.wish(policy.StateNeedsApproval))
	before := w.writes()
	if again := w.publish(w.wish(policy.StateNeedsApproval)); again != first {
		t.Errorf("%+v is not %+v", again, first)
	}
	moved := w.wish(policy.StateNeedsApproval)
	moved.TreeSHA, moved.BaseSHA = "another tree", w.head
	kept := w.publish(moved)
	if kept.ID == first.ID || kept.TreeSHA != "another tree" || kept.BaseSHA != w.head || kept.CheckRun != first.CheckRun {
		t.Errorf("kept %+v after %+v", kept, first)
	}
	if again := w.publish(moved); again != kept {
		t.Errorf("%+v is not %+v", again, kept)
	}
	if w.writes() != before {
		t.Errorf("%d writes where nothing changed", w.writes()-before)
	}
	moved.Force = true
	w.publish(moved)
	if w.Count("checks/update") != 1 {
		t.Error("a forced write was not made")
	}
}

func TestChangedIsUpdatedInPlace(t *testing.T) {
	w := newWorld(t)
	for _, state := range []string{policy.StateNeedsApproval, policy.StatePass, policy.StateBlocked, policy.StateError,
		policy.StateViolation, policy.StateNeedsApproval, policy.StatePass} {
		before := w.writes()
		published := w.publish(w.wish(state))
		if got := w.only(t); got.Conclusion != publish.Conclusion(verdict(state), false) || published.CheckRun != got.ID ||
			got.Output.Title != report.New(policy.Assessment{}, verdict(state), false).Title() {
			t.Errorf("%s: %+v", state, got)
		}
		if n := w.writes() - before; n > 2 {
			t.Errorf("%s took %d writes", state, n)
		}
	}
	for _, r := range w.Requests() {
		if r.Operation == "checks/list-for-ref" && r.Installation != 0 {
			t.Error("a look-up where no answer was lost")
		}
	}
}

func TestSuccessNeedsConfirmationAndLease(t *testing.T) {
	w := newWorld(t)
	moved := w.wish(policy.StatePass)
	moved.Confirm = func(context.Context) error { return publish.ErrMoved }
	if _, err := w.publisher.Publish(w.ctx, moved); !errors.Is(err, publish.ErrMoved) {
		t.Errorf("a pull request that moved: %v", err)
	}
	moved.Confirm = nil
	if _, err := w.publisher.Publish(w.ctx, moved); err == nil {
		t.Error("a success without confirmation was written")
	}
	for _, state := range []string{policy.StatePass, policy.StateViolation} {
		stale := w.wish(state)
		stale.Lease.Fence--
		if _, err := w.publisher.Publish(w.ctx, stale); !errors.Is(err, store.ErrStale) {
			t.Errorf("%s under a stale lease: %v", state, err)
		}
	}
	stale := w.subject()
	stale.Lease.Fence--
	if err := w.publisher.Trouble(w.ctx, stale, "why", false); !errors.Is(err, store.ErrStale) {
		t.Errorf("trouble under a stale lease: %v", err)
	}
	if w.writes() != 0 || len(w.runs(t, w.head)) != 0 {
		t.Errorf("%d writes", w.writes())
	}
	waits := w.wish(policy.StateNeedsApproval)
	waits.Confirm = moved.Confirm
	w.publish(waits) // red needs no confirmation
}

// The lease is lost between the confirmation and the write.
func TestLeaseIsAskedForLast(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	wish := w.wish(policy.StatePass)
	wish.Confirm = func(ctx context.Context) error {
		return w.store.Settle(ctx, w.lease, store.Outcome{})
	}
	if _, err := w.publisher.Publish(w.ctx, wish); !errors.Is(err, store.ErrStale) {
		t.Errorf("got %v", err)
	}
	if got := w.only(t); got.Conclusion != "action_required" {
		t.Errorf("the check is %s", got.Conclusion)
	}
}

// An unchanged success that rests on another base is confirmed as well, before
// it is kept as one that passed.
func TestUnchangedSuccessIsConfirmedBeforeItIsKept(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StatePass))
	moved := w.wish(policy.StatePass)
	moved.TreeSHA = "another tree"
	moved.Confirm = func(context.Context) error { return publish.ErrMoved }
	if _, err := w.publisher.Publish(w.ctx, moved); !errors.Is(err, publish.ErrMoved) {
		t.Errorf("got %v", err)
	}
	kept := must[[]store.Publication](t)(w.store.Publications(t.Context(), store.PublicationQuery{Repository: w.repo.ID(), TreeSHA: "another tree"}))
	if len(kept) != 0 {
		t.Errorf("kept %+v", kept)
	}
}

func TestSiblingsWorsen(t *testing.T) {
	w := newWorld(t)
	wish := w.wish(policy.StatePass)
	wish.Siblings = []string{"success", "action_required"}
	wish.Confirm = nil // nothing green is written
	published := w.publish(wish)
	got := w.only(t)
	if published.Own != "success" || published.Conclusion != "action_required" || got.Conclusion != "action_required" {
		t.Errorf("%+v, check %+v", published, got)
	}
	if !strings.HasPrefix(got.Output.Title, "Another pull request with this commit is not green") ||
		!strings.Contains(got.Output.Title, "Approved by bob and carol") || !strings.HasPrefix(got.Output.Summary, "**Another open pull request") {
		t.Errorf("the check says %q, %q", got.Output.Title, got.Output.Summary)
	}
	if len(w.comments(t)) != 0 {
		t.Error("a comment where nobody can act on this pull request")
	}
	worse := w.wish(policy.StateViolation)
	worse.Siblings = []string{"success"}
	w.publish(worse)
	if got := w.only(t); got.Conclusion != "failure" || strings.HasPrefix(got.Output.Title, "Another") {
		t.Errorf("a better sibling changed it: %+v", got)
	}
}

func TestObserving(t *testing.T) {
	w := newWorld(t)
	wish := w.wish(policy.StateViolation)
	wish.Verdict.Observing, wish.Verdict.Title = true, "Observing: 1 finding must be fixed"
	w.publish(wish)
	if got := w.only(t); got.Conclusion != "success" || !strings.HasPrefix(got.Output.Title, "Observing: ") {
		t.Errorf("the check is %+v", got)
	}
	if len(w.comments(t)) != 0 {
		t.Error("observing is quiet")
	}
}

func TestMergeGroup(t *testing.T) {
	w := newWorld(t)
	ref := "refs/heads/gh-readonly-queue/main/pr-1-" + w.root
	for state, want := range map[string]string{policy.StateNeedsApproval: "failure", policy.StatePass: "success"} {
		wish := w.wish(state)
		wish.Pull, wish.Group = 0, ref
		wish.Lease = w.claim(store.Target{Repository: w.repo.ID(), Group: ref})
		published := w.publish(wish)
		got := w.only(t)
		if got.Conclusion != want || published.Pull != 0 || got.ExternalID != fmt.Sprintf("%d/group/main/%s", w.repo.ID(), w.head) {
			t.Errorf("%s: %+v, kept %+v", state, got, published)
		}
		check(t, w.store.Settle(w.ctx, wish.Lease, store.Outcome{}))
	}
	if len(w.comments(t)) != 0 {
		t.Error("a merge group has no conversation")
	}
}

// Two pull requests with one head have a check run each, and neither takes the other's.
func TestTwoPullsOnOneHead(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	check(t, w.repo.Push("alice", "again", w.head))
	other := must[int](t)(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "again"}))
	wish := w.wish(policy.StateNeedsApproval)
	wish.Pull, wish.Lease = other, w.claim(store.Target{Repository: w.repo.ID(), Pull: int64(other)})
	w.Fail("checks/create", githubtest.Fault{Status: 502, Apply: true})
	if _, err := w.publisher.Publish(w.ctx, wish); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	published := w.publish(wish)
	runs := w.runs(t, w.head)
	if len(runs) != 2 || runs[1].ID != published.CheckRun || !strings.Contains(runs[1].ExternalID, fmt.Sprintf("/%d/main/", other)) {
		t.Errorf("%+v, kept %+v", runs, published)
	}
}

func TestTrouble(t *testing.T) {
	w := newWorld(t)
	check(t, w.publisher.Trouble(w.ctx, w.subject(), "GitHub did not answer @acme/all <b>", false))
	got := w.only(t)
	if got.Status != "in_progress" || got.Conclusion != "" || got.Output.Title != "Waiting: GitHub did not answer @acme/all <b>" ||
		!strings.Contains(got.Output.Summary, "`@acme/all` `<b>`") {
		t.Errorf("%+v", got)
	}
	before := w.writes()
	check(t, w.publisher.Trouble(w.ctx, w.subject(), "GitHub did not answer @acme/all <b>", false))
	if w.writes() != before {
		t.Error("the same trouble was written twice")
	}
	check(t, w.publisher.Trouble(w.ctx, w.subject(), "GitHub did not answer", true))
	if got := w.only(t); got.Status != "completed" || got.Conclusion != "failure" {
		t.Errorf("parked: %+v", got)
	}
	w.publish(w.wish(policy.StatePass))
	green := must[[]store.Publication](t)(w.store.Publications(t.Context(), store.PublicationQuery{Repository: w.repo.ID(), Most: 1}))[0]
	check(t, w.publisher.Trouble(w.ctx, w.subject(), "the team cannot be read", false))
	if got := w.only(t); got.Status != "in_progress" || got.Conclusion != "" || strings.Contains(got.Output.Text, "Nothing") {
		t.Errorf("a green check that is judged anew: %+v", got)
	}
	kept := must[[]store.Publication](t)(w.store.Publications(t.Context(), store.PublicationQuery{Repository: w.repo.ID(), Most: 1}))[0]
	if kept.Conclusion != publish.InProgress || kept.Own != publish.InProgress || kept.Digest != green.Digest || kept.TreeSHA != green.TreeSHA ||
		kept.Assessment != green.Assessment || kept.CheckRun != green.CheckRun {
		t.Errorf("kept %+v after %+v", kept, green)
	}
	w.publish(w.wish(policy.StatePass))
	if got := w.only(t); got.Conclusion != "success" {
		t.Errorf("after the trouble: %+v", got)
	}
}

func TestTroubleWithoutACheckSaysNothing(t *testing.T) {
	w := newWorld(t)
	s := w.subject()
	s.HeadSHA = ""
	check(t, w.publisher.Trouble(w.ctx, s, "why", true))
	if w.writes() != 0 {
		t.Error("something was written")
	}
}

func TestWithdraw(t *testing.T) {
	w := newWorld(t)
	check(t, w.publisher.Withdraw(w.ctx, w.subject(), "closed"))
	if len(w.runs(t, w.head)) != 0 {
		t.Error("a check was made to be withdrawn")
	}
	w.publish(w.wish(policy.StateViolation))
	before := w.writes()
	check(t, w.publisher.Withdraw(w.ctx, w.subject(), "closed"))
	if w.writes() != before {
		t.Error("a red check was withdrawn")
	}
	w.publish(w.wish(policy.StatePass))
	check(t, w.publisher.Withdraw(w.ctx, w.subject(), "closed"))
	if got := w.only(t); got.Conclusion != "action_required" || got.Output.Title != "Withdrawn: closed" {
		t.Errorf("%+v", got)
	}
	w.publish(w.wish(policy.StatePass))
	if got := w.only(t); got.Conclusion != "success" {
		t.Errorf("reopened: %+v", got)
	}
}

// A success whose answer was lost is withdrawn, too: nobody kept it as green.
func TestWithdrawOfALostSuccess(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	w.Fail("checks/update", githubtest.Fault{Status: 502, Apply: true})
	if _, err := w.publisher.Publish(w.ctx, w.wish(policy.StatePass)); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	if w.only(t).Conclusion != "success" {
		t.Fatal("the fault did not apply")
	}
	check(t, w.publisher.Withdraw(w.ctx, w.subject(), "closed"))
	if got := w.only(t); got.Conclusion != "action_required" {
		t.Errorf("%+v", got)
	}
}

// The answer to a success is lost, and then the verdict is what it was before:
// that nothing seems to have changed must not leave the check green.
func TestLostSuccessDoesNotStay(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	w.Fail("checks/update", githubtest.Fault{Reset: true, Apply: true})
	if _, err := w.publisher.Publish(w.ctx, w.wish(policy.StatePass)); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	w.publish(w.wish(policy.StateNeedsApproval))
	if got := w.only(t); got.Conclusion != "action_required" {
		t.Errorf("the check is %s", got.Conclusion)
	}
}

func TestDeletedCheckRunIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	first := w.publish(w.wish(policy.StateNeedsApproval))
	// GitHub has lost it: it is not found, and no look-up finds another.
	w.Fail("checks/update", githubtest.Fault{Status: 404})
	second := w.publish(w.wish(policy.StatePass))
	if second.CheckRun == first.CheckRun {
		t.Fatal("it was not made again")
	}
	third := w.publish(w.wish(policy.StateViolation))
	if third.CheckRun != second.CheckRun || len(w.runs(t, w.head)) != 2 {
		t.Errorf("%d, then %d; %d runs", second.CheckRun, third.CheckRun, len(w.runs(t, w.head)))
	}
	// The new one is lost as well, and this time its answer, too.
	w.Fail("checks/update", githubtest.Fault{Status: 404})
	w.Fail("checks/create", githubtest.Fault{Half: true, Apply: true})
	if _, err := w.publisher.Publish(w.ctx, w.wish(policy.StatePass)); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	w.Fail("checks/update", githubtest.Fault{Status: 404})
	fourth := w.publish(w.wish(policy.StatePass))
	if runs := w.runs(t, w.head); len(runs) != 3 || fourth.CheckRun == third.CheckRun {
		t.Errorf("%+v, kept %d", runs, fourth.CheckRun)
	}
}

// Remarks are added by GitHub: each is sent once, whatever answers are lost.
func TestRemarksAreSentOnce(t *testing.T) {
	many := func(w *world, state string, n int) publish.Wish {
		wish := w.wish(state)
		wish.Assessment.Findings = nil
		for i := range n {
			wish.Assessment.Findings = append(wish.Assessment.Findings, finding(i+1))
		}
		return wish
	}
	lost := githubtest.Fault{Status: 502, Apply: true}
	for name, play := range map[string]func(*world){
		"none":                 func(*world) {},
		"the create":           func(w *world) { w.Fail("checks/create", lost) },
		"the create's rest":    func(w *world) { w.Fail("checks/update", githubtest.Fault{Status: 502}) },
		"the rest's answer":    func(w *world) { w.Fail("checks/update", lost) },
		"neither came through": func(w *world) { w.Fail("checks/create", githubtest.Fault{Status: 502}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			play(w)
			for range 3 {
				if _, err := w.publisher.Publish(w.ctx, many(w, policy.StateViolation, 120)); err == nil {
					break
				}
			}
			if got := w.only(t); got.Output.Annotations != 120 {
				t.Errorf("%d remarks of 120", got.Output.Annotations)
			}
			w.publish(w.wish(policy.StateBlocked)) // none to send
			w.publish(many(w, policy.StateViolation, 120))
			w.Fail("checks/update", lost)
			if _, err := w.publisher.Publish(w.ctx, many(w, policy.StateViolation, 185)); err == nil {
				t.Fatal("a lost answer was taken for one")
			}
			w.publish(many(w, policy.StateViolation, 185))
			w.publish(many(w, policy.StateViolation, 121))
			w.publish(many(w, policy.StateViolation, 185))
			if got := w.only(t); got.Output.Annotations != 185 {
				t.Errorf("%d remarks of 185", got.Output.Annotations)
			}
		})
	}
}

// The outbox forgets after a time; the publication stays.
func TestAFinishedActionIsForgotten(t *testing.T) {
	w := newWorld(t)
	first := w.publish(w.wish(policy.StateNeedsApproval))
	must[int64](t)(w.store.Prune(w.ctx, store.Retention{Outbox: 1}))
	second := w.publish(w.wish(policy.StatePass))
	third := w.publish(w.wish(policy.StateNeedsApproval))
	if second.CheckRun != first.CheckRun || third.CheckRun != first.CheckRun {
		t.Errorf("%d, %d, %d", first.CheckRun, second.CheckRun, third.CheckRun)
	}
	w.only(t)
}

func TestErrorsKeepTheirKind(t *testing.T) {
	w := newWorld(t)
	w.Fail("checks/create", githubtest.Fault{Status: 403, RetryAfter: 60e9})
	_, err := w.publisher.Publish(w.ctx, w.wish(policy.StateNeedsApproval))
	if e, is := errors.AsType[*github.Error](err); !is || e.Kind != github.Limited || e.RetryAt.IsZero() {
		t.Errorf("got %v", err)
	}
}
