package githubtest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

func TestPushesMoveWhatHangsOnTheBranch(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	second := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{head}, Author: "bob",
		CoAuthors: []string{"carol", "Ghost <ghost@nowhere.example>"}, Files: map[string]string{"x": "y"}}))
	check(t, w.repository.Push("bob", "grow", second))
	moved := last[*github.PullRequestEvent](w)
	if moved.GetAction() != "synchronize" || moved.GetBefore() != head || moved.GetAfter() != second ||
		moved.GetSender().GetLogin() != "bob" || moved.GetPullRequest().GetHead().GetSHA() != second {
		t.Errorf("the webhook says %s %s..%s by %s", moved.GetAction(), moved.GetBefore(), moved.GetAfter(), moved.GetSender().GetLogin())
	}
	check(t, w.repository.Push("alice", "grow", head))
	if pushed := last[*github.PushEvent](w); !pushed.GetForced() || pushed.GetRef() != "refs/heads/grow" {
		t.Errorf("push: forced %v, %s", pushed.GetForced(), pushed.GetRef())
	}
	if err := w.repository.Push("zed", "grow", second); err == nil {
		t.Error("somebody with read pushed")
	}
	check(t, w.repository.Push("alice", "main", head))
	if closed := last[*github.PullRequestEvent](w); !closed.GetPullRequest().GetMerged() {
		t.Error("a base that holds the head does not make the pull request merged")
	}
	if err := w.repository.Close(number, "alice"); err == nil {
		t.Error("a merged pull request was closed")
	}
	request := must[any](t)(w.get("/repos/acme/clusters/activity?ref=refs/heads/grow"))
	var kinds []string
	for _, line := range request.([]any) {
		kinds = append(kinds, line.(map[string]any)["activity_type"].(string))
	}
	if diff := cmp.Diff([]string{"force_push", "push", "branch_creation"}, kinds); diff != "" {
		t.Error(diff)
	}
}

// get asks with the installation's token what go-github v60 does not know.
func (w *world) get(path string) (any, error) {
	client := w.client()
	request, err := client.NewRequest("GET", strings.TrimPrefix(path, "/"), nil)
	if err != nil {
		return nil, err
	}
	var answer any
	_, err = client.Do(w.t.Context(), request, &answer)
	return answer, err
}

func TestAnUpdatedBranchRewritesReviews(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	if _, err := w.repository.UpdateBranch(number, "alice"); err == nil {
		t.Error("there was nothing to update")
	}
	on := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "dave",
		Files: map[string]string{"other.yaml": "o: 1\n"}}))
	check(t, w.repository.Push("dave", "main", on))
	merge := must[string](t)(w.repository.UpdateBranch(number, "alice"))
	reviews, _, err := w.client().PullRequests.ListReviews(t.Context(), "acme", "clusters", number, nil)
	check(t, err)
	if reviews[0].GetCommitID() != merge {
		t.Errorf("the review names %s, want the merge %s as at GitHub", reviews[0].GetCommitID(), merge)
	}
	commits, _, err := w.client().PullRequests.ListCommits(t.Context(), "acme", "clusters", number, nil)
	check(t, err)
	var shas []string
	for _, c := range commits {
		shas = append(shas, c.GetSHA())
	}
	if diff := cmp.Diff([]string{head, merge}, shas); diff != "" {
		t.Error(diff)
	}
	made := commits[1]
	if made.GetCommitter().GetLogin() != "web-flow" || !made.GetCommit().GetVerification().GetVerified() || len(made.Parents) != 2 {
		t.Errorf("the merge: %v", made)
	}
	forged := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{merge}, Author: "bob", Committer: "web-flow"}))
	check(t, w.repository.Push("bob", "grow", forged))
	commits, _, err = w.client().PullRequests.ListCommits(t.Context(), "acme", "clusters", number, nil)
	check(t, err)
	if c := commits[2]; c.GetCommitter().GetLogin() != "web-flow" || c.GetCommit().GetVerification().GetVerified() {
		t.Errorf("a forged web-flow: %v", c)
	}
}

// Each action of a person sends GitHub's event; with the description at hand
// its payload is checked, too.
func TestActionsSendEvents(t *testing.T) {
	w := newWorld(t, githubtest.Options{App: githubtest.App{Events: []string{"pull_request", "pull_request_review",
		"issue_comment", "check_run", "check_suite", "push", "status", "repository", "repository_ruleset", "member"}}})
	number, head := w.open("grow")
	check(t, w.repository.Push("alice", "release", w.root))
	review := must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "pending"}))
	comment := must[int64](t)(w.repository.Comment(number, "bob", "/countersign recheck"))
	run, _, err := w.client().Checks.CreateCheckRun(t.Context(), "acme", "clusters", github.CreateCheckRunOptions{
		Name: "countersign (main)", HeadSHA: head, Status: github.String("completed"), Conclusion: github.String("failure"),
		Output:  &github.CheckRunOutput{Title: github.String("no"), Summary: github.String("no"), Annotations: annotations(2)},
		Actions: []*github.CheckRunAction{{Label: "Re-evaluate", Description: "look again", Identifier: "reevaluate"}}})
	check(t, err)
	_, _, err = w.client().Checks.ListCheckRunAnnotations(t.Context(), "acme", "clusters", run.GetID(), nil)
	check(t, err)
	w.Flush()
	steps := []struct {
		want string
		do   func() error
	}{
		{"pull_request_review.edited", func() error { return w.repository.EditReview(number, review, "bob", "changed") }},
		{"pull_request_review.dismissed", func() error { return w.repository.DismissReview(number, review, "carol", "old") }},
		{"issue_comment.edited", func() error { return w.repository.EditComment(comment, "bob", "never mind") }},
		{"issue_comment.deleted", func() error { return w.repository.DeleteComment(comment, "bob") }},
		{"pull_request.edited", func() error { return w.repository.Retarget(number, "alice", "release") }},
		{"pull_request.converted_to_draft", func() error { return w.repository.SetDraft(number, "alice", true) }},
		{"pull_request.ready_for_review", func() error { return w.repository.SetDraft(number, "alice", false) }},
		{"pull_request.labeled", func() error { return w.repository.Label(number, "alice", "countersign/approved") }},
		{"pull_request.assigned", func() error { return w.repository.Assign(number, "alice", "bob") }},
		{"pull_request.closed", func() error { return w.repository.Close(number, "alice") }},
		{"pull_request.reopened", func() error { return w.repository.Reopen(number, "alice") }},
		{"status", func() error { return w.repository.PostStatus("carol", head, "countersign (main)", "success") }},
		{"check_run.requested_action", func() error { return w.repository.RequestAction(run.GetID(), "bob", "reevaluate") }},
		{"check_run.rerequested", func() error { return w.repository.Rerequest(run.GetID(), "bob") }},
		{"check_suite.rerequested", func() error { return w.repository.RerequestSuite(head, "bob") }},
		{"member.removed", func() error { return w.repository.Permit("zed", "") }},
		{"repository_ruleset.created", func() error { w.repository.SetRuleset(githubtest.Ruleset{Name: "x"}); return nil }},
		{"repository_ruleset.edited", func() error { w.repository.SetRuleset(githubtest.Ruleset{Name: "x"}); return nil }},
		{"repository_ruleset.deleted", func() error { w.repository.DeleteRuleset("x"); return nil }},
		{"repository.edited", func() error { return w.repository.SetDefaultBranch("dave", "release") }},
		{"repository.renamed", func() error { return w.repository.Rename("fleet") }},
	}
	for _, step := range steps {
		before := len(w.events())
		check(t, step.do())
		if got := w.events()[before:]; !slices.Contains(got, step.want) {
			t.Errorf("events %v, want %s", got, step.want)
		}
	}
	if err := w.repository.RequestAction(run.GetID(), "bob", "no such"); err == nil {
		t.Error("a button that is not there was pressed")
	}
	if _, err := w.repository.PostCheck(99, head, "countersign (main)", "success"); err != nil {
		t.Error(err)
	}
	checks, _, err := w.client().Checks.ListCheckRunsForRef(t.Context(), "acme", "clusters", head, nil)
	check(t, err)
	if checks.GetTotal() != 2 {
		t.Errorf("%d checks, want ours and the foreign one, through the redirect", checks.GetTotal())
	}
}

func annotations(n int) []*github.CheckRunAnnotation {
	var all []*github.CheckRunAnnotation
	for range n {
		all = append(all, &github.CheckRunAnnotation{Path: github.String("a/one.yaml"), StartLine: github.Int(1),
			EndLine: github.Int(1), AnnotationLevel: github.String("failure"), Message: github.String("no")})
	}
	return all
}

func TestAccountsVanishAndChangeNames(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "approved"}))
	check(t, w.RenameUser(w.UserID("bob"), "robert"))
	check(t, w.DeleteUser(w.UserID("carol")))
	reviews, _, err := w.client().PullRequests.ListReviews(t.Context(), "acme", "clusters", number, nil)
	check(t, err)
	if reviews[0].GetUser().GetLogin() != "robert" || reviews[0].GetUser().GetID() != 102 || reviews[1].User != nil {
		t.Errorf("reviews of %v and %v", reviews[0].User, reviews[1].User)
	}
	if _, _, err := w.client().Users.Get(t.Context(), "carol"); err == nil {
		t.Error("a deleted account is found")
	}
}

func TestForks(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.repository.Public()
	must[int64](t)(w.AddUser(githubtest.User{Login: "outsider"}))
	fork := must[*githubtest.Repository](t)(w.repository.Fork("outsider"))
	head := must[string](t)(fork.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "outsider", Files: map[string]string{"z": "1"}}))
	check(t, fork.Push("outsider", "patch", head))
	number := must[int](t)(w.repository.OpenPull(githubtest.OpenPull{Author: "outsider", Head: "patch", From: fork}))
	run, _, err := w.client().Checks.CreateCheckRun(t.Context(), "acme", "clusters", github.CreateCheckRunOptions{Name: "x", HeadSHA: head})
	check(t, err)
	if len(run.PullRequests) != 0 {
		t.Error("a fork's check tells its pull requests")
	}
	pull, _, err := w.client().PullRequests.Get(t.Context(), "acme", "clusters", number)
	check(t, err)
	if pull.GetHead().GetLabel() != "outsider:patch" || !pull.GetHead().GetRepo().GetFork() {
		t.Errorf("head: %v", pull.GetHead())
	}
	fork.Delete()
	pull, _, err = w.client().PullRequests.Get(t.Context(), "acme", "clusters", number)
	check(t, err)
	if pull.GetHead().Repo != nil || pull.GetHead().GetSHA() != head {
		t.Errorf("head after the fork's deletion: %v", pull.GetHead())
	}
}

func TestConflictsAreSaid(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	on := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "dave", Files: map[string]string{"grow.yaml": "x: 2\n"}}))
	check(t, w.repository.Push("dave", "main", on))
	for _, want := range []string{"unknown", "dirty"} {
		pull, _, err := w.client().PullRequests.Get(t.Context(), "acme", "clusters", number)
		check(t, err)
		if pull.GetMergeableState() != want || pull.GetBase().GetSHA() != w.root {
			t.Errorf("state %s, want %s; the base is %s as of the last push", pull.GetMergeableState(), want, pull.GetBase().GetSHA())
		}
	}
	if _, err := w.repository.Merge(number, "alice"); err == nil {
		t.Error("a conflict was merged")
	}
	if _, err := w.repository.UpdateBranch(number, "alice"); err == nil {
		t.Error("a conflict was merged into the branch")
	}
}

// Two equal runs are equal: ids and objects come from the calls and the clock.
func TestRunsAreEqual(t *testing.T) {
	var first []githubtest.Delivery
	for range 2 {
		w := newWorld(t, githubtest.Options{})
		w.open("grow")
		w.Flush()
		all := w.Deliveries()
		for i := range all { // only the port differs
			all[i].Payload = bytes.ReplaceAll(all[i].Payload, []byte(strings.TrimPrefix(w.URL(), "http://")), []byte("host"))
		}
		if first == nil {
			first = all
		} else if diff := cmp.Diff(first, all); diff != "" {
			t.Error(diff)
		}
	}
}
