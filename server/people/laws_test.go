package people

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// draw makes facts of few people, commits and moments, so that they meet often:
// most fit together, some do not.
func draw(t *rapid.T) Facts {
	f := opened()
	f.Heads, f.Pushes, f.Published, f.Range, f.Listed = nil, nil, nil, nil, nil
	someone := func(label string) policy.User { return rapid.SampledFrom(all).Draw(t, label) }
	hand := rapid.SampledFrom([]policy.User{alice, alice, alice, alice, alice, alice, bob, carol, dave, copilot})
	maybe := func(label string) bool { return rapid.IntRange(0, 19).Draw(t, label) == 19 }
	id := func(label string) int64 {
		if maybe(label + " unknown") {
			return 0
		}
		return int64(hand.Draw(t, label).ID)
	}
	sha := func(label string) string {
		return rapid.SampledFrom([]string{"c1", "c2", "c3", "c4", "old", "b0", ""}).Draw(t, label)
	}
	moment := func(label string) time.Time {
		return at("10:00").Add(time.Duration(rapid.IntRange(0, 9).Draw(t, label)) * time.Second)
	}
	digest := rapid.SampledFrom([]string{"D1", "D1", "D1", "D2", ""})
	many := func(label string, most int, add func(i int64)) {
		for i := range rapid.IntRange(0, most).Draw(t, label) {
			add(int64(i + 1))
		}
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "range") {
		parent := "b0"
		if i > 0 {
			parent = fmt.Sprint("c", i)
		}
		link := Link{fmt.Sprint("c", i+1), []string{parent}}
		c := by(link.SHA, hand.Draw(t, "author"))
		if maybe("update") {
			link.Parents = append(link.Parents, rapid.SampledFrom([]string{"b1", "c1"}).Draw(t, "merged"))
			c = update(link.SHA, hand.Draw(t, "clicker"))
			f.Neutral = map[string]bool{link.SHA: rapid.Bool().Draw(t, "neutral")}
		}
		if maybe("co-author") {
			c.CoAuthors = []policy.User{someone("co-author is")}
		}
		if maybe("nobody's") {
			c.Author = nil
		}
		f.Range = append(f.Range, link)
		if !maybe("unlisted") {
			f.Listed = append(f.Listed, c)
		}
		f.Pull.Head = link.SHA
	}
	if maybe("landed") {
		f.Listed = append(f.Listed, by("old", hand.Draw(t, "landed author")))
	}
	f.InBase = map[string]bool{"old": rapid.Bool().Draw(t, "old is in base"), "b0": rapid.Bool().Draw(t, "b0 is in base")}
	f.Pull.Commits = rapid.SampledFrom([]int{0, 0, 0, len(f.Range), 9}).Draw(t, "count")
	if maybe("fork") {
		f.Pull.HeadRepository = 8
	}
	if maybe("no author") {
		f.Pull.Author = nil
	} else {
		author := hand.Draw(t, "opener")
		f.Pull.Author = &author
	}
	many("heads", 5, func(int64) {
		h := store.HeadSeen{Repository: 7, Pull: 1, SHA: sha("head"), Before: sha("before"), Sender: id("sender"), At: moment("head at")}
		if !slices.Contains(f.Heads, h) {
			f.Heads = append(f.Heads, h)
		}
	})
	many("pushes", 3, func(int64) {
		f.Pushes = append(f.Pushes, store.PushSeen{Repository: 7, Ref: "refs/heads/topic", After: sha("after"), Before: sha("push before"),
			Sender: id("pusher"), At: moment("push at")})
	})
	many("activity", 2, func(int64) {
		who := hand.Draw(t, "actor")
		f.Activity = append(f.Activity, github.Push{After: sha("activity after"), Before: sha("activity before"), Actor: &who, At: moment("activity at")})
	})
	many("hands", 4, func(int64) {
		how := rapid.SampledFrom([]string{asAuthor, asCommitter, asPusher, asInitiator, asUnknown, asNeutral}).Draw(t, "how")
		h := store.HandSeen{Repository: 7, Pull: 1, Commit: sha("hand in"), How: how}
		if how != asUnknown && how != asNeutral {
			h.Person = id("hand")
		}
		if !slices.Contains(f.Hands, h) {
			f.Hands = append(f.Hands, h)
		}
	})
	many("published", 3, func(i int64) {
		f.Published = append(f.Published, store.Publication{ID: i, Repository: 7, Pull: 1, BaseRef: "main", BaseSHA: "b0", HeadSHA: sha("shown"),
			Digest: digest.Draw(t, "shown digest"), At: moment("shown at")})
	})
	many("reviews", 6, func(i int64) {
		u := someone("reviewer")
		state := rapid.SampledFrom([]string{approved, approved, approved, approved, approved, "CHANGES_REQUESTED", dismissed, "COMMENTED", pending}).Draw(t, "state")
		body := rapid.SampledFrom([]string{"", "", "", "/cs hold", "/cs unhold"}).Draw(t, "body")
		r := github.Review{ID: i, User: &u, State: state, Submitted: moment("submitted"), Commit: sha("api commit"), Body: body}
		if maybe("deleted") {
			r.User = nil
		}
		f.Reviews = append(f.Reviews, r)
		if !maybe("unseen") {
			f.Seen = append(f.Seen, store.ReviewSeen{Repository: 7, Pull: 1, ID: i, Person: int64(u.ID), BaseRef: "main", Commit: sha("seen commit"),
				State: rapid.SampledFrom([]string{approved, "CHANGES_REQUESTED"}).Draw(t, "seen state"), Submitted: r.Submitted, Body: body})
		}
		if !maybe("unbound") {
			f.Bindings = append(f.Bindings, store.Binding{Repository: 7, Pull: int64(rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "bound pull")), Review: i,
				Person: int64(u.ID), BaseRef: rapid.SampledFrom([]string{"main", "main", "main", "release"}).Draw(t, "bound base"), Digest: digest.Draw(t, "bound")})
		}
		if maybe("dismissed by") {
			f.Dismissals = append(f.Dismissals, store.DismissalSeen{Repository: 7, Pull: 1, Review: i, Sender: id("dismisser"), At: moment("dismissed at")})
		}
	})
	many("comments", 4, func(i int64) {
		f.Comments = append(f.Comments, store.CommentSeen{Repository: 7, Pull: 1, ID: i, Person: id("commenter"), App: int64(rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(t, "app")),
			Edited: maybe("edited"), Created: moment("said at"),
			Body: rapid.SampledFrom([]string{"/cs hold", "/cs unhold", "/cs override x", "/cs override", "> /cs hold"}).Draw(t, "said")})
	})
	for _, u := range all {
		if maybe("gone " + u.Login) {
			delete(f.Users, u.ID)
		}
		if maybe("unread " + u.Login) {
			delete(f.People, u.ID)
		}
	}
	return f
}

// known is what must be so of somebody who counts, said without the code: their
// last word approves this very content in this base, as we bound it, and
// nothing tells of a hand of theirs in the change.
func mustHold(f Facts, id policy.UserID) string {
	inRange := map[string]bool{}
	ancestor := map[[2]string]bool{} // [of, it]
	for _, l := range f.Range {
		inRange[l.SHA] = true
		ancestor[[2]string{l.SHA, l.SHA}] = true
		for _, parent := range l.Parents {
			for pair := range ancestor {
				if pair[0] == parent {
					ancestor[[2]string{l.SHA, pair[1]}] = true
				}
			}
		}
	}
	if len(f.Range) == 0 && !f.InBase[f.Pull.Head] {
		return "nobody knows the commits"
	}
	if f.Pull.Author != nil && f.Pull.Author.ID == id {
		return "the author"
	}
	neutral := map[string]bool{}
	listed := map[string]bool{}
	for _, c := range f.Listed {
		listed[c.SHA] = true
		if !inRange[c.SHA] {
			if !f.InBase[c.SHA] {
				return "a commit that git does not have: " + c.SHA
			}
			continue
		}
		if c.WebFlow && f.Neutral[c.SHA] {
			neutral[c.SHA] = true
		}
		hands := append([]policy.User{}, c.CoAuthors...)
		for _, u := range []*policy.User{c.Author, c.Committer} {
			if u != nil && *u != webFlow {
				hands = append(hands, *u)
			}
		}
		isMerge := slices.ContainsFunc(f.Range, func(l Link) bool { return l.SHA == c.SHA && len(l.Parents) == 2 && l.Parents[1] == "b1" })
		if !(isMerge && neutral[c.SHA]) && slices.ContainsFunc(hands, func(u policy.User) bool { return u.ID == id }) {
			return "who wrote " + c.SHA
		}
	}
	for sha := range inRange {
		if !listed[sha] {
			return "a commit that GitHub does not list: " + sha
		}
	}
	for _, h := range f.Heads {
		reset := inRange[h.Before] && ancestor[[2]string{h.Before, h.SHA}]
		excused := neutral[h.SHA] || f.InBase[h.SHA] || reset || h.SHA == "" || slices.ContainsFunc(f.Hands, func(s store.HandSeen) bool {
			return s.Commit == h.SHA && (s.How == asNeutral || s.How == asPusher)
		})
		if h.Sender == int64(id) && !excused {
			return "who pushed " + h.SHA
		}
	}
	for _, h := range f.Hands {
		if h.Person == int64(id) && h.How != asInitiator && !neutral[h.Commit] && !f.InBase[h.Commit] {
			return "who had a hand in " + h.Commit
		}
	}
	last := github.Review{}
	for _, r := range f.Reviews {
		decisive := r.State == approved || r.State == dismissed || r.State == "CHANGES_REQUESTED"
		if r.User != nil && r.User.ID == id && decisive && (last.ID == 0 || !r.Submitted.Before(last.Submitted)) {
			last = r
		}
	}
	if last.State != approved {
		return "their last word is " + last.State
	}
	if !slices.ContainsFunc(f.Bindings, func(b store.Binding) bool {
		return b.Review == last.ID && b.Pull == 1 && b.Person == int64(id) && b.BaseRef == f.Pull.Base && b.Digest == "D1"
	}) {
		return "their approval is bound to nothing like this"
	}
	if p, known := f.People[id]; !known || !slices.Contains(p.Teams, approvers) {
		return "nobody knows whether they may"
	}
	return ""
}

// Any facts give a decision, and whoever counts has earned it.
func TestNobodyCountsByWhatIsUnknown(t *testing.T) {
	counted := 0
	law := func(t *rapid.T) {
		f := draw(t)
		Senders(f)
		Concerned(f)
		Doubtful(f)
		NeedsActivity(f)
		pr := PullRequest(f)
		v := policy.Decide(privileged(), pr)
		for _, c := range v.Approvals.Counted {
			counted++
			if wrong := mustHold(f, c.ID); wrong != "" {
				t.Fatalf("%s counts: %s", c.Login, wrong)
			}
		}
		if v.Approvals.Status != policy.StatusApproved {
			return
		}
		for _, c := range pr.Commits {
			told := slices.ContainsFunc(f.Heads, func(h store.HeadSeen) bool { return h.Sender != 0 }) || len(f.Pushes)+len(f.Activity)+len(f.Hands) > 0
			if !c.NeutralMerge && (c.PusherUnknown || len(c.Pushers) == 0 || !told) {
				t.Fatalf("approved, although nobody tells who pushed %s", c.SHA)
			}
		}
	}
	for range 5 {
		rapid.Check(t, law)
	}
	if counted == 0 {
		t.Error("nobody ever counts: the test proves nothing")
	}
}

// In which order events, lists and rows came decides nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := draw(t)
		g := f
		value := reflect.ValueOf(&g).Elem()
		for _, name := range []string{"Listed", "Reviews", "Seen", "Heads", "Comments", "Pushes", "Activity", "Bindings", "Published", "Dismissals", "Hands"} {
			field := value.FieldByName(name)
			if field.Len() == 0 {
				continue
			}
			order := rapid.Permutation(slices.Collect(seq(field.Len()))).Draw(t, name)
			shuffled := reflect.MakeSlice(field.Type(), 0, field.Len())
			for _, i := range order {
				shuffled = reflect.Append(shuffled, field.Index(i))
			}
			field.Set(shuffled)
		}
		if diff := cmp.Diff(PullRequest(f), PullRequest(g)); diff != "" {
			t.Fatalf("the pull request depends on it: %s", diff)
		}
		if diff := cmp.Diff(Unbound(f), Unbound(g)); diff != "" {
			t.Fatalf("what is to be bound depends on it: %s", diff)
		}
		if diff := cmp.Diff(hands(f), hands(g)); diff != "" {
			t.Fatalf("what is remembered depends on it: %s", diff)
		}
		if diff := cmp.Diff([]any{Senders(f), Concerned(f), Doubtful(f), NeedsActivity(f)}, []any{Senders(g), Concerned(g), Doubtful(g), NeedsActivity(g)}); diff != "" {
			t.Fatalf("who is looked up depends on it: %s", diff)
		}
	})
}

func seq(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func hands(f Facts) map[store.HandSeen]bool {
	set := map[store.HandSeen]bool{}
	for _, h := range Hands(f) {
		set[h] = true
	}
	return set
}

// Facts that are remembered and read again never let somebody in who was kept
// out, and there is nothing to remember twice.
func TestRememberingOnlyKeepsOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := draw(t)
		before := policy.Decide(privileged(), PullRequest(f)).Approvals
		f.Hands = append(slices.Clip(f.Hands), Hands(f)...)
		after := policy.Decide(privileged(), PullRequest(f)).Approvals
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("the decision changes by being remembered: %s", diff)
		}
		if again := Hands(f); len(again) > 0 {
			t.Fatalf("remembered twice: %+v", again)
		}
	})
}

// A long branch with many pushes costs little.
func TestManyCommits(t *testing.T) {
	f := opened()
	for i := range 249 {
		f.push("10:05", alice, by(fmt.Sprint("n", i), alice), f.Pull.Head)
	}
	for i := range 700 {
		f.Pushes = append(f.Pushes, pushed("10:05", fmt.Sprint("gone", i), f.Pull.Head, alice))
	}
	f.twoApprove()
	start := time.Now()
	if got := verdict(f); got != "approved +bob +carol" {
		t.Error(got)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}
