package publish_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

func TestCommentWhileSomebodyMustAct(t *testing.T) {
	for state, want := range map[string]bool{policy.StateNeedsApproval: true, policy.StateBlocked: true, policy.StateViolation: true,
		policy.StatePass: false, policy.StateError: false} {
		w := newWorld(t)
		w.publish(w.wish(state))
		if got := len(w.comments(t)) == 1; got != want {
			t.Errorf("%s: a comment: %t, want %t", state, got, want)
		}
	}
}

func TestCommentOfAnError(t *testing.T) {
	for cause, want := range map[render.Cause]int{render.CauseMissing: 1, render.CauseDeadline: 0, render.CauseMemory: 0, render.CauseCrash: 0} {
		w := newWorld(t)
		wish := w.wish(policy.StateError)
		wish.Assessment.Problems = []policy.Problem{{Code: "render", Problem: render.Problem{Cause: cause, Message: "m"}}}
		w.publish(wish)
		if got := len(w.comments(t)); got != want {
			t.Errorf("%s: %d comments, want %d", cause, got, want)
		}
	}
}

// One comment is made, changed in place and never a second; where nothing
// changed nothing is read or written.
func TestCommentIsKeptUpToDate(t *testing.T) {
	w := newWorld(t)
	first := w.publish(w.wish(policy.StateNeedsApproval))
	made := w.comments(t)[0]
	if made.User.ID != w.bot().ID || !strings.Contains(made.Body, "**Waiting for 2 approvals**") || !strings.Contains(made.Body,
		"/pull/1/checks?check_run_id=") || len(command.Parse(made.Body)) != 0 || len(made.Body) > 2000 {
		t.Errorf("the comment says %q", made.Body)
	}
	reads := w.Count("issues/list-comments")
	w.publish(w.wish(policy.StateNeedsApproval))
	w.publish(w.wish(policy.StateViolation))
	w.publish(w.wish(policy.StatePass))
	w.publish(w.wish(policy.StatePass))
	if w.Count("issues/list-comments") != reads {
		t.Error("the conversation was read without need")
	}
	got := w.comments(t)
	if len(got) != 1 || got[0].ID != made.ID || !strings.Contains(got[0].Body, "Nothing has to be done by anybody now") {
		t.Errorf("%+v", got)
	}
	if w.Count("issues/create-comment") != 1 || w.Count("issues/update-comment") != 2 {
		t.Errorf("%d made, %d changed", w.Count("issues/create-comment"), w.Count("issues/update-comment"))
	}
	w.start() // another process knows nothing of it
	w.publish(w.wish(policy.StatePass))
	if w.Count("issues/update-comment") != 2 {
		t.Error("the same was written by another process")
	}
	again := w.publish(w.wish(policy.StateNeedsApproval))
	if got := w.comments(t); len(got) != 1 || got[0].ID != made.ID || got[0].Body != made.Body || again.CheckRun != first.CheckRun {
		t.Errorf("%+v", got)
	}
}

// Two processes take turns at one pull request: what one knows of the comment
// is not true after the other was there.
func TestCommentOfTwoProcesses(t *testing.T) {
	w := newWorld(t)
	one := w.publisher
	other := &publish.Publisher{Store: w.store, App: one.App, Bot: one.Bot, Clock: one.Clock, Log: one.Log}
	at := func(p *publish.Publisher, state string) {
		t.Helper()
		must[store.Publication](t)(p.Publish(w.ctx, w.wish(state)))
		wanted := map[string]string{policy.StateNeedsApproval: "Waiting for 2", policy.StateBlocked: "Blocked", policy.StatePass: "Nothing has to"}
		if got := w.comments(t); len(got) != 1 || !strings.Contains(got[0].Body, wanted[state]) {
			t.Errorf("%s: %+v", state, got)
		}
	}
	at(one, policy.StateNeedsApproval)
	at(other, policy.StateBlocked)
	at(one, policy.StateNeedsApproval)
	at(other, policy.StatePass)
	at(other, policy.StateBlocked)
	at(one, policy.StateBlocked)
	at(one, policy.StatePass)
}

// A comment that holds our mark and is somebody else's is nothing to us.
func TestAC072_ForgedComment(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	ours := w.comments(t)[0]
	w.fresh()
	must[int64](t)(w.repo.Comment(w.number, "alice", ours.Body))
	// The answer to the creation is lost, so that the mark is looked for.
	w.Fail("issues/create-comment", githubtest.Fault{Status: 502, Apply: true})
	_, err := w.publisher.Publish(w.ctx, w.wish(policy.StateBlocked))
	if err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	w.publish(w.wish(policy.StateNeedsApproval))
	for _, c := range w.comments(t) {
		if c.User.Login == "alice" && c.Body != ours.Body {
			t.Errorf("somebody else's comment was changed: %q", c.Body)
		}
	}
}

// Somebody with write access edits our comment: it is put right and kept.
func TestAC072_EditedComment(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	ours := w.comments(t)[0]
	read := func() []github.Comment {
		return must[[]github.Comment](t)(w.client.Comments(w.ctx, w.repository, w.number, time.Time{}))
	}
	tampered := func() []store.Entry {
		return must[[]store.Entry](t)(w.store.Entries(w.ctx, store.LogQuery{Kind: "comment_tampering"}))
	}
	wish := w.wish(policy.StateNeedsApproval)
	wish.Conversation = read()
	w.publish(wish)
	if len(tampered()) != 0 || w.Count("issues/update-comment") != 0 {
		t.Fatal("an untouched comment was taken for edited")
	}
	check(t, w.repo.EditComment(ours.ID, "alice", strings.Replace(ours.Body, "Waiting for 2 approvals", "Approved by everybody", 1)))
	wish.Conversation = read()
	w.publish(wish)
	if got := w.comments(t); len(got) != 1 || got[0].Body != ours.Body {
		t.Errorf("%+v", got)
	}
	list := tampered()
	if len(list) != 1 || list[0].Pull != int64(w.number) || list[0].Repository != w.repo.ID() || !json.Valid(list[0].Body) {
		t.Fatalf("the audit log has %+v", list)
	}
	wish.Conversation = read()
	w.publish(wish)
	w.start() // what is our own and old is no tampering
	w.publish(w.wish(policy.StatePass))
	if len(tampered()) != 1 {
		t.Errorf("the audit log has %+v", tampered())
	}
}

// People who delete it want none.
func TestDeletedCommentStaysDeleted(t *testing.T) {
	w := newWorld(t)
	w.publish(w.wish(policy.StateNeedsApproval))
	check(t, w.repo.DeleteComment(w.comments(t)[0].ID, "bob"))
	w.publish(w.wish(policy.StateBlocked))
	w.publish(w.wish(policy.StateNeedsApproval))
	w.start()
	w.publish(w.wish(policy.StateViolation))
	if len(w.comments(t)) != 0 || w.Count("issues/update-comment") != 1 {
		t.Errorf("%+v, %d changes", w.comments(t), w.Count("issues/update-comment"))
	}
}

// What keeps GitHub from taking a comment does not keep the check from being
// right, nor the work from being done, for ever.
func TestCommentThatGitHubRefuses(t *testing.T) {
	w := newWorld(t)
	w.Fail("issues/create-comment", githubtest.Fault{Status: 403, Times: 100})
	published := w.publish(w.wish(policy.StateNeedsApproval))
	if got := w.only(t); got.ID != published.CheckRun {
		t.Errorf("%+v", got)
	}
	w.Heal()
	w.Fail("issues/create-comment", githubtest.Fault{Status: 502, Times: 100})
	wish := w.wish(policy.StateNeedsApproval)
	if _, err := w.publisher.Publish(w.ctx, wish); err == nil {
		t.Error("an outage at the first attempt is worth another")
	}
	wish.Lease.Attempts = 4
	w.publish(wish)
	w.Heal()
	w.publish(w.wish(policy.StateNeedsApproval))
	if len(w.comments(t)) != 1 {
		t.Errorf("%+v", w.comments(t))
	}
}

// All that stands in a comment is escaped.
func TestAC071_CommentOfHostileNames(t *testing.T) {
	w := newWorld(t)
	wish := w.wish(policy.StateBlocked)
	wish.Verdict.Title = "Blocked: @acme/all holds it\n/countersign override now <!-- countersign x -->"
	wish.Verdict.Approvals.BlockedBy = []string{"hold:@acme/all\n/countersign unhold"}
	wish.Confirm = func(context.Context) error { return nil }
	w.publish(wish)
	body := w.comments(t)[0].Body
	if len(command.Parse(body)) != 0 || strings.Contains(body, " @acme") || strings.Count(body, "\n/") != 0 {
		t.Errorf("%q", body)
	}
}
