package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStories plays what happens to pull requests: who did what, and what it
// comes to. want is the status, who counts, and after a bar who does not and
// why, or what blocks.
func TestStories(t *testing.T) {
	now := privileged().Digest
	const former = "sha256:former"
	approved := func(u User, minute int) Review { return review(u, "APPROVED", minute, now) }
	both := []Review{approved(bob, 10), approved(carol, 11)}
	reviews := func(list ...Review) func(*Assessment, *PullRequest) {
		return func(_ *Assessment, pr *PullRequest) { pr.Reviews = list }
	}
	commits := func(list ...Commit) func(*Assessment, *PullRequest) {
		return func(_ *Assessment, pr *PullRequest) { pr.Commits, pr.Reviews = list, both }
	}
	by := func(sha string, u User) Commit {
		return Commit{SHA: sha, Author: &u, Committer: &u, Pushers: []User{u}}
	}
	robert := User{ID: bob.ID, Login: "robert", Type: "User"}
	reviewer := User{ID: 205, Login: "copilot-pull-request-reviewer[bot]", Type: "Bot"}
	asks := func(at time.Time, u User, digest string) OverrideRequest {
		return OverrideRequest{By: u, Reason: "outage", At: at, Digest: digest}
	}
	tests := []struct {
		name string
		play func(*Assessment, *PullRequest)
		want string
	}{
		{"a push changes the content after both approved",
			reviews(review(bob, "APPROVED", 10, former), review(carol, "APPROVED", 11, former)),
			"pending 2 | bob stale, carol stale"},
		{"both approve again", reviews(review(bob, "APPROVED", 1, former), review(carol, "APPROVED", 2, former),
			approved(bob, 10), approved(carol, 11)), "approved 0 bob carol"},
		{"one approved when nothing was privileged yet", reviews(review(bob, "APPROVED", 1, ""), approved(carol, 11)),
			"pending 1 carol | bob stale"},
		{"a review whose commit nobody bound", func(_ *Assessment, pr *PullRequest) {
			lost := approved(bob, 10)
			lost.BoundKnown = false
			pr.Reviews = []Review{lost, approved(carol, 11)}
		}, "pending 1 carol | bob stale"},
		{"the same content against another base", func(_ *Assessment, pr *PullRequest) {
			pr.Base, pr.Reviews = "release", both
		}, "pending 2 | bob stale, carol stale"},
		{"one person twice", reviews(approved(bob, 10), approved(bob, 12)), "pending 1 bob"},
		{"one person under two logins", reviews(approved(bob, 10), approved(robert, 12)), "pending 1 robert"},
		{"three people, in the order of time", reviews(approved(dave, 12), approved(carol, 11), approved(bob, 10)),
			"approved 0 bob carol dave"},
		{"a review that was never submitted", func(_ *Assessment, pr *PullRequest) {
			draft := review(carol, "PENDING", 11, now)
			draft.Submitted = time.Time{}
			early := approved(dave, 12)
			early.Submitted = time.Time{}
			pr.Reviews = []Review{approved(bob, 10), draft, early}
		}, "pending 1 bob"},
		{"named approvers, whatever the case of their logins", func(a *Assessment, pr *PullRequest) {
			a.Config.Approvals.Teams, a.Config.Approvals.Users = nil, []string{"Bob", "Carol"}
			pr.Reviews = append(slices.Clone(both), approved(dave, 12))
		}, "approved 0 bob carol | dave not_eligible"},
		{"comment after approval, approval after request", reviews(review(carol, "CHANGES_REQUESTED", 9, now),
			approved(bob, 10), approved(carol, 11), review(bob, "COMMENTED", 12, now)), "approved 0 bob carol"},
		{"a request after one's approval, then dismissed", reviews(approved(bob, 8),
			review(bob, "DISMISSED", 9, now), approved(carol, 11)), "pending 1 carol | bob dismissed"},
		{"a robot's approval", reviews(approved(bob, 10), approved(reviewer, 11)),
			"pending 1 bob | copilot-pull-request-reviewer[bot] bot"},
		{"an account that the config calls no person", func(a *Assessment, pr *PullRequest) {
			a.Config.Approvals.NotPeople, pr.Reviews = []string{"Carol"}, both
		}, "pending 1 bob | carol bot"},
		{"a committer", commits(by("c1", alice), Commit{SHA: "c2", Author: &alice, Committer: &bob}),
			"pending 1 carol | bob committer"},
		{"an approver adds a harmless commit", commits(by("c1", alice), by("c2", bob)),
			"pending 1 carol | bob commit_author"},
		{"an approver only pushes", commits(Commit{SHA: "c1", Author: &alice, Committer: &alice, Pushers: []User{bob}}),
			"pending 1 carol | bob pusher"},
		{"a co-author", commits(Commit{SHA: "c1", Author: &alice, Committer: &alice, CoAuthors: []User{bob}}),
			"pending 1 carol | bob co_author"},
		{"GitHub's merge of the base adds nobody", commits(by("c1", alice),
			Commit{SHA: "m", Author: &bob, Committer: nil, WebFlow: true, Verified: true, NeutralMerge: true}),
			"approved 0 bob carol"},
		{"a forged merge of the base", commits(by("c1", alice), Commit{SHA: "m", Author: &alice,
			Committer: &User{ID: 1, Login: "web-flow", Type: "User"}}), "pending 0 bob carol | unattributed_commit:m"},
		{"a trusted signer's commit without account", func(a *Assessment, pr *PullRequest) {
			a.Config.Approvals.TrustedSigners = []string{"3AA5C34371567BD2"}
			pr.Reviews = both
			pr.Commits = []Commit{{SHA: "c1", Verified: true, Signer: "3AA5C34371567BD2", Pushers: []User{alice}}}
		}, "approved 0 bob carol"},
		{"nobody knows who pushed", commits(Commit{SHA: "c1", Author: &alice, Committer: &alice, PusherUnknown: true}),
			"pending 0 bob carol | pusher_unknown"},
		{"an outsider holds", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews, pr.Holds = both, []Hold{{By: zed, At: noon}}
		}, "approved 0 bob carol"},
		{"lifted, and held again on who knows what", func(_ *Assessment, pr *PullRequest) {
			pr.Reviews = both
			pr.Holds = []Hold{{By: dave, At: noon, ReleasedBy: []User{carol}}, {By: dave, At: noon.Add(time.Minute)}}
		}, "blocked 0 bob carol | hold:dave"},
		{"permission lost since", func(_ *Assessment, pr *PullRequest) {
			lost := pr.People[carol.ID]
			lost.Role = "read"
			pr.People[carol.ID], pr.Reviews = lost, both
		}, "pending 1 bob | carol not_eligible"},
		{"a custom role that may write", func(_ *Assessment, pr *PullRequest) {
			deployer := pr.People[alice.ID]
			deployer.Role, deployer.Permission = "deployer", "write"
			pr.People[alice.ID], pr.AuthorRole, pr.Reviews = deployer, "deployer", both
		}, "approved 0 bob carol"},
		{"left the organisation", func(_ *Assessment, pr *PullRequest) {
			gone := pr.People[carol.ID]
			gone.OrgMember = false
			pr.People[carol.ID], pr.Reviews = gone, both
		}, "pending 1 bob | carol not_eligible"},
		{"a contributor asks for changes, and nobody knows their rights", func(_ *Assessment, pr *PullRequest) {
			pr.Commits = append(pr.Commits, by("c2", dave))
			pr.Reviews = append(slices.Clone(both), review(dave, "CHANGES_REQUESTED", 12, now))
			delete(pr.People, dave.ID)
		}, "error 0 bob carol | dave commit_author"},
		{"a request for changes, dismissed by who knows whom", func(_ *Assessment, pr *PullRequest) {
			gone := review(dave, "DISMISSED", 9, now)
			gone.Former = "CHANGES_REQUESTED"
			pr.Reviews = append(slices.Clone(both), gone)
		}, "blocked 0 bob carol | dave dismissed, changes_requested:dave"},
		{"override, then a push", func(_ *Assessment, pr *PullRequest) {
			pr.Overrides = []OverrideRequest{asks(pr.Now, dave, former), asks(pr.Now, erin, former)}
		}, "pending 2"},
		{"override by the author and another", func(_ *Assessment, pr *PullRequest) {
			pr.Author, pr.AuthorRole, pr.Commits = &dave, "write", []Commit{by("c1", dave)}
			pr.Overrides = []OverrideRequest{asks(pr.Now, dave, now), asks(pr.Now, erin, now)}
		}, "pending 2 | requested by erin"},
		{"override asked for twice by one person", func(_ *Assessment, pr *PullRequest) {
			pr.Overrides = []OverrideRequest{asks(pr.Now, erin, now), asks(pr.Now, erin, now)}
		}, "pending 2 | requested by erin"},
		{"override in force, asked for once more", func(_ *Assessment, pr *PullRequest) {
			pr.Overrides = []OverrideRequest{asks(noon, erin, now), asks(noon.Add(time.Minute), dave, now),
				asks(noon.Add(50*time.Minute), erin, now)}
		}, "approved 0 | override by erin, dave"},
		{"nothing privileged", func(a *Assessment, _ *PullRequest) { a.Entries, a.Digest = nil, "" }, "not_required 0"},
		{"a group without privileges", func(a *Assessment, pr *PullRequest) {
			a.Entries, a.Digest = nil, ""
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: Approvals{Status: StatusNotRequired}}}}
		}, "not_required 0"},
		{"a group without privileges, one member held", func(a *Assessment, pr *PullRequest) {
			a.Entries, a.Digest = nil, ""
			held := Approvals{Status: StatusBlocked, BlockedBy: []string{"hold:dave"}}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: held}}}
		}, "blocked 0 | hold:dave"},
		{"a group without privileges that nobody can resolve", func(a *Assessment, pr *PullRequest) {
			a.Entries, a.Digest, pr.Group = nil, "", &MergeGroup{}
		}, "error 0"},
		{"a group, and a fact that could not be read", func(a *Assessment, pr *PullRequest) {
			member := GroupMember{Approvals: Approvals{Status: StatusApproved}, Entries: a.Entries}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{member}}
			pr.Failed = []string{"the queue"}
		}, "error 2"},
		{"a group whose member was dismissed since", func(a *Assessment, pr *PullRequest) {
			member := Approvals{Status: StatusPending, Missing: 1, Counted: []Counted{{bob.ID, "bob"}}}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: member, Entries: a.Entries}}}
		}, "pending 1 bob"},
		{"a group whose member is overridden and held", func(a *Assessment, pr *PullRequest) {
			a.Config.Override = nil
			member := Approvals{Status: StatusBlocked, BlockedBy: []string{"hold:bob"},
				Override: &OverrideState{By: []string{"erin", "dave"}}}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: member, Entries: a.Entries}}}
		}, "blocked 0 | hold:bob, override by erin, dave"},
		{"a group whose member is overridden", func(a *Assessment, pr *PullRequest) {
			member := Approvals{Status: StatusApproved, Override: &OverrideState{By: []string{"erin", "dave"}}}
			pr.Group = &MergeGroup{Resolved: true, Members: []GroupMember{{Approvals: member, Entries: a.Entries}}}
		}, "approved 0 | override by erin, dave"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, pr := privileged(), opened()
			test.play(&a, &pr)
			v := Decide(a, pr)
			if diff := cmp.Diff(test.want, told(v.Approvals)); diff != "" {
				t.Error(diff)
			}
			if green := strings.HasPrefix(test.want, "approved") || strings.HasPrefix(test.want, "not_required"); green !=
				(v.State == StatePass) {
				t.Errorf("state %s", v.State)
			}
			if strings.Contains(test.want, "override by") && !strings.HasPrefix(test.want, "blocked") &&
				!strings.HasPrefix(v.Title, "EMERGENCY OVERRIDE") {
				t.Errorf("an override is not loud: %s", v.Title)
			}
		})
	}
}

// told writes approvals as the stories do.
func told(a Approvals) string {
	words := []string{a.Status, string(rune('0' + a.Missing))}
	for _, c := range a.Counted {
		words = append(words, c.Login)
	}
	var more []string
	for _, i := range a.Ignored {
		more = append(more, i.Login+" "+i.Reason)
	}
	more = append(more, a.BlockedBy...)
	if o := a.Override; o != nil && len(o.By) > 0 {
		more = append(more, "override by "+strings.Join(o.By, ", "))
	} else if o != nil {
		more = append(more, "requested by "+strings.Join(o.RequestedBy, ", "))
	}
	if len(more) > 0 {
		words = append(words, "|", strings.Join(more, ", "))
	}
	return strings.Join(words, " ")
}
