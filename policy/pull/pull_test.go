package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

const (
	headID = "1111111111111111111111111111111111111111"
	digest = "sha256:d1"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// inProcess parses as the child does, without the child.
type inProcess struct{}

func (inProcess) Parse(_ context.Context, name string, content []byte) (render.Document, *render.Problem, error) {
	document, problem := manifest.Parse(name, content)
	return document, problem, nil
}

func subject(teams ...string) Subject {
	c := config.Strict()
	c.Approvals.Teams = teams
	return Subject{Now: noon, Assessment: policy.Assessment{Config: &c, Digest: digest,
		Entries: []policy.Entry{{Kind: policy.EntryResource, Name: "x", Digest: "d"}},
		Head:    policy.Revision{Commit: headID}}}
}

// github is a folder as gh api fills it; edit changes a file's text, "" leaves it out.
func github(t *testing.T, edit map[string]string) string {
	t.Helper()
	user := func(login string, id int) string {
		return fmt.Sprintf(`{"login":%q,"id":%d,"type":"User"}`, login, id)
	}
	files := map[string]string{
		"pull.json": `{"number":7,"commits":2,"user":` + user("alice", 101) + `,"head":{"sha":"` + headID + `"},
			"base":{"ref":"main","repo":{"id":1,"full_name":"acme/fleet","owner":{"type":"Organization"}}}}`,
		"reviews.json": `[[{"id":1,"user":` + user("bob", 102) + `,"state":"APPROVED","commit_id":"` + headID + `",
			"submitted_at":"2026-01-05T10:00:00Z","author_association":"MEMBER"}],
			[{"id":2,"user":` + user("carol", 103) + `,"state":"APPROVED","commit_id":"old",
			"submitted_at":"2026-01-05T10:01:00Z","author_association":"COLLABORATOR"}]]`,
		"commits.json": `[{"sha":"c1","parents":[],"author":` + user(
			"alice",
			101,
		) + `,"committer":` + user(
			"alice",
			101,
		) + `,
			"commit":{"message":"x\n\nCo-authored-by: Dave <104+dave@users.noreply.github.com>\n` +
			`Co-authored-by: Nobody <n@example.com>","author":{"email":"a@example.com"},"committer":{"email":"a@example.com"}}},
			{"sha":"` + headID + `","parents":[{"sha":"c1"}],"author":` + user(
			"alice",
			101,
		) + `,
			"committer":{"login":"web-flow","id":19864447,"type":"User"},"commit":{"verification":{"verified":true}}}]`,
		"permissions/alice.json": `{"permission":"write","role_name":"maintain","user":` + user(
			"alice",
			101,
		) + `}`,
		"permissions/bob.json":       `{"permission":"write","role_name":"write","user":` + user("bob", 102) + `}`,
		"permissions/carol.json":     `{"permission":"write","role_name":"write","user":` + user("carol", 103) + `}`,
		"members/acme/platform.json": `[` + user("bob", 102) + `]`,
	}
	dir := t.TempDir()
	for name, text := range edit {
		files[name] = text
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, path string, s Subject) policy.PullRequest {
	t.Helper()
	pr, err := Read(t.Context(), inProcess{}, path, s)
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func TestFolder(t *testing.T) {
	pr := read(t, github(t, nil), subject("acme/platform"))
	if len(pr.Failed) > 0 {
		t.Fatalf("failed: %v", pr.Failed)
	}
	if pr.Author.Login != "alice" || pr.AuthorRole != "maintain" || pr.Base != "main" || pr.CommitsIncomplete {
		t.Errorf("author %v (%s), base %s, incomplete %v", pr.Author, pr.AuthorRole, pr.Base, pr.CommitsIncomplete)
	}
	bob, carol := pr.Reviews[0], pr.Reviews[1]
	if !bob.BoundKnown || bob.Bound != digest || bob.BoundBase != "main" {
		t.Errorf("bob's review of the head is bound to %+v", bob)
	}
	if carol.BoundKnown {
		t.Errorf("carol's review of another commit is bound: %+v", carol)
	}
	if !pr.People[102].OrgMember || pr.People[103].OrgMember ||
		!slices.Equal(pr.People[102].Teams, []string{"acme/platform"}) {
		t.Errorf("people %+v", pr.People)
	}
	first, second := pr.Commits[0], pr.Commits[1]
	if diff := cmp.Diff([]policy.User{{ID: 104, Login: "dave", Type: "User"}}, first.CoAuthors); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(first.UnknownCoAuthors, []string{"n@example.com"}) || !second.WebFlow || second.NeutralMerge {
		t.Errorf("commits %+v", pr.Commits)
	}
}

// What is missing or wrong is said with the file and what to do, and decides.
func TestFolderFailsClosed(t *testing.T) {
	tests := []struct {
		name string
		edit map[string]string
		want string
	}{
		{"no pull", map[string]string{"pull.json": ""}, "pull.json is missing: gh api repos/OWNER/REPO/pulls/NUMBER"},
		{
			"no reviews",
			map[string]string{"reviews.json": ""},
			"gh api repos/acme/fleet/pulls/7/reviews --paginate --slurp > reviews.json",
		},
		{"no commits", map[string]string{"commits.json": ""}, "commits.json is missing"},
		{"no team", map[string]string{"members/acme/platform.json": ""}, "gh api orgs/acme/teams/platform/members"},
		{
			"no permission",
			map[string]string{"permissions/carol.json": ""},
			"gh api repos/acme/fleet/collaborators/carol/permission",
		},
		{"author's permission", map[string]string{"permissions/alice.json": ""}, "permissions/alice.json is missing"},
		{"not JSON", map[string]string{"reviews.json": "[\n{]"}, "reviews.json: line 2"},
		{"HTML", map[string]string{"pull.json": "<html>"}, "pull.json: line 1"},
		{"an error page", map[string]string{"reviews.json": `{"message":"Not Found"}`}, "reviews.json"},
		{
			"another head",
			map[string]string{"pull.json": `{"number":7,"user":{"login":"alice","id":101},"head":{"sha":"2222"}}`},
			"pull.json is about head 2222",
		},
		{
			"a login that changed hands",
			map[string]string{"permissions/bob.json": `{"role_name":"write","user":{"login":"bob","id":9}}`},
			"the login has changed hands",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := subject("acme/platform")
			pr := read(t, github(t, test.edit), s)
			if !slices.ContainsFunc(pr.Failed, func(f string) bool { return strings.Contains(f, test.want) }) {
				t.Errorf("failed %q, want one with %q", pr.Failed, test.want)
			}
			if v := policy.Decide(s.Assessment, pr); v.State != policy.StateError || v.Exit() != 2 {
				t.Errorf("state %s, exit %d: %s", v.State, v.Exit(), v.Title)
			}
		})
	}
}

func TestCommitsIncomplete(t *testing.T) {
	for name, commits := range map[string]string{
		"fewer than pull.json says": `[{"sha":"` + headID + `"}]`,
		"without the head":          `[{"sha":"c1"},{"sha":"c2"}]`,
	} {
		pr := read(t, github(t, map[string]string{"commits.json": commits}), subject("acme/platform"))
		if !pr.CommitsIncomplete {
			t.Errorf("%s: taken as complete", name)
		}
	}
}

func TestPushes(t *testing.T) {
	push := func(login string, id int, before, after string) string {
		return fmt.Sprintf(
			`{"actor":{"login":%q,"id":%d,"type":"User"},"before":%q,"after":%q}`,
			login,
			id,
			before,
			after,
		)
	}
	pr := read(t, github(t, map[string]string{"pushes.json": "[" + push("bob", 102, "c1", headID) + "]"}), subject())
	if !pr.Commits[0].PusherUnknown || pr.Commits[1].PusherUnknown || pr.Commits[1].Pushers[0].Login != "bob" {
		t.Errorf("commits %+v", pr.Commits)
	}
	both := "[" + push("alice", 101, "", "c1") + "," + push("bob", 102, "c1", headID) + "]"
	pr = read(t, github(t, map[string]string{"pushes.json": both}), subject())
	if pr.Commits[0].Pushers[0].Login != "alice" || len(pr.Commits[1].Pushers) != 1 {
		t.Errorf("commits %+v", pr.Commits)
	}
}

func TestHolds(t *testing.T) {
	comment := func(login string, id, minute int, body, more string) string {
		text, _ := json.Marshal(body)
		return fmt.Sprintf(
			`{"user":{"login":%q,"id":%d,"type":"User"},"created_at":"2026-01-05T11:%02d:00Z","body":%s%s}`,
			login,
			id,
			minute,
			text,
			more,
		)
	}
	list := "[" + strings.Join([]string{
		comment("bob", 102, 1, "/countersign hold no", ""),
		comment("alice", 101, 2, "/countersign unhold", ""),
		comment("carol", 103, 3, "/countersign unhold", `,"updated_at":"2026-01-05T11:09:00Z"`),
		comment("carol", 103, 4, "/countersign hold", `,"performed_via_github_app":{}`),
	}, ",") + "]"
	s := subject()
	pr := read(t, github(t, map[string]string{"comments.json": list}), s)
	if len(pr.Holds) != 1 || pr.Holds[0].By.Login != "bob" || pr.Holds[0].Reason != "no" ||
		len(pr.Holds[0].ReleasedBy) != 1 {
		t.Fatalf("holds %+v", pr.Holds)
	}
	if v := policy.Decide(s.Assessment, pr); !slices.Contains(v.Approvals.BlockedBy, "hold:bob") {
		t.Errorf("the author lifted bob's hold: %+v", v.Approvals)
	}
}

// Whether somebody belongs to the organisation is read from their reviews and
// comments; where GitHub said nothing, nobody can tell whether they count.
func TestMembershipThatNobodyTold(t *testing.T) {
	silent := `[{"id":1,"user":{"login":"bob","id":102,"type":"User"},"state":"APPROVED","commit_id":"` + headID + `",
		"submitted_at":"2026-01-05T10:00:00Z"}]`
	comment := `[{"user":{"login":"bob","id":102,"type":"User"},"created_at":"2026-01-05T11:00:00Z","body":"fine",
		"author_association":"MEMBER"}]`
	s := subject()
	pr := read(t, github(t, map[string]string{"reviews.json": silent}), s)
	if v := policy.Decide(s.Assessment, pr); v.Approvals.Status != policy.StatusError || len(v.Approvals.Counted) > 0 {
		t.Errorf("without a word: %+v", v.Approvals)
	}
	pr = read(t, github(t, map[string]string{"reviews.json": silent, "comments.json": comment}), s)
	if v := policy.Decide(s.Assessment, pr); len(v.Approvals.Counted) != 1 {
		t.Errorf("by a comment: %+v", v.Approvals)
	}
	s.Assessment.Config.Approvals.RequireOrgMember = false
	pr = read(t, github(t, map[string]string{"reviews.json": silent}), s)
	if v := policy.Decide(s.Assessment, pr); len(v.Approvals.Counted) != 1 {
		t.Errorf("where it does not matter: %+v", v.Approvals)
	}
}

const shortForm = `base: main
author: alice
people:
  alice: {id: 101, permission: write, teams: [acme/platform]}
  bob: {id: 102, permission: write, teams: [acme/platform]}
  Carol: {permission: write, teams: [acme/platform]}
reviews:
- {user: bob, state: APPROVED, at: "2026-01-05T10:10:00Z"}
- {user: carol, state: APPROVED, at: "2026-01-05T10:11:00Z"}
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pull.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShortForm(t *testing.T) {
	s := subject("acme/platform")
	v := policy.Decide(s.Assessment, read(t, file(t, shortForm), s))
	if v.State != policy.StatePass || len(v.Approvals.Counted) != 2 {
		t.Errorf("%s: %s %+v", v.State, v.Title, v.Approvals)
	}
	if len(v.NotGiven) == 0 {
		t.Error("the verdict does not say which facts were not given")
	}
}

func TestShortFormMistakes(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"unknown key", shortForm + "rewiews: []\n", 10, "rewiews is not a known key"},
		{
			"unknown person",
			shortForm + "- {user: dave, state: APPROVED, at: \"2026-01-05T10:10:00Z\"}\n",
			10,
			`names "dave"`,
		},
		{
			"no permission",
			strings.Replace(shortForm, "id: 102, permission: write", "id: 102", 1),
			5,
			"has no permission",
		},
		{"odd state", strings.Replace(shortForm, "APPROVED", "approved", 1), 8, "none of APPROVED"},
		{"odd time", strings.Replace(shortForm, "2026-01-05T10:10:00Z", "noon", 1), 8, "is no moment"},
		{"no author", strings.Replace(shortForm, "author: alice\n", "", 1), 1, "author is missing"},
		{"empty", "", 0, "is empty"},
		{"not YAML", "a: [", 2, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := subject("acme/platform")
			pr := read(t, file(t, test.text), s)
			where := ""
			if test.line > 0 {
				where = fmt.Sprintf("pull.yaml:%d: ", test.line)
			}
			if len(pr.Failed) == 0 || !strings.Contains(pr.Failed[0], where) ||
				!strings.Contains(pr.Failed[0], test.want) {
				t.Errorf("failed %q, want %q and %q", pr.Failed, where, test.want)
			}
			if v := policy.Decide(s.Assessment, pr); v.State != policy.StateError {
				t.Errorf("state %s", v.State)
			}
		})
	}
}

func TestNothingThere(t *testing.T) {
	if _, err := Read(t.Context(), inProcess{}, filepath.Join(t.TempDir(), "none"), subject()); !os.IsNotExist(err) &&
		!strings.Contains(fmt.Sprint(err), "no such file") {
		t.Errorf("error %v", err)
	}
}

// Any short form gives facts or failures, never a panic and never a pass
// without two people.
func FuzzShortForm(f *testing.F) {
	f.Add(shortForm)
	f.Add("base: main\nauthor: [x]\npeople: {a: null}\nreviews: [1, {user: a}]\nholds: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := subject("acme/platform")
		document, problem := manifest.Parse("f", []byte(text))
		if problem != nil || document.Value == nil {
			return
		}
		path := filepath.Join(t.TempDir(), "p.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		pr, err := Read(context.Background(), inProcess{}, path, s)
		if err != nil {
			t.Fatal(err)
		}
		if v := policy.Decide(s.Assessment, pr); v.State == policy.StatePass && len(v.Approvals.Counted) < 2 {
			t.Fatalf("pass with %+v", v.Approvals)
		}
	})
}
