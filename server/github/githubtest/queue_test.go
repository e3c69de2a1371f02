package githubtest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// query asks GraphQL with the installation's token.
func (w *world) query(text string, variables map[string]any) map[string]any {
	w.t.Helper()
	client := w.client()
	request, err := client.NewRequest("POST", w.URL()+"/api/graphql", map[string]any{"query": text, "variables": variables})
	check(w.t, err)
	var answer map[string]any
	_, err = client.Do(w.t.Context(), request, &answer)
	check(w.t, err)
	return answer
}

const entries = `query($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) { mergeQueue(branch: $branch) { entries(first: 100) { totalCount
    pageInfo { hasNextPage endCursor }
    nodes { position state headCommit { oid } baseCommit { oid } pullRequest { number headRefOid } } } } } }`

func TestTheMergeQueue(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	one, _ := w.open("one")
	two, _ := w.open("two")
	w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{
		githubtest.MergeQueue(), githubtest.RequiredCheck("countersign (main)", w.AppID())}})
	post := func(sha, conclusion string) {
		t.Helper()
		_, _, err := w.client().Checks.CreateCheckRun(t.Context(), "acme", "clusters", github.CreateCheckRunOptions{
			Name: "countersign (main)", HeadSHA: sha, Conclusion: &conclusion, Status: github.String("completed")})
		check(t, err)
	}
	if err := w.repository.Enqueue(one, "alice"); err == nil || !strings.Contains(err.Error(), "is expected") {
		t.Errorf("queued without its check: %v", err)
	}
	post(w.repository.Branch("one"), "success")
	post(w.repository.Branch("two"), "success")
	if _, err := w.repository.Merge(one, "alice"); err == nil || !strings.Contains(err.Error(), "merge queue") {
		t.Errorf("merged past the queue: %v", err)
	}
	check(t, w.repository.Enqueue(one, "alice"))
	check(t, w.repository.Enqueue(two, "bob"))
	group := must[githubtest.Group](t)(w.repository.BuildGroup("main"))
	asked := last[*github.MergeGroupEvent](w)
	if asked.GetAction() != "checks_requested" || asked.GetMergeGroup().GetHeadSHA() != group.Head ||
		!strings.HasPrefix(asked.GetMergeGroup().GetHeadRef(), "refs/heads/gh-readonly-queue/main/pr-2-") ||
		asked.GetMergeGroup().GetBaseSHA() != w.root {
		t.Errorf("the webhook says %v", asked.GetMergeGroup())
	}
	answer := w.query(entries, map[string]any{"owner": "acme", "name": "clusters", "branch": "main"})
	queue := answer["data"].(map[string]any)["repository"].(map[string]any)["mergeQueue"].(map[string]any)["entries"].(map[string]any)
	nodes := queue["nodes"].([]any)
	if len(nodes) != 2 || nodes[1].(map[string]any)["headCommit"].(map[string]any)["oid"] != group.Head ||
		nodes[0].(map[string]any)["pullRequest"].(map[string]any)["number"] != 1.0 {
		t.Errorf("the queue: %v", answer)
	}
	if err := w.repository.LandGroup(group); err == nil {
		t.Fatal("a group without its check landed")
	}
	if w.repository.Branch("main") != w.root || !slices.Contains(w.events(), "merge_group.destroyed") ||
		!slices.Contains(w.events(), "pull_request.dequeued") {
		t.Errorf("after the failure: %v", w.events())
	}
	check(t, w.repository.Enqueue(one, "alice"))
	check(t, w.repository.Enqueue(two, "alice"))
	check(t, w.repository.Dequeue(two, "alice"))
	group = must[githubtest.Group](t)(w.repository.BuildGroup("main", one))
	check(t, w.repository.DestroyGroup(group))
	group = must[githubtest.Group](t)(w.repository.BuildGroup("main", one))
	post(group.Head, "success")
	check(t, w.repository.LandGroup(group))
	pull, _, err := w.client().PullRequests.Get(t.Context(), "acme", "clusters", one)
	check(t, err)
	if !pull.GetMerged() || w.repository.Branch("main") != group.Head || w.repository.Branch(strings.TrimPrefix(group.Ref, "refs/heads/")) != "" {
		t.Errorf("merged %v, main at %s, want %s", pull.GetMerged(), w.repository.Branch("main"), group.Head)
	}
}

func TestASquashedGroupTellsNothing(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	one, head := w.open("one")
	w.repository.SetRuleset(githubtest.Ruleset{Name: "main", Rules: []githubtest.Rule{githubtest.MergeQueue()}})
	check(t, w.repository.Enqueue(one, "alice"))
	group := must[githubtest.Group](t)(w.repository.SquashGroup("main"))
	answer := w.query(entries, map[string]any{"owner": "acme", "name": "clusters", "branch": "main"})
	if text := must[any](t)(answer, nil); strings.Contains(strings.Join(strings.Fields(group.Ref), ""), "pr-") || text == nil {
		t.Errorf("%s, %v", group.Ref, answer)
	}
	comparison, _, err := w.client().Repositories.CompareCommits(t.Context(), "acme", "clusters", head, group.Head, nil)
	check(t, err)
	if comparison.GetStatus() != "diverged" {
		t.Errorf("the member's head is %s of the group", comparison.GetStatus())
	}
}

// GitHub's own reading of co-authors is told by GraphQL alone.
func TestCoAuthors(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	head := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "alice",
		CoAuthors: []string{"bob", "Ghost <ghost@nowhere.example>"}, Files: map[string]string{"x": "1"}}))
	check(t, w.repository.Push("alice", "pair", head))
	number := must[int](t)(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: "pair"}))
	answer := w.query(`query($n: Int!) { repository(owner: "acme", name: "clusters") { pullRequest(number: $n) {
		commits(first: 100) { nodes { commit { oid authors(first: 10) { nodes { email user { login databaseId } } } } } } } } }`,
		map[string]any{"n": number})
	text := string(must[[]byte](t)(marshal(answer)))
	for _, want := range []string{`"login":"alice"`, `"databaseId":102`, `{"email":"ghost@nowhere.example","user":null}`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	w.installation.SetPermissions(map[string]string{"metadata": "read"})
	if answer := w.query(entries, map[string]any{"owner": "acme", "name": "clusters", "branch": "main"}); answer["errors"] == nil {
		t.Errorf("the queue was told without the permission: %v", answer)
	}
}
