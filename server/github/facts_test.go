package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

func TestPulls(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	check(t, w.repository.Assign(number, "bob", "carol"))
	p := w.pull(number)
	carol := w.user("carol")
	if p.Number != number || !p.Open || p.Merged || p.MergedSHA != "" || p.Head != w.repository.Branch("grow") || p.HeadRef != "grow" ||
		p.HeadRepository != w.repository.ID() || p.Base != "main" || p.BaseSHA != w.root || p.Author.Login != "alice" ||
		!slices.Equal(p.Assignees, []policy.User{carol}) || p.Commits != 1 || p.Created.IsZero() || !strings.HasPrefix(p.URL, "http") {
		t.Errorf("%+v", p)
	}
	if list := must[[]github.Pull](t)(w.client.OpenPulls(t.Context(), w.r, "main")); len(list) != 1 || list[0].Number != number {
		t.Errorf("%+v", list)
	}
	if list := must[[]github.Pull](t)(w.client.OpenPulls(t.Context(), w.r, "other")); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if list := must[[]github.Pull](t)(w.client.PullsOf(t.Context(), w.r, p.Head)); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	second := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{p.Head}, Author: "alice", Files: map[string]string{"y": "y"}}))
	check(t, w.repository.Push("alice", "grow", second))
	if list := must[[]github.Pull](t)(w.client.PullsOf(t.Context(), w.r, p.Head)); len(list) != 0 {
		t.Errorf("%+v have an older commit, but not as their head", list)
	}
	merged := must[string](t)(w.repository.Merge(number, "bob"))
	if p := w.pull(number); p.Open || !p.Merged || p.MergedSHA != merged {
		t.Errorf("%+v", p)
	}
	if list := must[[]github.Pull](t)(w.client.PullsOf(t.Context(), w.r, second)); len(list) != 0 {
		t.Errorf("%+v are not open", list)
	}
	if tip := must[string](t)(w.client.Tip(t.Context(), w.r, "heads/main")); tip != merged {
		t.Errorf("main is at %s", tip)
	}
	_, err := w.client.Tip(t.Context(), w.r, "heads/none/such")
	wantKind(t, "a ref that is not there", err, github.NotFound)
	_, err = w.client.Pull(t.Context(), w.r, 99)
	wantKind(t, "a pull request that is not there", err, github.NotFound)
	fork := must[*githubtest.Repository](t)(func() (*githubtest.Repository, error) {
		w.repository.Public()
		return w.repository.Fork("zed")
	}())
	head := must[string](t)(fork.Commit(githubtest.Commit{Parents: []string{merged}, Author: "zed", Files: map[string]string{"z": "z"}}))
	check(t, fork.Push("zed", "theirs", head))
	forked := must[int](t)(w.repository.OpenPull(githubtest.OpenPull{Author: "zed", Head: "theirs", From: fork, Draft: true}))
	fork.Delete()
	if p := w.pull(forked); p.HeadRepository != 0 || p.Author == nil || !p.Draft {
		t.Errorf("of a fork that is gone: %+v", p)
	}
	// GitHub's description does not know it, but accounts of pull requests have been null.
	gone := served(t, nil, func(*http.Request) string {
		return `{"number":1,"state":"open","user":null,"assignees":[null],"head":{"ref":"h","sha":"` + strings.Repeat("a", 40) +
			`","repo":null},"base":{"ref":"main","sha":"` + strings.Repeat("b", 40) + `"}}`
	})
	if p := must[github.Pull](t)(gone.Pull(t.Context(), w.r, 1)); p.Author != nil || len(p.Assignees) != 0 || p.HeadRepository != 0 {
		t.Errorf("of an account that is gone: %+v", p)
	}
}

func TestReviewsAndComments(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	head := w.pull(number).Head
	review := must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "bob", State: "approved", Body: "good"}))
	must[int64](t)(w.repository.Review(number, githubtest.Review{Login: "carol", State: "changes_requested", Body: "no"}))
	check(t, w.DeleteUser(w.UserID("carol")))
	reviews := must[[]github.Review](t)(w.client.Reviews(t.Context(), w.r, number))
	bob := w.user("bob")
	want := github.Review{ID: review, User: &bob, State: "APPROVED", Submitted: w.clock.now(), Commit: head, Body: "good"}
	if diff := cmp.Diff(want, reviews[0]); diff != "" || len(reviews) != 2 || reviews[1].User != nil || reviews[1].State != "CHANGES_REQUESTED" {
		t.Errorf("%+v: %s", reviews, diff)
	}
	theirs := must[int64](t)(w.repository.Comment(number, "bob", "/countersign recheck"))
	w.clock.move(time.Minute)
	ours := must[github.Comment](t)(w.client.CreateComment(t.Context(), w.r, number, "hello"))
	if ours.App != w.AppID() || ours.User.Login != "countersign[bot]" || ours.Body != "hello" || !ours.Created.Equal(w.clock.now()) || ours.URL == "" {
		t.Errorf("%+v", ours)
	}
	comments := must[[]github.Comment](t)(w.client.Comments(t.Context(), w.r, number, time.Time{}))
	if len(comments) != 2 || comments[0].ID != theirs || comments[0].App != 0 || *comments[0].User != bob || comments[1].ID != ours.ID {
		t.Errorf("%+v", comments)
	}
	if since := must[[]github.Comment](t)(w.client.Comments(t.Context(), w.r, number, w.clock.now())); len(since) != 1 || since[0].ID != ours.ID {
		t.Errorf("%+v", since)
	}
	check(t, w.client.React(t.Context(), w.r, theirs, "eyes"))
	check(t, w.client.React(t.Context(), w.r, theirs, "eyes"))
	check(t, w.client.UpdateComment(t.Context(), w.r, ours.ID, "hello again"))
	wantKind(t, "another's comment", w.client.UpdateComment(t.Context(), w.r, theirs, "x"), github.Forbidden)
	wantKind(t, "an unknown reaction", w.client.React(t.Context(), w.r, theirs, "sigh"), github.Refused)
	wantKind(t, "an empty comment", w.client.UpdateComment(t.Context(), w.r, ours.ID, ""), github.Refused)
	check(t, w.client.DeleteComment(t.Context(), w.r, ours.ID))
	wantKind(t, "twice", w.client.DeleteComment(t.Context(), w.r, ours.ID), github.NotFound)
	if n := must[int](t)(w.client.CreateIssue(t.Context(), w.r, "an override", "text")); n != number+1 {
		t.Errorf("issue %d", n)
	}
}

func TestCommits(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{Author: "alice", CoAuthors: []string{"Bob <bob@acme.example>", "Nobody <nobody@example.com>"}, Verified: true})
	parents := []string{w.repository.Branch("grow")}
	commit := func(c githubtest.Commit) string {
		t.Helper()
		c.Parents, c.Files = parents, map[string]string{fmt.Sprint(len(parents[0]), c.Author, c.Verified, c.Committer): "x"}
		sha := must[string](t)(w.repository.Commit(c))
		parents = []string{sha}
		return sha
	}
	stranger := commit(githubtest.Commit{Author: "Stranger <stranger@example.com>"})
	web := commit(githubtest.Commit{Author: "bob", Committer: "web-flow", Verified: true})
	forged := commit(githubtest.Commit{Author: "bob", Committer: "web-flow"})
	check(t, w.repository.Push("alice", "grow", forged))
	p := w.pull(number)
	w.exchanges()
	all := must[[]policy.Commit](t)(w.client.Commits(t.Context(), w.r, p))
	if got := ops(w.exchanges()); !slices.Equal(got, []string{"pulls/list-commits", "graphql"}) {
		t.Errorf("asked %v", got)
	}
	must[[]policy.Commit](t)(w.client.Commits(t.Context(), w.r, p))
	if got := ops(w.exchanges()); len(got) != 0 {
		t.Errorf("asked %v again", got)
	}
	by := map[string]policy.Commit{}
	for _, c := range all {
		by[c.SHA] = c
	}
	alice, bob := w.user("alice"), w.user("bob")
	first := by[all[0].SHA]
	if diff := cmp.Diff(policy.Commit{SHA: first.SHA, Parents: []string{w.root}, Author: &alice, Committer: &alice, CoAuthors: []policy.User{bob},
		UnknownCoAuthors: []string{"nobody@example.com"}, Verified: true, Signer: first.Signer}, first); diff != "" || first.Signer == "" {
		t.Errorf("signer %q: %s", first.Signer, diff)
	}
	if c := by[stranger]; c.Author != nil || c.Committer != nil || c.Verified || c.Signer != "" || c.WebFlow {
		t.Errorf("a stranger's: %+v", c)
	}
	if c := by[web]; !c.WebFlow || !c.Verified || *c.Author != bob || c.Committer.Login != "web-flow" {
		t.Errorf("of GitHub's pages: %+v", c)
	}
	if c := by[forged]; c.WebFlow || c.Verified || c.Signer != "" || c.Committer == nil {
		t.Errorf("forged: %+v", c)
	}
	check(t, w.repository.Push("alice", "grow", commit(githubtest.Commit{Author: "alice"})))
	p.Head = strings.Repeat("1", 40)
	_, err := w.client.Commits(t.Context(), w.r, p)
	wantKind(t, "of another head", err, github.Unavailable)
	w.client.Forget()
	w.Fail("graphql", githubtest.Fault{Status: 502})
	_, err = w.client.Commits(t.Context(), w.r, w.pull(number))
	wantKind(t, "without co-authors", err, github.Unavailable)
}

func TestManyCommits(t *testing.T) {
	w := newWorld(t)
	head := w.root
	for i := range 255 {
		head = must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{head}, Tree: w.root, Author: "alice", Message: fmt.Sprint(i)}))
		if i == 129 {
			check(t, w.repository.Push("alice", "long", head))
		}
	}
	number := must[int](t)(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: "long"}))
	if all := must[[]policy.Commit](t)(w.client.Commits(t.Context(), w.r, w.pull(number))); len(all) != 130 || all[129].Author == nil {
		t.Errorf("%d commits", len(all))
	}
	check(t, w.repository.Push("alice", "long", head))
	p := w.pull(number)
	if all := must[[]policy.Commit](t)(w.client.Commits(t.Context(), w.r, p)); len(all) != 250 || p.Commits != 255 {
		t.Errorf("%d commits of %d", len(all), p.Commits)
	}
}

func TestChecks(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	head := w.pull(number).Head
	k := github.Check{Name: "countersign (main)", Head: head, ExternalID: "1/2/main/x", Status: "completed", Conclusion: "failure", Title: "Two rules",
		Summary: "why", Text: "more", DetailsURL: "https://countersign.example/", Completed: w.clock.now().Add(-time.Second),
		Actions: []github.Action{{Label: "Re-evaluate", Description: "look again", Identifier: "recheck"}}}
	for i := range 120 {
		k.Annotations = append(k.Annotations, github.Annotation{Path: fmt.Sprint(i, ".yaml"), Start: 1, End: 2, Level: "warning", Title: "t", Message: fmt.Sprint(i)})
	}
	id := must[int64](t)(w.client.CreateCheck(t.Context(), w.r, k))
	if n := w.Count("checks/update"); n != 2 {
		t.Errorf("120 annotations took %d updates", n)
	}
	must[int64](t)(w.repository.PostCheck(77, head, "countersign (main)", "success"))
	all := must[[]github.Check](t)(w.client.Checks(t.Context(), w.r, head, "countersign (main)", 0))
	mine := must[[]github.Check](t)(w.client.Checks(t.Context(), w.r, head, "countersign (main)", w.AppID()))
	if len(all) != 2 || len(mine) != 1 {
		t.Fatalf("%d and %d check runs", len(all), len(mine))
	}
	want := k
	want.ID, want.App, want.Annotated, want.Annotations, want.Actions = id, w.AppID(), 120, nil, nil
	if diff := cmp.Diff(want, mine[0]); diff != "" {
		t.Error(diff)
	}
	var order []string
	for _, r := range w.Writes() {
		for _, part := range strings.Split(string(r.Body), `"message":"`)[1:] {
			order = append(order, part[:strings.Index(part, `"`)])
		}
	}
	for i, message := range order {
		if message != fmt.Sprint(i) {
			t.Fatalf("annotation %d is %s", i, message)
		}
	}
	if len(order) != 120 {
		t.Errorf("%d annotations were sent", len(order))
	}
	k = github.Check{ID: id, Name: k.Name, Status: "in_progress", Title: "Judging", Summary: "wait"}
	check(t, w.client.UpdateCheck(t.Context(), w.r, k))
	mine = must[[]github.Check](t)(w.client.Checks(t.Context(), w.r, head, k.Name, w.AppID()))
	if got := mine[0]; got.Status != "in_progress" || got.Conclusion != "" || !got.Completed.IsZero() || got.ExternalID != "1/2/main/x" {
		t.Errorf("%+v", got)
	}
	w.Fail("checks/update", githubtest.Fault{Status: 502})
	k.ID, k.Head, k.Annotations = 0, head, want.Annotations
	for range 60 {
		k.Annotations = append(k.Annotations, github.Annotation{Path: "x", Start: 1, End: 1, Level: "notice", Message: "m"})
	}
	made, err := w.client.CreateCheck(t.Context(), w.r, k)
	if wantKind(t, "half of the annotations", err, github.Unavailable); made == 0 {
		t.Error("the check run was made and its id is not told")
	}
	k.Status, k.Conclusion = "completed", ""
	_, err = w.client.CreateCheck(t.Context(), w.r, k)
	wantKind(t, "completed without a conclusion", err, github.Refused)
	all, err = w.client.Checks(t.Context(), w.r, strings.Repeat("1", 40), "x", 0)
	wantKind(t, fmt.Sprint("of no commit ", all), err, github.Refused)
}

func TestStatusesNeedAPermission(t *testing.T) {
	w := newWorld(t)
	check(t, w.repository.PostStatus("bob", w.root, "countersign (main)", "pending"))
	w.clock.move(time.Minute)
	check(t, w.repository.PostStatus("bob", w.root, "countersign (main)", "success"))
	_, err := w.client.Statuses(t.Context(), w.r, w.root)
	wantKind(t, "statuses", err, github.Forbidden)
	w.installation.SetPermissions(map[string]string{"metadata": "read", "statuses": "read"})
	fresh := w.newApp(nil).Client(w.installation.ID)
	list := must[[]github.Status](t)(fresh.Statuses(t.Context(), w.r, w.root))
	if len(list) != 2 || list[0].State != "success" || list[0].Creator.Login != "bob" || !list[0].At.Equal(w.clock.now()) {
		t.Errorf("%+v", list)
	}
	_, err = fresh.Checks(t.Context(), w.r, w.root, "x", 0)
	wantKind(t, "checks", err, github.Forbidden)
	_, err = fresh.Queue(t.Context(), w.r, "main")
	wantKind(t, "the queue", err, github.Forbidden)
	_, err = fresh.Queue(t.Context(), github.Repository{Owner: "acme", Name: "none"}, "main")
	wantKind(t, "a queue of nothing", err, github.NotFound)
}

func TestActivity(t *testing.T) {
	w := newWorld(t)
	number := w.open("a/b", githubtest.Commit{})
	first := w.pull(number).Head
	w.clock.move(time.Minute)
	second := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "bob", Files: map[string]string{"q": "q"}}))
	check(t, w.repository.Push("bob", "a/b", second))
	list := must[[]github.Push](t)(w.client.Activity(t.Context(), w.r, "a/b"))
	bob := w.user("bob")
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	if diff := cmp.Diff(github.Push{Ref: "refs/heads/a/b", Before: first, After: second, Actor: &bob, Forced: true, At: w.clock.now()}, list[0]); diff != "" {
		t.Error(diff)
	}
	check(t, w.DeleteUser(w.UserID("bob")))
	if list := must[[]github.Push](t)(w.client.Activity(t.Context(), w.r, "a/b")); list[0].Actor != nil {
		t.Errorf("%+v", list[0])
	}
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	check(t, w.repository.Push("alice", "release/1", w.root))
	id := w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Branches: []string{"refs/heads/release/1"}, Rules: []githubtest.Rule{
		githubtest.RequiredCheck("countersign (main)", 4242), githubtest.MergeQueue(), {Type: "deletion"},
		{Type: "code_scanning", Parameters: map[string]any{"code_scanning_tools": []any{}}}},
		Bypass: []githubtest.Bypass{{ActorID: 5, ActorType: "RepositoryRole", Mode: "always"}}})
	rules := must[[]github.Rule](t)(w.client.Rules(t.Context(), w.r, "release/1"))
	var types []string
	for _, rule := range rules {
		types = append(types, rule.Type)
		if rule.Ruleset != id {
			t.Errorf("%+v", rule)
		}
	}
	if !slices.Equal(types, []string{"required_status_checks", "merge_queue", "deletion", "code_scanning"}) ||
		!strings.Contains(string(rules[0].Parameters), `"integration_id":4242`) {
		t.Errorf("%v %s", types, rules[0].Parameters)
	}
	if rules := must[[]github.Rule](t)(w.client.Rules(t.Context(), w.r, "main")); len(rules) != 0 {
		t.Errorf("%+v", rules)
	}
	set := must[github.Ruleset](t)(w.client.Ruleset(t.Context(), w.r, id))
	if set.ID != id || set.Name != "main" || set.Enforcement != "active" || set.Bypass != nil {
		t.Errorf("%+v: who may bypass is not told to us", set)
	}
	_, err := w.client.Ruleset(t.Context(), w.r, id+1)
	wantKind(t, "no ruleset", err, github.NotFound)
	_, err = w.client.Protection(t.Context(), w.r, "release/1")
	wantKind(t, "without administration", err, github.Forbidden)
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "write"})
	fresh := w.newApp(nil).Client(w.installation.ID)
	_, err = fresh.Protection(t.Context(), w.r, "release/1")
	wantKind(t, "without protection", err, github.NotFound)
	w.repository.Protect("release/1", map[string]any{"enforce_admins": map[string]any{"url": w.URL(), "enabled": true}})
	if text := must[[]byte](t)(fresh.Protection(t.Context(), w.r, "release/1")); !strings.Contains(string(text), `"enabled":true`) {
		t.Errorf("%s", text)
	}
	if set := must[github.Ruleset](t)(fresh.Ruleset(t.Context(), w.r, id)); len(set.Bypass) != 1 || set.Bypass[0].ActorID != 5 || set.Bypass[0].Mode != "always" {
		t.Errorf("%+v", set)
	}
}

func TestQueue(t *testing.T) {
	w := newWorld(t)
	if queue := must[[]github.QueueEntry](t)(w.client.Queue(t.Context(), w.r, "main")); len(queue) != 0 {
		t.Errorf("%+v in no queue", queue)
	}
	w.repository.SetRuleset(githubtest.Ruleset{Name: "queue", Rules: []githubtest.Rule{githubtest.MergeQueue()}})
	var numbers []int
	for i := range 103 {
		number := w.open(fmt.Sprint("b", i), githubtest.Commit{})
		check(t, w.repository.Enqueue(number, "dave"))
		numbers = append(numbers, number)
	}
	group := must[githubtest.Group](t)(w.repository.BuildGroup("main", numbers[0]))
	queue := must[[]github.QueueEntry](t)(w.client.Queue(t.Context(), w.r, "main"))
	if len(queue) != 103 || queue[0] != (github.QueueEntry{Pull: numbers[0], Head: group.Head, Base: group.BaseSHA}) ||
		queue[102] != (github.QueueEntry{Pull: numbers[102]}) {
		t.Errorf("%d entries: %+v", len(queue), queue)
	}
}

func TestTheAppItself(t *testing.T) {
	w := newWorld(t)
	identity := must[github.Identity](t)(w.app.Identity(t.Context()))
	bot := policy.User{ID: policy.UserID(w.UserID("countersign[bot]")), Login: "countersign[bot]", Type: "Bot"}
	if identity.ID != w.AppID() || identity.Slug != "countersign" || identity.Bot != bot || identity.Permissions["checks"] != "write" ||
		!slices.Contains(identity.Events, "merge_group") || w.app.ID() != w.AppID() {
		t.Errorf("%+v", identity)
	}
	w.Fail("users/get-by-username", githubtest.Fault{Status: 401})
	if again := must[github.Identity](t)(w.app.Identity(t.Context())); again.Bot != bot {
		t.Errorf("where accounts are not public: %+v", again)
	}
	must[*githubtest.Installation](t)(w.Install("zed"))
	w.installation.Suspend(true)
	list := must[[]github.Installation](t)(w.app.Installations(t.Context()))
	if len(list) != 2 || list[0].ID != w.installation.ID || list[0].Account != "acme" || !list[0].Suspended || list[1].Suspended ||
		list[0].Permissions["checks"] != "write" || len(list[0].Events) == 0 {
		t.Errorf("%+v", list)
	}
	w.SetWebhook("https://countersign.example/webhook", "x")
	if hook := must[github.Hook](t)(w.app.Hook(t.Context())); hook != (github.Hook{URL: "https://countersign.example/webhook", ContentType: "json"}) {
		t.Errorf("%+v", hook)
	}
	now := must[time.Time](t)(w.app.Time(t.Context()))
	if d := time.Since(now); d < -time.Minute || d > time.Minute {
		t.Errorf("GitHub's clock is %v away", d)
	}
	w.Fail("rate-limit/get", githubtest.Fault{Status: 404})
	must[time.Time](t)(w.app.Time(t.Context()))
	stranger := w.newApp(func(o *github.Options) { o.App = 1 })
	_, err := stranger.Identity(t.Context())
	wantKind(t, "with another's key", err, github.Forbidden)
	for _, e := range w.exchanges() {
		if e.Op == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestAttempts(t *testing.T) {
	w := newWorld(t)
	w.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Drop: true} })
	number := w.open("grow", githubtest.Commit{})
	w.clock.move(time.Hour)
	since := w.clock.now()
	for range 130 {
		must[int64](t)(w.repository.Comment(number, "alice", "x"))
		w.clock.move(time.Second)
	}
	w.Flush()
	list := must[[]github.Attempt](t)(w.app.Attempts(t.Context(), since))
	if len(list) != 130 || list[0].ID < list[129].ID || list[0].OK || list[0].Event != "issue_comment" || list[0].Action != "created" ||
		list[0].Installation != w.installation.ID || list[0].Repository != w.repository.ID() || list[0].GUID == "" || list[129].At.Before(since) {
		t.Fatalf("%d: %+v", len(list), list[:1])
	}
	if n := w.Count("apps/list-webhook-deliveries"); n != 2 {
		t.Errorf("%d pages", n)
	}
	check(t, w.app.Redeliver(t.Context(), list[0].ID))
	w.Flush()
	if again := must[[]github.Attempt](t)(w.app.Attempts(t.Context(), since)); len(again) != 131 || again[0].GUID != list[0].GUID || !again[0].Redelivery {
		t.Errorf("%d: %+v", len(again), again[0])
	}
	wantKind(t, "no attempt", w.app.Redeliver(t.Context(), 99999), github.NotFound)
	w.Fail("apps/list-webhook-deliveries", githubtest.Fault{Status: 502})
	_, err := w.app.Attempts(t.Context(), since)
	wantKind(t, "in trouble", err, github.Unavailable)
}
