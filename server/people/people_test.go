package people

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

var (
	alice   = policy.User{ID: 101, Login: "alice", Type: "User"}
	bob     = policy.User{ID: 102, Login: "bob", Type: "User"}
	carol   = policy.User{ID: 103, Login: "carol", Type: "User"}
	dave    = policy.User{ID: 104, Login: "dave", Type: "User"}
	erin    = policy.User{ID: 105, Login: "erin", Type: "User"}
	zed     = policy.User{ID: 107, Login: "zed", Type: "User"}
	copilot = policy.User{ID: 203, Login: "copilot-swe-agent[bot]", Type: "Bot"}
	webFlow = policy.User{ID: 19864447, Login: "web-flow", Type: "User"}
	all     = []policy.User{alice, bob, carol, dave, erin, zed, copilot}
)

const approvers, breakGlass = "acme/cluster-approvers", "acme/break-glass"

// at is a moment of the day of the tests, as 10:05 or 10:05:30.
func at(clock string) time.Time {
	if strings.Count(clock, ":") == 1 {
		clock += ":00"
	}
	t, err := time.Parse(time.DateTime, "2026-01-05 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func privileged() policy.Assessment {
	c := config.Strict()
	c.Approvals.Teams = []string{approvers}
	c.Override = &config.Override{Team: breakGlass, Window: "15m"}
	return policy.Assessment{Config: &c, Digest: "D1", Entries: []policy.Entry{{Kind: policy.EntryResource, Name: "x", Digest: "d"}}}
}

// opened is alice's pull request of one commit, opened and pushed at ten.
func opened() Facts {
	f := Facts{
		Repository: github.Repository{ID: 7},
		Pull: github.Pull{Number: 1, Open: true, Head: "c1", HeadRef: "topic", HeadRepository: 7, Base: "main",
			BaseSHA: "b0", Author: &alice, Created: at("10:00")},
		Config:    *privileged().Config,
		Range:     []Link{{"c1", []string{"b0"}}},
		Listed:    []policy.Commit{by("c1", alice)},
		Heads:     []store.HeadSeen{head("10:00", "", "c1", alice)},
		Pushes:    []store.PushSeen{pushed("09:59", strings.Repeat("0", 40), "c1", alice)},
		Published: []store.Publication{published(1, "10:01", "c1", "D1")},
		Users:     map[policy.UserID]policy.User{},
		People:    map[policy.UserID]policy.Person{},
		Teams:     []policy.Team{{Name: approvers}, {Name: breakGlass}},
		Now:       at("12:00"),
	}
	for _, u := range all {
		f.Users[u.ID] = u
		f.People[u.ID] = policy.Person{User: u, Role: "write", OrgMember: true, Teams: []string{approvers}}
	}
	f.People[zed.ID] = policy.Person{User: zed, Role: "read", OrgMember: true}
	for _, u := range []policy.User{dave, erin} {
		f.People[u.ID] = policy.Person{User: u, Role: "admin", OrgMember: true, Teams: []string{approvers, breakGlass}}
	}
	return f
}

func by(sha string, u policy.User) policy.Commit {
	return policy.Commit{SHA: sha, Author: &u, Committer: &u}
}

// update is what the button "Update branch" makes.
func update(sha string, u policy.User) policy.Commit {
	return policy.Commit{SHA: sha, Author: &u, Committer: &webFlow, WebFlow: true, Verified: true}
}

func head(clock, before, sha string, u policy.User) store.HeadSeen {
	return store.HeadSeen{Repository: 7, Pull: 1, SHA: sha, Before: before, Sender: int64(u.ID), At: at(clock)}
}

func pushed(clock, before, after string, u policy.User) store.PushSeen {
	return store.PushSeen{Repository: 7, Ref: "refs/heads/topic", Before: before, After: after, Sender: int64(u.ID), At: at(clock)}
}

func published(id int64, clock, sha, digest string) store.Publication {
	return store.Publication{ID: id, Repository: 7, Pull: 1, BaseRef: "main", BaseSHA: "b0", HeadSHA: sha, Digest: digest,
		Conclusion: "action_required", At: at(clock)}
}

func said(id int64, clock string, u policy.User, body string) store.CommentSeen {
	return store.CommentSeen{Repository: 7, ID: id, Pull: 1, Person: int64(u.ID), Created: at(clock), Body: body}
}

// reviewed adds a review of the head with its event and binding.
func (f *Facts) reviewed(id int64, clock string, u policy.User, state, digest string) {
	f.Reviews = append(f.Reviews, github.Review{ID: id, User: &u, State: state, Submitted: at(clock), Commit: f.Pull.Head})
	f.Seen = append(f.Seen, store.ReviewSeen{Repository: 7, ID: id, Pull: 1, Person: int64(u.ID), BaseRef: f.Pull.Base,
		Commit: f.Pull.Head, State: state, Submitted: at(clock)})
	if state == approved {
		f.Bindings = append(f.Bindings, store.Binding{Repository: 7, Review: id, Pull: 1, Person: int64(u.ID), BaseRef: f.Pull.Base,
			Commit: f.Pull.Head, Digest: digest})
	}
}

// pushes moves the head, with all that tells of it.
func (f *Facts) push(clock string, u policy.User, c policy.Commit, parents ...string) {
	f.Heads = append(f.Heads, head(clock, f.Pull.Head, c.SHA, u))
	f.Pushes = append(f.Pushes, pushed(clock, f.Pull.Head, c.SHA, u))
	f.Range = append(f.Range, Link{c.SHA, parents})
	f.Listed = append(f.Listed, c)
	f.Pull.Head = c.SHA
}

// replace makes the range c alone, as a squash does.
func (f *Facts) replace(clock string, u policy.User, c policy.Commit) {
	f.Range, f.Listed = nil, nil
	f.push(clock, u, c, "b0")
}

// remembered is what the store holds after a decision on these facts.
func (f *Facts) remembered() { f.Hands = append(f.Hands, Hands(*f)...) }

// verdict is what the decision says, in one line: status, who counts, who does
// not and why, what blocks.
func verdict(f Facts) string {
	a := policy.Decide(privileged(), PullRequest(f)).Approvals
	words := []string{a.Status}
	for _, c := range a.Counted {
		words = append(words, "+"+c.Login)
	}
	for _, i := range a.Ignored {
		words = append(words, "-"+i.Login+":"+i.Reason)
	}
	words = append(words, a.BlockedBy...)
	if a.Override != nil {
		words = append(words, "override("+strings.Join(append(a.Override.By, a.Override.RequestedBy...), ",")+")")
	}
	return strings.Join(words, " ")
}

// twoApprove has bob and carol approve the head.
func (f *Facts) twoApprove() {
	f.reviewed(11, "10:10", bob, approved, "D1")
	f.reviewed(12, "10:11", carol, approved, "D1")
}

type cases map[string]struct {
	change func(*Facts)
	want   string
}

func (c cases) run(t *testing.T) {
	t.Helper()
	for name, test := range c {
		t.Run(name, func(t *testing.T) {
			f := opened()
			test.change(&f)
			if got := verdict(f); got != test.want {
				t.Errorf("%s, want %s\n%+v", got, test.want, PullRequest(f).Commits)
			}
		})
	}
}

func TestWhoCounts(t *testing.T) {
	cases{
		"nobody yet":  {func(*Facts) {}, "pending"},
		"two approve": {(*Facts).twoApprove, "approved +bob +carol"},
		"lower case, as in events": {func(f *Facts) {
			f.twoApprove()
			f.Reviews[0].State, f.Seen[0].State = "approved", "approved"
		}, "approved +bob +carol"},
		"one twice": {func(f *Facts) {
			f.reviewed(11, "10:10", bob, approved, "D1")
			f.reviewed(12, "10:11", bob, approved, "D1")
		}, "pending +bob"},
		"by the order of time, not of the list": {func(f *Facts) {
			f.reviewed(12, "10:11", bob, "CHANGES_REQUESTED", "")
			f.reviewed(11, "10:10", bob, approved, "D1")
			f.reviewed(13, "10:12", carol, approved, "D1")
		}, "blocked +carol -bob:changes_requested changes_requested:bob"},
		"no binding": {func(f *Facts) { f.twoApprove(); f.Bindings = f.Bindings[:1] }, "pending +bob -carol:stale"},
		"another digest": {func(f *Facts) { f.twoApprove(); f.Bindings[0].Digest = "D2" },
			"pending +carol -bob:stale"},
		"another base": {func(f *Facts) { f.twoApprove(); f.Pull.Base = "release" },
			"pending -bob:stale -carol:stale"},
		"a binding of another pull request": {func(f *Facts) { f.twoApprove(); f.Bindings[0].Pull = 2 },
			"pending +carol -bob:stale"},
		"a binding of another repository": {func(f *Facts) { f.twoApprove(); f.Bindings[0].Repository = 8 },
			"pending +carol -bob:stale"},
		"a binding of another person": {func(f *Facts) { f.twoApprove(); f.Bindings[0].Person = int64(carol.ID) },
			"pending +carol -bob:stale"},
		"a deleted account": {func(f *Facts) { f.twoApprove(); f.Reviews[0].User = nil },
			"pending +carol -<deleted>:unknown_user"},
		"a draft": {func(f *Facts) {
			f.Reviews = append(f.Reviews, github.Review{ID: 5, User: &bob, State: pending, Commit: "c1"})
		}, "pending"},
		"a person nobody could read": {func(f *Facts) { f.twoApprove(); delete(f.People, bob.ID) },
			"error +carol -bob:not_eligible"},
		"the author's role is unknown": {func(f *Facts) { f.twoApprove(); delete(f.People, alice.ID) }, "error +bob +carol"},
		"no author":                    {func(f *Facts) { f.twoApprove(); f.Pull.Author = nil }, "pending +bob +carol unattributed_author"},
		"a team is gone":               {func(f *Facts) { f.twoApprove(); f.Teams[0].Unknown = "404" }, "error"},
		"a fact failed":                {func(f *Facts) { f.twoApprove(); f.Failed = []string{"x"} }, "error +bob +carol"},
		"the author's own":             {func(f *Facts) { f.reviewed(11, "10:10", alice, approved, "D1") }, "pending -alice:author"},
	}.run(t)
}

func TestWhatWasDismissed(t *testing.T) {
	dismissal := func(of string, by policy.User) func(*Facts) {
		return func(f *Facts) {
			f.reviewed(10, "10:05", bob, of, "D1")
			f.Reviews[0].State = dismissed
			f.reviewed(12, "10:11", carol, approved, "D1")
			f.reviewed(13, "10:12", dave, approved, "D1")
			if by.ID != 0 {
				f.Dismissals = []store.DismissalSeen{{Repository: 7, Review: 10, Pull: 1, Sender: int64(by.ID), At: at("10:06")}}
			}
		}
	}
	cases{
		"an approval":              {dismissal(approved, alice), "approved +carol +dave -bob:dismissed"},
		"a request, by oneself":    {dismissal("CHANGES_REQUESTED", bob), "approved +carol +dave -bob:dismissed"},
		"a request, by another":    {dismissal("CHANGES_REQUESTED", erin), "approved +carol +dave -bob:dismissed"},
		"a request, by the author": {dismissal("changes_requested", alice), "blocked +carol +dave -bob:dismissed changes_requested:bob"},
		"a request, by nobody knows": {dismissal("CHANGES_REQUESTED", policy.User{}),
			"blocked +carol +dave -bob:dismissed changes_requested:bob"},
		"by an account that is gone": {dismissal("CHANGES_REQUESTED", policy.User{ID: 999}),
			"blocked +carol +dave -bob:dismissed changes_requested:bob"},
		"in another pull request": {func(f *Facts) {
			dismissal("CHANGES_REQUESTED", bob)(f)
			f.Dismissals[0].Pull = 2
		}, "blocked +carol +dave -bob:dismissed changes_requested:bob"},
	}.run(t)
	f := opened()
	f.reviewed(10, "10:05", bob, dismissed, "")
	if r := PullRequest(f).Reviews[0]; r.Former != "" {
		t.Errorf("a state that nobody saw is %q", r.Former)
	}
}

// Who wrote or pushed any commit of the range does not count (A5, D20).
func TestContributors(t *testing.T) {
	cases{
		"an author": {func(f *Facts) { f.push("10:05", alice, by("c2", bob), "c1"); f.twoApprove() },
			"pending +carol -bob:commit_author"},
		"a committer": {func(f *Facts) { f.Listed[0].Committer = &bob; f.twoApprove() }, "pending +carol -bob:committer"},
		"a co-author": {func(f *Facts) { f.Listed[0].CoAuthors = []policy.User{bob}; f.twoApprove() }, "pending +carol -bob:co_author"},
		"a pusher, by the pull request's event": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			f.Pushes = nil
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"a pusher, by the push": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			f.Heads = f.Heads[:1]
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"a pusher, by the activity": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			f.Heads, f.Pushes = f.Heads[:1], nil
			f.Activity = []github.Push{{Before: "c1", After: "c2", Actor: &bob, At: at("10:05")}}
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"who pushed before the opening": {func(f *Facts) { f.Pushes[0].Sender = int64(bob.ID); f.twoApprove() },
			"pending +carol -bob:pusher"},
		"a later pusher is none of what was there": {func(f *Facts) {
			f.push("10:05", bob, by("c2", bob), "c1")
			f.reviewed(12, "10:11", carol, approved, "D1")
		}, "pending +carol"},
		"in a fork, others' branches say nothing": {func(f *Facts) {
			f.Pull.HeadRepository = 8
			f.Pushes = append(f.Pushes, pushed("10:05", "b0", "c1", bob))
			f.twoApprove()
		}, "approved +bob +carol"},
		"a side branch merged in": {func(f *Facts) {
			f.Range = append(f.Range, Link{"s1", []string{"b0"}})
			f.Listed = append(f.Listed, by("s1", bob))
			f.push("10:05", alice, by("m", alice), "c1", "s1")
			f.twoApprove()
		}, "pending +carol -bob:commit_author"},
		"a pusher whose account is gone": {func(f *Facts) {
			f.push("10:05", policy.User{ID: 999}, by("c2", alice), "c1")
			f.twoApprove()
		}, "approved +bob +carol"},
		"an unattributed commit": {func(f *Facts) { f.Listed[0].Author = nil; f.twoApprove() },
			"pending +bob +carol unattributed_commit:c1"},
	}.run(t)
}

// A pusher of whom nobody tells is unknown, and pushing anew heals it (D20).
func TestUnknownPushers(t *testing.T) {
	lost := func(f *Facts) { // c2 came, and no event told of it
		f.Pull.HeadRepository = 8
		f.push("10:05", bob, by("c2", alice), "c1")
		f.Heads, f.Pushes = f.Heads[:1], nil
	}
	cases{
		"an event was lost": {func(f *Facts) { lost(f); f.twoApprove() }, "pending +bob +carol pusher_unknown"},
		"pushed before the installation": {func(f *Facts) {
			f.Pull.HeadRepository, f.Heads, f.Pushes = 8, nil, nil
			f.twoApprove()
		}, "pending +bob +carol pusher_unknown"},
		"reopened, and nobody knows by whom the head came": {func(f *Facts) {
			f.Pull.HeadRepository, f.Heads, f.Pushes = 8, []store.HeadSeen{{Repository: 7, Pull: 1, SHA: "c1", At: at("10:00")}}, nil
			f.twoApprove()
		}, "pending +bob +carol pusher_unknown"},
		"a later push does not answer for it": {func(f *Facts) {
			lost(f)
			f.push("10:07", alice, by("c3", alice), "c2")
			f.twoApprove()
		}, "pending +bob +carol pusher_unknown"},
		"a forced push after it answers for its head alone": {func(f *Facts) {
			lost(f)
			f.Heads = append(f.Heads, head("10:07", "never-seen", "c3", alice))
			f.Range = append(f.Range, Link{"c3", []string{"c2"}})
			f.Listed = append(f.Listed, by("c3", alice))
			f.Pull.Head = "c3"
			f.twoApprove()
		}, "pending +bob +carol pusher_unknown"},
		"a forced push that keeps what we found unknown": {func(f *Facts) {
			lost(f)
			f.push("10:06", alice, by("c3", alice), "c2")
			f.remembered()
			f.Range, f.Listed = f.Range[:2], f.Listed[:2]
			f.push("10:07", alice, by("c4", alice), "c2")
			f.twoApprove()
		}, "pending +bob +carol pusher_unknown"},
		"pushing it anew heals": {func(f *Facts) {
			lost(f)
			f.remembered()
			f.Range, f.Listed = f.Range[:1], f.Listed[:1]
			f.Range = append(f.Range, Link{"c2a", []string{"c1"}})
			f.Listed = append(f.Listed, by("c2a", alice))
			f.push("10:07", alice, by("c3a", alice), "c2a")
			f.twoApprove()
		}, "approved +bob +carol"},
		"the lost event comes late": {func(f *Facts) {
			lost(f)
			f.remembered()
			f.Heads = append(f.Heads, head("10:05", "c1", "c2", bob))
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"once known, it stays known": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			f.remembered()
			f.Heads, f.Pushes = nil, nil
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
	}.run(t)
}

// A merge of the base that GitHub made adds nobody (A8); anything else does.
func TestNeutralMerges(t *testing.T) {
	clicked := func(f *Facts) {
		f.push("10:15", bob, update("m", bob), "c1", "b1")
		f.Neutral = map[string]bool{"m": true}
		f.twoApprove()
	}
	contributes := "pending +carol -bob:commit_author"
	cases{
		"update branch":     {clicked, "approved +bob +carol"},
		"without any event": {func(f *Facts) { clicked(f); f.Heads, f.Pushes = f.Heads[:1], f.Pushes[:1] }, "approved +bob +carol"},
		"not computed":      {func(f *Facts) { clicked(f); f.Neutral = nil }, contributes},
		"its tree differs":  {func(f *Facts) { clicked(f); f.Neutral["m"] = false }, contributes},
		"not signed":        {func(f *Facts) { clicked(f); f.Listed[1].Verified = false }, contributes},
		"not by web-flow": {func(f *Facts) { clicked(f); f.Listed[1].WebFlow, f.Listed[1].Committer = false, &alice },
			contributes},
		"of the branch itself": {func(f *Facts) { clicked(f); f.Range[1].Parents = []string{"b1", "c1"} }, contributes},
		"of three parents":     {func(f *Facts) { clicked(f); f.Range[1].Parents = []string{"c1", "b1", "b2"} }, contributes},
		"of one parent":        {func(f *Facts) { clicked(f); f.Range[1].Parents = []string{"c1"} }, contributes},
		"rebased away later": {func(f *Facts) {
			clicked(f)
			f.remembered()
			f.replace("10:20", alice, by("r1", alice))
			f.Neutral = nil
		}, "approved +bob +carol"},
		"rebased away before we looked": {func(f *Facts) {
			clicked(f)
			f.replace("10:20", alice, by("r1", alice))
			f.Neutral = nil
		}, "pending +carol -bob:pusher"},
	}.run(t)
}

// Contributors stay contributors, whatever is squashed later (D20).
func TestFormerContributors(t *testing.T) {
	cases{
		"an author": {func(f *Facts) {
			f.push("10:05", alice, by("c2", bob), "c1")
			f.remembered()
			f.replace("10:07", alice, by("s", alice))
			f.twoApprove()
		}, "pending +carol -bob:commit_author"},
		"a committer": {func(f *Facts) {
			f.Listed[0].Committer = &bob
			f.remembered()
			f.replace("10:07", alice, by("s", alice))
			f.twoApprove()
		}, "pending +carol -bob:committer"},
		"a co-author does not": {func(f *Facts) {
			f.Listed[0].CoAuthors = []policy.User{bob}
			f.remembered()
			f.replace("10:07", alice, by("s", alice))
			f.twoApprove()
		}, "approved +bob +carol"},
		"a pusher of whom only the event tells": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			f.replace("10:07", alice, by("s", alice))
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"a pusher of whom the event came late": {func(f *Facts) {
			f.push("10:05", bob, by("c2", alice), "c1")
			late := f.Heads[1]
			f.Heads, f.Pushes = f.Heads[:1], f.Pushes[:1]
			f.remembered()
			f.replace("10:07", alice, by("s", alice))
			f.Heads = append(f.Heads, late)
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"a pusher of whom only the activity tells": {func(f *Facts) {
			f.replace("10:07", alice, by("s", alice))
			f.Activity = []github.Push{{Before: "c1", After: "c2", Actor: &bob, At: at("10:05")}}
			f.twoApprove()
		}, "pending +carol -bob:pusher"},
		"a pusher of an earlier use of the branch does not": {func(f *Facts) {
			f.Pushes = append(f.Pushes, pushed("09:00", "", "old", bob))
			f.twoApprove()
		}, "approved +bob +carol"},
		"what the base has by now is nobody's": {func(f *Facts) {
			f.push("10:05", bob, by("c2", bob), "c1")
			f.remembered()
			f.replace("10:07", alice, by("s", alice))
			f.InBase = map[string]bool{"c2": true}
			f.twoApprove()
		}, "approved +bob +carol"},
		"the id first resolved stays": {func(f *Facts) {
			f.Listed[0].Author = &bob
			f.remembered()
			f.Listed[0].Author = &zed
			f.twoApprove()
		}, "pending +carol -bob:commit_author"},
		"an initiator who is no longer assigned": {func(f *Facts) {
			f.Pull.Author, f.Pull.Assignees = &copilot, []policy.User{bob}
			f.remembered()
			f.Pull.Assignees = nil
			f.twoApprove()
		}, "pending +carol -bob:initiator"},
	}.run(t)
}

// Git is the truth, and GitHub's list must fit (D25).
func TestIncompleteLists(t *testing.T) {
	none := "error commit_list_incomplete"
	cases{
		"a commit that GitHub does not list": {func(f *Facts) { f.twoApprove(); f.Listed = nil }, none},
		"a commit that git does not have":    {func(f *Facts) { f.twoApprove(); f.Listed = append(f.Listed, by("x", bob)) }, none},
		"it became part of the base": {func(f *Facts) {
			f.Listed = append(f.Listed, by("x", bob))
			f.InBase = map[string]bool{"x": true}
			f.Pull.Commits = 2
			f.twoApprove()
		}, "approved +bob +carol"},
		"GitHub counts more": {func(f *Facts) { f.twoApprove(); f.Pull.Commits = 2 }, none},
		"GitHub counts as many": {func(f *Facts) { f.twoApprove(); f.Pull.Commits = 1 },
			"approved +bob +carol"},
		"no range":                    {func(f *Facts) { f.twoApprove(); f.Range = nil }, none},
		"a range without the head":    {func(f *Facts) { f.twoApprove(); f.Pull.Head = "c9" }, none},
		"nothing at all":              {func(f *Facts) { f.twoApprove(); f.Range, f.Listed = nil, nil }, none},
		"the head is in the base now": {func(f *Facts) { f.twoApprove(); f.Range, f.InBase = nil, map[string]bool{"c1": true} }, "approved +bob +carol"},
	}.run(t)
	f := opened()
	f.Listed = append(f.Listed, by("x", bob))
	if diff := cmp.Diff([]string{"x"}, Doubtful(f)); diff != "" {
		t.Error("what git is asked about: ", diff)
	}
	if diff := cmp.Diff([]string(nil), Doubtful(opened())); diff != "" {
		t.Error("most often nothing is asked: ", diff)
	}
}

// Whoever had an App open the pull request does not approve it (D21).
func TestInitiators(t *testing.T) {
	byApp := func(f *Facts) {
		f.Pull.Author = &copilot
		f.Listed = []policy.Commit{{SHA: "c1", Author: &copilot, Committer: &copilot, Verified: true}}
		f.Heads[0].Sender, f.Pushes[0].Sender = int64(copilot.ID), int64(copilot.ID)
		f.twoApprove()
	}
	cases{
		"an assignee":        {func(f *Facts) { byApp(f); f.Pull.Assignees = []policy.User{bob, copilot} }, "pending +carol -bob:initiator"},
		"the opener":         {func(f *Facts) { byApp(f); f.Heads[0].Sender = int64(bob.ID) }, "pending +carol -bob:initiator"},
		"nobody":             {byApp, "pending +bob +carol unattributed_author"},
		"no agent":           {func(f *Facts) { byApp(f); f.Config.Approvals.Agents = nil }, "pending +bob +carol unattributed_author"},
		"a person's own":     {func(f *Facts) { f.twoApprove(); f.Pull.Assignees = []policy.User{bob} }, "approved +bob +carol"},
		"only a robot is it": {func(f *Facts) { byApp(f); f.Pull.Assignees = []policy.User{copilot} }, "pending +bob +carol unattributed_author"},
	}.run(t)
	f := opened()
	byApp(&f)
	if _, unknown := newBranch(f).initiators(); !unknown {
		t.Error("an agent without any: known")
	}
	f.Config.Approvals.Agents = nil
	if _, unknown := newBranch(f).initiators(); unknown {
		t.Error("an App that is no agent: unknown")
	}
}

func TestNeedsActivity(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Facts)
		want   bool
	}{
		"the push was heard of": {func(*Facts) {}, false},
		"only the opening":      {func(f *Facts) { f.Pushes = nil }, true},
		"it was asked":          {func(f *Facts) { f.Pushes, f.Activity = nil, []github.Push{} }, false},
		"a fork":                {func(f *Facts) { f.Pushes, f.Pull.HeadRepository = nil, 8 }, false},
		"the fork is gone":      {func(f *Facts) { f.Pushes, f.Pull.HeadRepository = nil, 0 }, false},
		"a lost push": {func(f *Facts) {
			f.push("10:05", bob, by("c2", bob), "c1")
			f.Heads, f.Pushes = f.Heads[:1], f.Pushes[:1]
		}, true},
		"remembered":            {func(f *Facts) { f.remembered(); f.Pushes = nil }, false},
		"lists that do not fit": {func(f *Facts) { f.Pushes, f.Listed = nil, nil }, false},
		"a neutral merge's nobody": {func(f *Facts) {
			f.push("10:05", bob, update("m", bob), "c1", "b1")
			f.Neutral = map[string]bool{"m": true}
			f.Heads, f.Pushes = f.Heads[:1], f.Pushes[:1]
		}, false},
		"unknown, as we found then": {func(f *Facts) { f.Heads, f.Pushes = nil, nil; f.remembered() }, true},
	} {
		f := opened()
		test.change(&f)
		if got := NeedsActivity(f); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestWhoIsToBeLookedUp(t *testing.T) {
	f := opened()
	f.Users = nil
	f.push("10:05", bob, by("c2", alice), "c1")
	f.reviewed(11, "10:10", carol, "CHANGES_REQUESTED", "")
	f.reviewed(12, "10:10", copilot, approved, "D1")
	f.reviewed(13, "10:10", zed, "COMMENTED", "")
	f.Dismissals = []store.DismissalSeen{{Repository: 7, Pull: 1, Review: 11, Sender: int64(erin.ID)}}
	f.Comments = []store.CommentSeen{said(1, "10:12", dave, "/cs hold"), said(2, "10:12", policy.User{ID: 900}, "hello"),
		said(3, "10:13", policy.User{ID: 901}, "/cs status"), said(4, "10:14", policy.User{ID: 902}, "/cs override x")}
	if diff := cmp.Diff([]policy.UserID{bob.ID, dave.ID, erin.ID, 901, 902}, Senders(f)); diff != "" {
		t.Error(diff)
	}
	logins := func(f Facts) (logins []string) {
		for _, u := range Concerned(f) {
			logins = append(logins, u.Login)
		}
		return logins
	}
	f.Users = map[policy.UserID]policy.User{bob.ID: bob, dave.ID: dave, erin.ID: erin}
	if diff := cmp.Diff([]string{"alice", "carol", "dave"}, logins(f)); diff != "" {
		t.Error(diff)
	}
	f.Reviews[0].State = dismissed
	if diff := cmp.Diff([]string{"alice", "carol", "dave", "erin"}, logins(f)); diff != "" {
		t.Error("who dismissed a request: ", diff)
	}
	f.Users[902] = policy.User{ID: 902, Login: "frank", Type: "User"}
	if got := logins(f); !slices.Contains(got, "frank") {
		t.Errorf("who asks for an override is not looked up: %v", got)
	}
	f.Config.Override = nil
	if got := logins(f); slices.Contains(got, "frank") {
		t.Errorf("where there is no override, its asker is looked up: %v", got)
	}
	if len(Senders(f)) != 1 {
		t.Errorf("who is known is asked for: %v", Senders(f))
	}
}
