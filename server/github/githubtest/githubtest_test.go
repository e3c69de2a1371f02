package githubtest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// cannot merge until the check of the right App is green and two people approved.
func TestTheMergeGate(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{
		githubtest.RequiredCheck("countersign (main)", w.AppID()), githubtest.RequiredReviews(2, false, false)}})
	blocked := func(why string) {
		t.Helper()
		if _, err := w.repository.Merge(number, "alice"); err == nil || !strings.Contains(err.Error(), why) {
			t.Fatalf("merge: %v, want %q", err, why)
		}
	}
	blocked("is expected")
	check(t, w.repository.PostStatus("bob", head, "countersign (main)", "success"))
	blocked("is expected")
	must[int64](t)(w.repository.PostCheck(99, head, "countersign (main)", "success"))
	blocked("is expected")
	client := w.client()
	run, _, err := client.Checks.CreateCheckRun(t.Context(), "acme", "clusters", github.CreateCheckRunOptions{
		Name: "countersign (main)", HeadSHA: head, Status: github.String("in_progress"),
		ExternalID: github.String("x")})
	check(t, err)
	blocked("is expected")
	_, _, err = client.Checks.UpdateCheckRun(t.Context(), "acme", "clusters", run.GetID(), github.UpdateCheckRunOptions{
		Name: "countersign (main)", Status: github.String("completed"), Conclusion: github.String("success"),
		Output: &github.CheckRunOutput{Title: github.String("passes"), Summary: github.String("all good")}})
	check(t, err)
	blocked("At least 2")
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved"}))
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "zed", State: "approved"}))
	blocked("At least 2")
	if _, err := w.repository.Review(number, githubtest.Review{Login: "alice", State: "approved"}); err == nil {
		t.Error("alice approved her own pull request")
	}
	if err := w.repository.Push("alice", "main", head); err == nil {
		t.Error("the ruleset let a push to main through")
	}
	id := must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "approved"}))
	check(t, w.repository.DismissReview(number, id, "dave", "not yet"))
	blocked("At least 2")
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "approved"}))
	sha := must[string](t)(w.repository.Merge(number, "alice"))
	pull, _, err := client.PullRequests.Get(t.Context(), "acme", "clusters", number)
	check(t, err)
	if !pull.GetMerged() || pull.GetMergeCommitSHA() != sha || w.repository.Branch("main") != sha {
		t.Errorf("merged %v as %s, main %s, want %s", pull.GetMerged(), pull.GetMergeCommitSHA(),
			w.repository.Branch("main"), sha)
	}
	if n := len(w.Writes()); n != 2 {
		t.Errorf("%d writes, want the check's creation and update", n)
	}
	if closed := last[*github.PullRequestEvent](w); closed.GetAction() != "closed" ||
		!closed.GetPullRequest().GetMerged() {
		t.Errorf("the last webhook says %s", closed.GetAction())
	}
}

// Everything that the App reads, through go-github.
func TestReading(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "changes_requested", Body: "no"}))
	client, ctx := w.client(), t.Context()
	if e := last[*github.PullRequestEvent](w); e.GetPullRequest().Mergeable != nil {
		t.Error("the test merge was known when the pull request was opened")
	}
	pull, _, err := client.PullRequests.Get(ctx, "acme", "clusters", number)
	check(t, err)
	if pull.GetHead().GetSHA() != head || pull.GetBase().GetSHA() != w.root {
		t.Errorf("head %s, base %s", pull.GetHead().GetSHA(), pull.GetBase().GetSHA())
	}
	if !pull.GetMergeable() || pull.GetCommits() != 1 || pull.GetChangedFiles() != 1 || pull.GetAdditions() != 1 {
		t.Errorf("second answer: %v", pull)
	}
	commits, _, err := client.PullRequests.ListCommits(ctx, "acme", "clusters", number, nil)
	check(t, err)
	if len(commits) != 1 || commits[0].GetAuthor().GetID() != 101 ||
		commits[0].GetCommit().GetVerification().GetVerified() {
		t.Errorf("commits: %v", commits)
	}
	files, _, err := client.PullRequests.ListFiles(ctx, "acme", "clusters", number, nil)
	check(t, err)
	if len(files) != 1 || files[0].GetFilename() != "grow.yaml" || files[0].GetStatus() != "added" {
		t.Errorf("files: %v", files)
	}
	reviews, _, err := client.PullRequests.ListReviews(ctx, "acme", "clusters", number, nil)
	check(t, err)
	if len(reviews) != 1 || reviews[0].GetState() != "CHANGES_REQUESTED" || reviews[0].GetCommitID() != head {
		t.Errorf("reviews: %v", reviews)
	}
	if e := last[*github.PullRequestReviewEvent](w); e.GetReview().GetState() != "changes_requested" {
		t.Errorf("the webhook says %s: states there are in lower case", e.GetReview().GetState())
	}
	level, _, err := client.Repositories.GetPermissionLevel(ctx, "acme", "clusters", "bob")
	check(t, err)
	if level.GetPermission() != "write" || level.GetUser().GetRoleName() != "write" {
		t.Errorf("permission: %v", level)
	}
	comparison, _, err := client.Repositories.CompareCommits(ctx, "acme", "clusters", "main", head, nil)
	check(t, err)
	if comparison.GetStatus() != "ahead" || comparison.GetAheadBy() != 1 {
		t.Errorf("comparison: %v", comparison)
	}
	file, _, _, err := client.Repositories.GetContents(ctx, "acme", "clusters", "a/one.yaml", nil)
	check(t, err)
	if text, err := file.GetContent(); err != nil || text != "one: 1\n" {
		t.Errorf("content: %q, %v", text, err)
	}
	_, folder, _, err := client.Repositories.GetContents(ctx, "acme", "clusters", "",
		&github.RepositoryContentGetOptions{Ref: "grow"})
	check(t, err)
	if len(folder) != 3 {
		t.Errorf("folder: %v", folder)
	}
	tree, _, err := client.Git.GetTree(ctx, "acme", "clusters", head, true)
	check(t, err)
	if len(tree.Entries) != 4 {
		t.Errorf("tree: %v", tree)
	}
	_, _, err = client.Git.GetBlob(ctx, "acme", "clusters", tree.Entries[1].GetSHA())
	check(t, err)
	for name, ask := range w.plainReads(client, number, head) {
		if err := ask(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// plainReads are requests whose answer the description and go-github check well enough.
func (w *world) plainReads(c *github.Client, number int, head string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"repository": func(ctx context.Context) error {
			_, _, err := c.Repositories.Get(ctx, "acme",
				"clusters")
			return err
		},
		"branches": func(ctx context.Context) error {
			_, _, err := c.Repositories.ListBranches(ctx, "acme", "clusters", nil)
			return err
		},
		"branch": func(ctx context.Context) error {
			_, _, err := c.Repositories.GetBranch(ctx, "acme", "clusters", "main", 0)
			return err
		},
		"commit": func(ctx context.Context) error {
			_, _, err := c.Repositories.GetCommit(ctx, "acme", "clusters", head, nil)
			return err
		},
		"git commit": func(ctx context.Context) error {
			_, _, err := c.Git.GetCommit(ctx, "acme", "clusters", head)
			return err
		},
		"ref": func(ctx context.Context) error {
			_, _, err := c.Git.GetRef(ctx, "acme", "clusters", "heads/main")
			return err
		},
		"refs": func(ctx context.Context) error {
			_, _, err := c.Git.ListMatchingRefs(ctx, "acme", "clusters", &github.ReferenceListOptions{Ref: "heads/"})
			return err
		},
		"pulls": func(ctx context.Context) error {
			_, _, err := c.PullRequests.List(ctx, "acme", "clusters", nil)
			return err
		},
		"review": func(ctx context.Context) error {
			_, _, err := c.PullRequests.ListReviews(ctx, "acme", "clusters", number, nil)
			return err
		},
		"pulls of a commit": func(ctx context.Context) error {
			_, _, err := c.PullRequests.ListPullRequestsWithCommit(ctx, "acme", "clusters", head, nil)
			return err
		},
		"issue": func(ctx context.Context) error {
			_, _, err := c.Issues.Get(ctx, "acme", "clusters", number)
			return err
		},
		"suites": func(ctx context.Context) error {
			_, _, err := c.Checks.ListCheckSuitesForRef(ctx, "acme", "clusters", head, nil)
			return err
		},
		"checks": func(ctx context.Context) error {
			_, _, err := c.Checks.ListCheckRunsForRef(ctx, "acme", "clusters", head, nil)
			return err
		},
		"rulesets": func(ctx context.Context) error {
			_, _, err := c.Repositories.GetAllRulesets(ctx, "acme", "clusters", true)
			return err
		},
		"user":       func(ctx context.Context) error { _, _, err := c.Users.Get(ctx, "bob"); return err },
		"user by id": func(ctx context.Context) error { _, _, err := c.Users.GetByID(ctx, 102); return err },
		"org":        func(ctx context.Context) error { _, _, err := c.Organizations.Get(ctx, "acme"); return err },
		"org member": func(ctx context.Context) error {
			_, _, err := c.Organizations.GetOrgMembership(ctx, "bob", "acme")
			return err
		},
		"is member": func(ctx context.Context) error {
			_, _, err := c.Organizations.IsMember(ctx, "acme",
				"bob")
			return err
		},
		"limits":    func(ctx context.Context) error { _, _, err := c.RateLimit.Get(ctx); return err },
		"its repos": func(ctx context.Context) error { _, _, err := c.Apps.ListRepos(ctx, nil); return err },
		"app":       func(ctx context.Context) error { _, _, err := w.appClient().Apps.Get(ctx, ""); return err },
		"app's hook": func(ctx context.Context) error {
			_, _,
				err := w.appClient().Apps.GetHookConfig(ctx)
			return err
		},
		"its installations": func(ctx context.Context) error {
			_, _, err := w.appClient().Apps.ListInstallations(ctx, nil)
			return err
		},
		"its installation": func(ctx context.Context) error {
			_, _, err := w.appClient().Apps.FindRepositoryInstallation(ctx, "acme", "clusters")
			return err
		},
	}
}

func TestTeams(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	check(t, w.org.Team("platform", ""))
	check(t, w.org.Team("approvers", "platform"))
	check(t, w.org.TeamMember("approvers", "bob", "active"))
	check(t, w.org.TeamMember("approvers", "carol", "pending"))
	client, ctx := w.client(), t.Context()
	state := func(team, login string) string {
		m, response, err := client.Teams.GetTeamMembershipBySlug(ctx, "acme", team, login)
		if err != nil && response.StatusCode != http.StatusNotFound {
			t.Fatal(err)
		}
		return m.GetState()
	}
	for _, want := range []struct{ team, login, state string }{
		{"approvers", "bob", "active"}, {"platform", "bob", "active"}, {"approvers", "carol", "pending"},
		{"platform", "alice", ""}, {"nobody", "bob", ""},
	} {
		if got := state(want.team, want.login); got != want.state {
			t.Errorf("%s in %s: %q, want %q", want.login, want.team, got, want.state)
		}
	}
	team, _, err := client.Teams.GetTeamBySlug(ctx, "acme", "approvers")
	check(t, err)
	if team.GetParent().GetSlug() != "platform" || team.GetMembersCount() != 1 {
		t.Errorf("team: %v", team)
	}
	members, _, err := client.Teams.ListTeamMembersBySlug(ctx, "acme", "platform", nil)
	check(t, err)
	if len(members) != 1 || members[0].GetLogin() != "bob" {
		t.Errorf("members: %v", members)
	}
	check(t, w.org.TeamMember("approvers", "bob", ""))
	check(t, w.org.DeleteTeam("platform"))
	if state("approvers", "bob") != "" {
		t.Error("the child outlived its parent")
	}
	check(t, w.org.Member("carol", ""))
	w.org.Role("cluster-admin", "write")
	check(t, w.repository.Permit("zed", "cluster-admin"))
	level, _, err := client.Repositories.GetPermissionLevel(ctx, "acme", "clusters", "zed")
	check(t, err)
	if level.GetPermission() != "write" || level.GetUser().GetRoleName() != "cluster-admin" {
		t.Errorf("custom role: %v", level)
	}
	events := w.events()
	for _, want := range []string{"membership.added", "membership.removed", "team.deleted",
		"organization.member_removed",
		"member.edited"} {
		if !slices.Contains(events, want) {
			t.Errorf("no %s among %v", want, events)
		}
	}
}
