package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

var (
	alice   = User{ID: 101, Login: "alice", Type: "User"}
	bob     = User{ID: 102, Login: "bob", Type: "User"}
	carol   = User{ID: 103, Login: "carol", Type: "User"}
	dave    = User{ID: 104, Login: "dave", Type: "User"}
	erin    = User{ID: 105, Login: "erin", Type: "User"}
	mallory = User{ID: 106, Login: "mallory", Type: "User"}
	zed     = User{ID: 107, Login: "zed", Type: "User"}
	copilot = User{ID: 203, Login: "copilot-swe-agent[bot]", Type: "Bot"}
	actions = User{ID: 204, Login: "github-actions[bot]", Type: "Bot"}
)

const approvers, breakGlass = "acme/cluster-approvers", "acme/break-glass"

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// privileged is an assessment with one privileged change and nothing else.
func privileged() Assessment {
	c := config.Strict()
	c.Approvals.Teams = []string{approvers}
	c.Override = &config.Override{Team: breakGlass, Window: "15m"}
	a := Assessment{Config: &c, Entries: []Entry{newEntry(EntryResource, "eu-1", "before", "after")}}
	a.seal()
	return a
}

// opened is alice's pull request, nobody's review on it yet.
func opened() PullRequest {
	person := func(u User, role string, teams ...string) Person {
		return Person{User: u, Role: role, OrgMember: true, Teams: teams}
	}
	return PullRequest{
		Given: true, Number: 1, Base: "main", Head: "c1", Author: &alice, AuthorRole: "write",
		Commits: []Commit{{SHA: "c1", Author: &alice, Committer: &alice, Pushers: []User{alice}}},
		People: map[UserID]Person{
			alice.ID: person(alice, "write", approvers), bob.ID: person(bob, "write", approvers),
			carol.ID: person(carol, "write", approvers), dave.ID: person(dave, "write", approvers, breakGlass),
			erin.ID: person(
				erin,
				"admin",
				breakGlass,
			), mallory.ID: person(mallory, "write"), zed.ID: person(zed, "read"),
		},
		Teams: []Team{{Name: approvers}, {Name: breakGlass}}, Now: noon.Add(time.Hour),
	}
}

// review is somebody's word on the content of digest, minutes after noon.
func review(u User, state string, minutes int, digest string) Review {
	return Review{ID: int64(u.ID)*1000 + int64(minutes), User: &u, State: state,
		Submitted: noon.Add(time.Duration(minutes) * time.Minute), Bound: digest, BoundKnown: true, BoundBase: "main"}
}

func TestDecide(t *testing.T) {
	digest := privileged().Digest
	approve := func(u User, minutes int) Review { return review(u, "APPROVED", minutes, digest) }
	tests := []struct {
		name  string
		setup func(*Assessment, *PullRequest)
		state string
		want  Approvals // the fields that matter; see below
	}{
		{"nobody yet", func(*Assessment, *PullRequest) {}, StateNeedsApproval,
			Approvals{Status: StatusPending, Missing: 2}},
		{"no facts given", func(_ *Assessment, pr *PullRequest) { *pr = PullRequest{} }, StateNeedsApproval,
			Approvals{Status: StatusPending, Missing: 2}},
		{"two approve", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{approve(carol, 2), approve(bob, 1)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"the author and one more", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{approve(alice, 1), approve(bob, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{102, "bob"}},
			Ignored: []Ignored{{101, "alice", "author"}}}},
		{"a committer", func(_ *Assessment, pr *PullRequest) {
			pr.Commits[0].Committer = &bob
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{102, "bob", "committer"}}}},
		{"a co-author, allowed by the config", func(a *Assessment, pr *PullRequest) {
			a.Config.Approvals.Exclude = []string{
				"author",
				"initiator",
				"commit_author",
				"committer",
				"pusher",
				"bot",
			}
			pr.Commits[0].CoAuthors = []User{bob}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"a pusher", func(_ *Assessment, pr *PullRequest) {
			pr.Commits[0].Pushers = []User{alice, bob}
			pr.Reviews = []Review{approve(bob, 1)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2, Ignored: []Ignored{{102, "bob", "pusher"}}}},
		{"who made a commit that is gone stays", func(_ *Assessment, pr *PullRequest) {
			pr.Former = []Commit{{SHA: "old", Author: &bob, Committer: &dave, Pushers: []User{carol}}, {SHA: "merge",
				NeutralMerge: true, Author: &erin, Pushers: []User{erin}}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2), approve(dave, 3)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2, Ignored: []Ignored{
			{102, "bob", "commit_author"}, {103, "carol", "pusher"}, {104, "dave", "committer"}}}},
		{"a neutral merge adds nobody", func(_ *Assessment, pr *PullRequest) {
			pr.Commits = append(pr.Commits, Commit{SHA: "m", Author: &bob, WebFlow: true, Verified: true,
				NeutralMerge: true, Pushers: []User{bob}})
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"bound to other content", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{review(bob, "APPROVED", 1, "sha256:other"), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{102, "bob", "stale"}}}},
		{"bound to another base", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{approve(bob, 1)}
			pr.Reviews[0].BoundBase = "release"
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2, Ignored: []Ignored{{102, "bob", "stale"}}}},
		{"not in the team, and read only", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{approve(mallory, 1), approve(zed, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2,
			Ignored: []Ignored{{106, "mallory", "not_eligible"}, {107, "zed", "not_eligible"}}}},
		{"a dismissed approval does not fall back", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{approve(bob, 1), review(bob, "DISMISSED", 2, digest), approve(carol, 3)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{102, "bob", "dismissed"}}}},
		{"changes requested", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{review(carol, "CHANGES_REQUESTED", 1, digest), approve(bob, 2), approve(dave, 3)}
		}, StateBlocked, Approvals{Status: StatusBlocked, Counted: []Counted{{102, "bob"}, {104, "dave"}},
			Ignored: []Ignored{{103, "carol", "changes_requested"}}, BlockedBy: []string{"changes_requested:carol"}}},
		{"an outsider's request for changes", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = []Review{review(mallory, "CHANGES_REQUESTED", 1, digest), approve(bob, 2), approve(dave, 3)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {104, "dave"}},
			Ignored: []Ignored{{106, "mallory", "not_eligible"}}}},
		{"a contributor's dismissal lifts nothing", func(_ *Assessment, pr *PullRequest) {
			gone := review(carol, "DISMISSED", 1, digest)
			gone.Former, gone.DismissedBy = "CHANGES_REQUESTED", &alice
			pr.Reviews = []Review{gone, approve(bob, 2), approve(dave, 3)}
		}, StateBlocked, Approvals{Status: StatusBlocked, Counted: []Counted{{102, "bob"}, {104, "dave"}},
			Ignored: []Ignored{{103, "carol", "dismissed"}}, BlockedBy: []string{"changes_requested:carol"}}},
		{"an unattributed commit", func(_ *Assessment, pr *PullRequest) {
			pr.Commits[0].Author, pr.Commits[0].Committer = nil, nil
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"unattributed_commit:c1"}}},
		{"a forged web-flow", func(_ *Assessment, pr *PullRequest) {
			pr.Commits[0].Committer = &User{ID: 19864447, Login: "web-flow", Type: "User"}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"unattributed_commit:c1"}}},
		{"no author", func(_ *Assessment, pr *PullRequest) {
			pr.Author = nil
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"unattributed_author"}}},
		{"an agent's initiator", func(_ *Assessment, pr *PullRequest) {
			pr.Author, pr.Initiators = &copilot, []User{bob}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{102, "bob", "initiator"}}}},
		{"an agent without an initiator", func(_ *Assessment, pr *PullRequest) {
			pr.Author = &copilot
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"unattributed_author"}}},
		{"a workflow's token needs one more", func(_ *Assessment, pr *PullRequest) {
			pr.Commits[0].Pushers = []User{actions}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Required: 3, Missing: 1,
			Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"an author without write needs one more", func(_ *Assessment, pr *PullRequest) {
			pr.AuthorRole = "read"
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Required: 3, Missing: 1,
			Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"held", func(_ *Assessment, pr *PullRequest) {
			pr.Holds = []Hold{{By: dave, At: noon}, {By: zed, At: noon}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateBlocked, Approvals{Status: StatusBlocked, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"hold:dave"}}},
		{"the holder's own approval", func(_ *Assessment, pr *PullRequest) {
			pr.Holds = []Hold{{By: bob, At: noon}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateBlocked, Approvals{Status: StatusBlocked, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{102, "bob", "hold"}}, BlockedBy: []string{"hold:bob"}}},
		{"a hold without need of approval", func(a *Assessment, pr *PullRequest) {
			a.Entries, a.Digest = nil, ""
			pr.Holds = []Hold{{By: dave, At: noon}}
		}, StateBlocked, Approvals{Status: StatusBlocked, BlockedBy: []string{"hold:dave"}}},
		{"the author may not lift a hold", func(_ *Assessment, pr *PullRequest) {
			pr.Holds = []Hold{{By: dave, At: noon, ReleasedBy: []User{alice}}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateBlocked, Approvals{Status: StatusBlocked, Counted: []Counted{{102, "bob"}, {103, "carol"}},
			BlockedBy: []string{"hold:dave"}}},
		{"a hold lifted by another is not placed again", func(_ *Assessment, pr *PullRequest) {
			pr.Holds = []Hold{
				{By: dave, At: noon, Digest: "d", ReleasedBy: []User{alice, bob}},
				{By: dave, At: noon.Add(time.Minute), Digest: "d"},
			}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"commits incomplete", func(_ *Assessment, pr *PullRequest) {
			pr.CommitsIncomplete = true
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateError, Approvals{Status: StatusError, Missing: 2, BlockedBy: []string{"commit_list_incomplete"}}},
		{"a team that cannot be read", func(_ *Assessment, pr *PullRequest) {
			pr.Teams[0].Unknown = "404"
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateError, Approvals{Status: StatusError, Missing: 2}},
		{"a person who cannot be read", func(_ *Assessment, pr *PullRequest) {
			delete(pr.People, carol.ID)
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateError, Approvals{Status: StatusError, Missing: 1, Counted: []Counted{{102, "bob"}},
			Ignored: []Ignored{{103, "carol", "not_eligible"}}}},
		{"a deleted account", func(_ *Assessment, pr *PullRequest) {
			ghost := approve(bob, 1)
			ghost.User = nil
			pr.Reviews = []Review{ghost, approve(carol, 2)}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{103, "carol"}},
			Ignored: []Ignored{{0, "<deleted>", "unknown_user"}}}},
		{"override by two", func(a *Assessment, pr *PullRequest) {
			pr.Now = noon.Add(20 * time.Minute)
			pr.Overrides = []OverrideRequest{{By: erin, Reason: "fire", At: noon, Digest: a.Digest},
				{By: dave, Reason: "yes", At: noon.Add(10 * time.Minute), Digest: a.Digest}}
		}, StatePass, Approvals{Status: StatusApproved, Audit: []string{"override"},
			Override: &OverrideState{By: []string{"erin", "dave"}, Reason: "fire"}}},
		{"override out of the window", func(a *Assessment, pr *PullRequest) {
			pr.Now = noon.Add(17 * time.Minute)
			pr.Overrides = []OverrideRequest{{By: erin, Reason: "fire", At: noon, Digest: a.Digest},
				{By: dave, Reason: "yes", At: noon.Add(16 * time.Minute), Digest: a.Digest}}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2,
			Override: &OverrideState{RequestedBy: []string{"dave"}, Required: 2}}},
		{"override of other content, by an outsider, by an App", func(a *Assessment, pr *PullRequest) {
			pr.Overrides = []OverrideRequest{{By: erin, Reason: "x", At: pr.Now, Digest: "other"},
				{By: mallory, Reason: "x", At: pr.Now, Digest: a.Digest},
				{By: dave, Reason: "x", At: pr.Now, Digest: a.Digest, ViaApp: true}}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2}},
		{"override does not lift a hold", func(a *Assessment, pr *PullRequest) {
			pr.Now = noon.Add(time.Minute)
			pr.Holds = []Hold{{By: bob, At: noon}}
			pr.Overrides = []OverrideRequest{{By: erin, Reason: "x", At: noon, Digest: a.Digest},
				{By: dave, Reason: "y", At: noon, Digest: a.Digest}}
		}, StateBlocked, Approvals{Status: StatusBlocked, BlockedBy: []string{"hold:bob"}, Audit: []string{"override"},
			Override: &OverrideState{By: []string{"dave", "erin"}, Reason: "y"}}},
		{"a lapsed override", func(a *Assessment, pr *PullRequest) {
			pr.Now = noon.Add(5 * time.Hour)
			pr.Overrides = []OverrideRequest{{By: erin, Reason: "x", At: noon, Digest: a.Digest},
				{By: dave, Reason: "y", At: noon, Digest: a.Digest}}
		}, StateNeedsApproval, Approvals{Status: StatusPending, Missing: 2}},
		{"a finding blocks whoever approves", func(a *Assessment, pr *PullRequest) {
			a.Findings = []Finding{{Rule: "CS-SSH-001", Effect: engine.Block, State: New}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateViolation, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"an existing finding does not", func(a *Assessment, pr *PullRequest) {
			a.Findings = []Finding{{Rule: "CS-SSH-001", Effect: engine.Block, State: Existing}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"a root that cannot be judged", func(a *Assessment, pr *PullRequest) {
			a.Problems = []Problem{{Code: "render", Problem: render.Problem{Message: "no"}}}
			pr.Reviews = []Review{approve(bob, 1), approve(carol, 2)}
		}, StateError, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{
			"no config",
			func(a *Assessment, _ *PullRequest) { a.Config = nil },
			StateError,
			Approvals{Status: StatusError},
		},
		{"a merge group nobody can resolve", func(_ *Assessment, pr *PullRequest) { pr.Group = &MergeGroup{} },
			StateError, Approvals{Status: StatusError, Missing: 2}},
		{"a merge group that holds more", func(a *Assessment, pr *PullRequest) {
			pr.Group = &MergeGroup{
				Resolved: true,
				Members:  []GroupMember{{Approvals: Approvals{Status: StatusNotRequired}}},
			}
		}, StateBlocked, Approvals{Status: StatusBlocked, Missing: 2, BlockedBy: []string{"merge_group_digest_not_approved"}}},
		{"a merge group of what was approved", func(a *Assessment, pr *PullRequest) {
			member := Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: member, Entries: a.Entries}}}
		}, StatePass, Approvals{Status: StatusApproved, Counted: []Counted{{102, "bob"}, {103, "carol"}}}},
		{"two members that touch one object", func(a *Assessment, pr *PullRequest) {
			member := GroupMember{Approvals: Approvals{Status: StatusApproved}, Entries: a.Entries}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{member, member}}
		}, StateBlocked, Approvals{Status: StatusBlocked, Missing: 2, BlockedBy: []string{"merge_group_digest_not_approved"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, pr := privileged(), opened()
			test.setup(&a, &pr)
			v := Decide(a, pr)
			got := v.Approvals
			if v.State != test.state {
				t.Errorf("state %s, want %s (%s)", v.State, test.state, v.Title)
			}
			got.MayApprove = nil
			if test.want.Required == 0 {
				got.Required = 0
			}
			if diff := cmp.Diff(test.want, got, cmp.Transformer("empty", emptyAsNil)); diff != "" {
				t.Error(diff)
			}
			if v.Title == "" || strings.HasSuffix(v.Title, ": ") {
				t.Errorf("title %q says nothing", v.Title)
			}
		})
	}
}

// emptyAsNil lets tables leave out what is empty.
func emptyAsNil(a Approvals) map[string]any {
	m := map[string]any{"status": a.Status, "required": a.Required, "missing": a.Missing, "override": a.Override}
	if len(a.Counted) > 0 {
		m["counted"] = a.Counted
	}
	if len(a.Ignored) > 0 {
		m["ignored"] = a.Ignored
	}
	if len(a.BlockedBy) > 0 {
		m["blocked_by"] = a.BlockedBy
	}
	if len(a.Audit) > 0 {
		m["audit"] = a.Audit
	}
	return m
}

// drawFacts makes any pull request of the known people.
func drawFacts(t *rapid.T, a Assessment) PullRequest {
	everybody := []User{alice, bob, carol, dave, erin, mallory, zed, copilot, actions}
	someone := rapid.SampledFrom(everybody)
	digest := rapid.SampledFrom([]string{a.Digest, "sha256:other", ""})
	pr := opened()
	maybe := func(label string) bool { return rapid.IntRange(0, 4).Draw(t, label) == 0 }
	if maybe("extra commit") {
		who, by := someone.Draw(t, "commit author"), someone.Draw(t, "committer")
		pr.Commits = append(
			pr.Commits,
			Commit{SHA: "c2", Author: &who, Committer: &by, Pushers: []User{someone.Draw(t, "pusher")},
				Verified: maybe("verified"), PusherUnknown: maybe("pusher unknown")},
		)
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "reviews") {
		state := rapid.SampledFrom(
			[]string{"APPROVED", "APPROVED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED", "PENDING"},
		)
		r := review(someone.Draw(t, "reviewer"), state.Draw(t, "state"), i, digest.Draw(t, "bound"))
		if maybe("deleted") {
			r.User = nil
		}
		pr.Reviews = append(pr.Reviews, r)
	}
	if maybe("hold") {
		pr.Holds = []Hold{{By: someone.Draw(t, "holder"), At: noon}}
	}
	for range rapid.IntRange(0, 2).Draw(t, "overrides") {
		pr.Overrides = append(pr.Overrides, OverrideRequest{By: someone.Draw(t, "by"), Reason: "r",
			At: pr.Now.Add(-time.Minute), Digest: digest.Draw(t, "override digest")})
	}
	pr.CommitsIncomplete = maybe("incomplete")
	if maybe("unknown person") {
		delete(pr.People, someone.Draw(t, "unknown").ID)
	}
	if maybe("team") {
		pr.Teams[0].Unknown = "gone"
	}
	if maybe("failed") {
		pr.Failed = []string{"reviews"}
	}
	return pr
}

// badness orders the status of approvals, best first.
var badness = []string{StatusNotRequired, StatusApproved, StatusPending, StatusBlocked, StatusError}

// Another eligible approval never makes the answer worse.
func TestAnotherApprovalNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := privileged()
		pr := drawFacts(t, a)
		for _, u := range []User{bob, carol, dave} {
			p := newPeople(a.Config.Approvals, pr)
			if _, spoke := p.last[u.ID]; spoke || !p.independent(u) {
				continue
			}
			was := Decide(a, pr).Approvals
			more := pr
			more.Reviews = append(slices.Clone(pr.Reviews), review(u, "APPROVED", 30, a.Digest))
			is := Decide(a, more).Approvals
			if slices.Index(badness, is.Status) > slices.Index(badness, was.Status) || is.Missing > was.Missing {
				t.Fatalf(
					"%s's approval turned %s (missing %d) into %s (missing %d)",
					u.Login,
					was.Status,
					was.Missing,
					is.Status,
					is.Missing,
				)
			}
		}
	})
}

// What the author says of their own change never matters.
func TestAuthorNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := privileged()
		pr := drawFacts(t, a)
		pr.Reviews = slices.DeleteFunc(
			pr.Reviews,
			func(r Review) bool { return r.User != nil && r.User.ID == alice.ID },
		)
		was := Decide(a, pr)
		state := rapid.SampledFrom([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"}).
			Draw(t, "word")
		pr.Reviews = append(slices.Clone(pr.Reviews), review(alice, state, 40, a.Digest))
		is := Decide(a, pr)
		is.Approvals.Ignored = slices.DeleteFunc(
			is.Approvals.Ignored,
			func(i Ignored) bool { return i.ID == alice.ID },
		)
		if diff := cmp.Diff(was, is); diff != "" {
			t.Fatalf("the author's %s changed the verdict: %s", state, diff)
		}
	})
}

// The order in which the facts are listed never matters.
func TestOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := privileged()
		pr := drawFacts(t, a)
		other := pr
		other.Reviews = rapid.Permutation(pr.Reviews).Draw(t, "reviews")
		other.Commits = rapid.Permutation(pr.Commits).Draw(t, "commits")
		was, is := Decide(a, pr), Decide(a, other)
		slices.Sort(was.Approvals.BlockedBy)
		slices.Sort(is.Approvals.BlockedBy)
		was.Title, is.Title = "", ""
		if diff := cmp.Diff(was, is); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Green needs everything: nothing unknown, nothing that blocks, and two people
// independent of the change, or the emergency exit by two.
func TestGreenIsEarned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := privileged()
		pr := drawFacts(t, a)
		if rapid.Bool().Draw(t, "finding") {
			a.Findings = []Finding{
				{Effect: rapid.SampledFrom([]engine.Effect{engine.Block, engine.Warn}).Draw(t, "effect"),
					State: rapid.SampledFrom([]State{New, Worsened, Existing, Fixed}).Draw(t, "state")},
			}
		}
		v := Decide(a, pr)
		if v.State != StatePass {
			return
		}
		p := newPeople(a.Config.Approvals, pr)
		if len(Blocking(a)) > 0 || pr.CommitsIncomplete || len(pr.Failed) > 0 || p.teamsUnknown() ||
			len(p.standingHolds()) > 0 {
			t.Fatalf("green with %v", v)
		}
		over := v.Approvals.Override != nil && len(v.Approvals.Override.By) == 2
		if !over && len(v.Approvals.Counted) < 2 {
			t.Fatalf("green with %d people", len(v.Approvals.Counted))
		}
		for _, c := range v.Approvals.Counted {
			if u := pr.People[c.ID].User; !p.independent(u) {
				t.Fatalf("%s counted", c.Login)
			}
		}
	})
}

// Decide answers for any values, even absurd ones, and never with a pass.
func FuzzDecide(f *testing.F) {
	f.Add("APPROVED", "main", "x", int64(0), true, false)
	f.Fuzz(func(t *testing.T, state, base, login string, id int64, given, config bool) {
		a := privileged()
		if !config {
			a.Config = nil
		}
		u := User{ID: UserID(id), Login: login, Type: "User"}
		pr := PullRequest{
			Given:     given,
			Base:      base,
			Author:    &u,
			Reviews:   []Review{{User: &u, State: state, Submitted: noon}},
			Commits:   []Commit{{Author: &u}},
			Holds:     []Hold{{By: u}},
			Overrides: []OverrideRequest{{By: u}},
		}
		v := Decide(a, pr)
		if v.State == StatePass || v.Title == "" {
			t.Fatalf("%+v", v)
		}
	})
}
