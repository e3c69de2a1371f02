package githubtest_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

func TestRulesOfABranch(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	id := w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{
		githubtest.RequiredCheck("countersign (main)", w.AppID()), githubtest.RequiredReviews(2, true, true), githubtest.MergeQueue(),
		{Type: "deletion"}, {Type: "non_fast_forward"}},
		Bypass: []githubtest.Bypass{{ActorID: 5, ActorType: "RepositoryRole", Mode: "always"}}})
	w.repository.SetRuleset(githubtest.Ruleset{Name: "trial", Enforcement: "evaluate", Rules: []githubtest.Rule{{Type: "creation"}}})
	w.repository.SetRuleset(githubtest.Ruleset{Name: "elsewhere", Branches: []string{"refs/heads/release/*"}, Rules: []githubtest.Rule{{Type: "update"}}})
	types := func(branch string) []string {
		var all []string
		for _, rule := range must[any](t)(w.get("/repos/acme/clusters/rules/branches/" + branch)).([]any) {
			all = append(all, rule.(map[string]any)["type"].(string))
		}
		return all
	}
	if diff := cmp.Diff([]string{"required_status_checks", "pull_request", "merge_queue", "deletion", "non_fast_forward"}, types("main")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"update"}, types("release/1.0")); diff != "" {
		t.Error(diff)
	}
	set := must[any](t)(w.get("/repos/acme/clusters/rulesets/" + itoa(id))).(map[string]any)
	if _, told := set["bypass_actors"]; told {
		t.Error("who may bypass was told to one who may not write the ruleset")
	}
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "write"})
	set = must[any](t)(w.get("/repos/acme/clusters/rulesets/" + itoa(id))).(map[string]any)
	if _, told := set["bypass_actors"]; !told {
		t.Error("who may bypass was not told to one who may write the ruleset")
	}
}

func TestClassicProtection(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	_, response, err := w.client().Repositories.GetBranchProtection(t.Context(), "acme", "clusters", "main")
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("without administration: %v", err)
	}
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "read"})
	_, _, err = w.client().Repositories.GetBranchProtection(t.Context(), "acme", "clusters", "main")
	if err == nil || !strings.Contains(err.Error(), "not protected") {
		t.Errorf("without protection: %v", err)
	}
	w.repository.Protect("main", map[string]any{"enforce_admins": map[string]any{"enabled": false, "url": w.URL()},
		"required_status_checks": map[string]any{"strict": true, "contexts": []string{"ci"}, "url": w.URL(),
			"contexts_url": w.URL(), "checks": []any{map[string]any{"context": "ci", "app_id": nil}}}})
	protection, _, err := w.client().Repositories.GetBranchProtection(t.Context(), "acme", "clusters", "main")
	check(t, err)
	if !protection.GetRequiredStatusChecks().Strict {
		t.Errorf("protection: %v", protection)
	}
	if _, err := w.repository.Merge(number, "alice"); err == nil || !strings.Contains(err.Error(), `"ci" is expected`) {
		t.Errorf("merge without the check: %v", err)
	}
	check(t, w.repository.PostStatus("bob", head, "ci", "success"))
	on := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "dave", Files: map[string]string{"n": "1"}}))
	check(t, w.repository.Push("dave", "main", on)) // an admin, whom this protection does not bind
	if _, err := w.repository.Merge(number, "alice"); err == nil || !strings.Contains(err.Error(), "not up to date") {
		t.Errorf("merge behind the base: %v", err)
	}
	w.repository.Protect("main", nil)
	must[string](t)(w.repository.Merge(number, "alice"))
	for _, want := range []string{"branch_protection_rule.created", "branch_protection_rule.deleted"} {
		if !slices.Contains(w.events(), want) {
			t.Errorf("no %s", want)
		}
	}
}

// A push dismisses approvals where the rules say so, and the last pusher's
// approval is not enough where they say that.
func TestStaleApprovals(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{githubtest.RequiredReviews(1, true, true)}})
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	second := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{head}, Author: "bob", Files: map[string]string{"n": "1"}}))
	check(t, w.repository.Push("bob", "grow", second))
	reviews, _, err := w.client().PullRequests.ListReviews(t.Context(), "acme", "clusters", number, nil)
	check(t, err)
	if reviews[0].GetState() != "DISMISSED" || reviews[0].GetCommitID() != head {
		t.Errorf("after the push: %v", reviews[0])
	}
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	if _, err := w.repository.Merge(number, "alice"); err == nil || !strings.Contains(err.Error(), "last pusher") {
		t.Errorf("merge: %v", err)
	}
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "approved"}))
	must[string](t)(w.repository.Merge(number, "alice"))
}

// Comments, reactions, issues and requests for review, as the App writes them.
func TestTheAppsWrites(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	client, ctx := w.client(), t.Context()
	theirs := must[int64](t)(w.repository.Comment(number, "bob", "/countersign recheck"))
	for range 2 {
		_, _, err := client.Reactions.CreateIssueCommentReaction(ctx, "acme", "clusters", theirs, "eyes")
		check(t, err)
	}
	reactions, _, err := client.Reactions.ListIssueCommentReactions(ctx, "acme", "clusters", theirs, nil)
	check(t, err)
	if len(reactions) != 1 || reactions[0].GetUser().GetLogin() != "countersign[bot]" {
		t.Errorf("reactions: %v", reactions)
	}
	ours, _, err := client.Issues.CreateComment(ctx, "acme", "clusters", number, &github.IssueComment{Body: github.String("one")})
	check(t, err)
	_, _, err = client.Issues.EditComment(ctx, "acme", "clusters", ours.GetID(), &github.IssueComment{Body: github.String("two")})
	check(t, err)
	read, _, err := client.Issues.GetComment(ctx, "acme", "clusters", ours.GetID())
	check(t, err)
	if read.GetBody() != "two" || read.GetUser().GetType() != "Bot" {
		t.Errorf("our comment: %v", read)
	}
	if _, _, err := client.Issues.EditComment(ctx, "acme", "clusters", theirs, &github.IssueComment{Body: github.String("x")}); err == nil {
		t.Error("the App edited somebody's comment")
	}
	_, err = client.Issues.DeleteComment(ctx, "acme", "clusters", ours.GetID())
	check(t, err)
	issue, _, err := client.Issues.Create(ctx, "acme", "clusters", &github.IssueRequest{Title: github.String("review after the fact"), Labels: &[]string{"countersign"}})
	check(t, err)
	if issue.GetNumber() != number+1 {
		t.Errorf("issue %d, want the number after the pull request's", issue.GetNumber())
	}
	_, _, err = client.PullRequests.RequestReviewers(ctx, "acme", "clusters", number, github.ReviewersRequest{Reviewers: []string{"bob"}})
	check(t, err)
	if _, _, err := client.PullRequests.RequestReviewers(ctx, "acme", "clusters", number, github.ReviewersRequest{Reviewers: []string{"alice"}}); err == nil {
		t.Error("the author was asked for a review")
	}
	var written []string
	for _, r := range w.Writes() {
		written = append(written, r.Operation)
	}
	want := []string{"reactions/create-for-issue-comment", "reactions/create-for-issue-comment", "issues/create-comment",
		"issues/update-comment", "issues/delete-comment", "issues/create", "pulls/request-reviewers"}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Error(diff)
	}
}

// People may act over HTTP, too, with tokens of their own.
func TestPeoplesTokens(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{githubtest.RequiredReviews(1, false, false)}})
	as := func(login string) *github.Client {
		base := w.URL() + "/api/v3"
		return must[*github.Client](t)(github.NewClient(nil).WithAuthToken(must[string](t)(w.UserToken(login))).WithEnterpriseURLs(base, base))
	}
	approve := &github.PullRequestReviewRequest{CommitID: &head, Event: github.String("APPROVE")}
	if _, _, err := as("alice").PullRequests.CreateReview(t.Context(), "acme", "clusters", number, approve); err == nil {
		t.Error("alice approved her own pull request")
	}
	if _, _, err := as("alice").PullRequests.Merge(t.Context(), "acme", "clusters", number, "", nil); err == nil {
		t.Error("merged without an approval")
	}
	review, _, err := as("bob").PullRequests.CreateReview(t.Context(), "acme", "clusters", number, approve)
	check(t, err)
	_, _, err = as("carol").PullRequests.DismissReview(t.Context(), "acme", "clusters", number, review.GetID(),
		&github.PullRequestReviewDismissalRequest{Message: github.String("no")})
	check(t, err)
	if _, _, err := w.client().PullRequests.CreateReview(t.Context(), "acme", "clusters", number, approve); err == nil {
		t.Error("the App approved")
	}
	_, _, err = as("carol").PullRequests.CreateReview(t.Context(), "acme", "clusters", number, approve)
	check(t, err)
	_, _, err = as("zed").Issues.CreateComment(t.Context(), "acme", "clusters", number, &github.IssueComment{Body: github.String("nice")})
	check(t, err)
	if _, _, err := as("zed").PullRequests.Merge(t.Context(), "acme", "clusters", number, "", nil); err == nil {
		t.Error("somebody with read merged")
	}
	result, _, err := as("alice").PullRequests.Merge(t.Context(), "acme", "clusters", number, "", nil)
	check(t, err)
	if w.repository.Branch("main") != result.GetSHA() {
		t.Errorf("main is at %s, want %s", w.repository.Branch("main"), result.GetSHA())
	}
}

func TestInstallationsChange(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	must[*githubtest.Repository](t)(w.AddRepository("acme", "other"))
	must[*githubtest.Organisation](t)(w.AddOrganisation("rival"))
	check(t, w.installation.Select("other"))
	check(t, w.installation.Select())
	check(t, w.repository.Transfer("rival"))
	if _, _, err := w.client().Repositories.Get(t.Context(), "acme", "clusters"); err == nil {
		t.Error("the repository of another account is reached through its old name")
	}
	w.installation.Uninstall()
	if _, _, err := w.client().Apps.ListRepos(t.Context(), nil); err == nil {
		t.Error("a token of an App that is not installed")
	}
	var got []string
	for _, e := range w.events() {
		if strings.HasPrefix(e, "installation") {
			got = append(got, e)
		}
	}
	want := []string{"installation.created", "installation_repositories.removed", "installation_repositories.added", "installation.deleted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is not GitHub's is noticed: else the description would be decoration.
func TestTheDescriptionIsApplied(t *testing.T) {
	if os.Getenv("COUNTERSIGN_GITHUB_DESCRIPTION") == "" {
		t.Skip("COUNTERSIGN_GITHUB_DESCRIPTION names no description to apply")
	}
	w := newWorld(t, githubtest.Options{})
	_, head := w.open("grow")
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "read", "checks": "write"})
	w.repository.Protect("main", map[string]any{"enforce_admins": "yes"})
	_, _, err := w.client().Repositories.GetBranchProtection(t.Context(), "acme", "clusters", "main")
	if problems := w.TakeProblems(); err == nil || len(problems) != 1 || !strings.Contains(problems[0], "/enforce_admins") {
		t.Errorf("a wrong answer: %v, %v", err, problems)
	}
	_, made := w.token("")
	body := `{"name":"x","head_sha":"` + head + `","external_id":7}`
	w.ask("POST", "/repos/acme/clusters/check-runs", "Bearer "+made["token"].(string), body)
	if problems := w.TakeProblems(); len(problems) != 1 || !strings.Contains(problems[0], "/external_id") {
		t.Errorf("a wrong request: %v", problems)
	}
	w.repository.SetRuleset(githubtest.Ruleset{Name: "x", Enforcement: "sometimes"})
	if problems := w.TakeProblems(); len(problems) != 1 || !strings.Contains(problems[0], "repository-ruleset-created") {
		t.Errorf("a wrong webhook: %v", problems)
	}
}
