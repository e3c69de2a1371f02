package people

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/store"
)

// push is a move of the branch, whoever told of it.
type push struct {
	before string // "" for a new branch
	after  string
	by     int64 // never 0
	// opening says that this is the branch as it was when the pull request was opened.
	opening bool
	head    bool // the pull request itself told of it
	at      time.Time
}

// pushes are all that the facts tell of, in an order that only they decide.
func pushes(f Facts) []push {
	var all []push
	add := func(p push) {
		if strings.Trim(p.before, "0") == "" {
			p.before = ""
		}
		if p.by != 0 && p.after != "" {
			all = append(all, p)
		}
	}
	for _, h := range f.Heads {
		add(push{before: h.Before, after: h.SHA, by: h.Sender, opening: h.Before == "", head: true, at: h.At})
	}
	if inside(f) {
		for _, p := range f.Pushes {
			add(push{before: p.Before, after: p.After, by: p.Sender, at: p.At})
		}
		for _, p := range f.Activity {
			if p.Actor != nil {
				add(push{before: p.Before, after: p.After, by: int64(p.Actor.ID), at: p.At})
			}
		}
	}
	slices.SortFunc(all, func(a, b push) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.after, b.after), strings.Compare(a.before, b.before),
			cmp.Compare(a.by, b.by))
	})
	return all
}

// carried says who brought a commit.
type carried struct {
	by []int64 // sorted
	// known says that the push that brought it is on record; present only that it
	// was there at opening, and so is the opener's, whoever pushed it.
	known, present bool
}

func (c *carried) add(id int64) {
	if i, there := slices.BinarySearch(c.by, id); !there {
		c.by = slices.Insert(c.by, i, id)
	}
}

// carry says of each commit in range who brought it: the sender of the push
// whose new head has it and whose old one had not. Where the old head is no
// longer in range, what it had cannot be told any more: the sender answers for
// all, and a commit counts as known only if that old head was on record and we
// did not find the commit without a pusher before, or if it was the new head.
func (b *branch) carry() map[string]*carried {
	brought := make(map[string]*carried, len(b.parents))
	told, doubted := map[string]bool{}, map[string]bool{}
	for sha := range b.parents {
		brought[sha] = &carried{}
	}
	if b.incomplete {
		return brought // nobody is counted, and the range may be huge
	}
	for _, h := range b.f.Hands {
		told[h.Commit] = true
		doubted[h.Commit] = doubted[h.Commit] || h.How == asUnknown
		if c := brought[h.Commit]; c != nil && h.How == asPusher && h.Person != 0 {
			c.add(h.Person)
			c.known = true
		}
	}
	for _, p := range b.pushes {
		told[p.after] = true
	}
	for _, p := range b.pushes {
		sure := p.before == "" || b.has(p.before) || b.f.InBase[p.before]
		had := b.reach(p.before)
		for sha := range b.reach(p.after) {
			if had[sha] {
				continue
			}
			c := brought[sha]
			c.add(p.by)
			switch {
			case p.opening:
				c.present = true
			case sure || !doubted[sha] && (told[p.before] || sha == p.after):
				c.known = true
			}
		}
	}
	return brought
}

// late reports whether a push came while the pull request was there.
func (b *branch) late(p push) bool {
	return p.head || !b.f.Pull.Created.IsZero() && !p.at.Before(b.f.Pull.Created)
}

// How somebody had a hand in a commit, in the store's words.
const (
	asAuthor    = "commit_author"
	asCommitter = "committer"
	asPusher    = "pusher"
	asInitiator = "initiator" // of the pull request
	asUnknown   = "pusher_unknown"
	asNeutral   = "neutral" // a merge of the base that adds nobody
)

// Hands are what the decision about these facts rests on and is not among
// f.Hands yet: to be remembered with it, so that those who contributed are known
// when their commits are squashed away, by the ids first resolved (D20).
func Hands(f Facts) []store.HandSeen {
	b := newBranch(f)
	known := map[store.HandSeen]bool{}
	for _, h := range f.Hands {
		h.Seen = time.Time{}
		known[h] = true
	}
	var hands []store.HandSeen
	add := func(commit, how string, person int64) {
		h := store.HandSeen{Repository: f.Repository.ID, Pull: int64(f.Pull.Number), Commit: commit, How: how,
			Person: person}
		if !known[h] {
			known[h] = true
			hands = append(hands, h)
		}
	}
	for _, c := range b.commits() {
		if _, listed := b.listed[c.SHA]; !listed {
			continue
		}
		if c.NeutralMerge {
			add(c.SHA, asNeutral, 0)
			continue
		}
		if c.Author != nil {
			add(c.SHA, asAuthor, int64(c.Author.ID))
		}
		if c.Committer != nil && !c.WebFlow {
			add(c.SHA, asCommitter, int64(c.Committer.ID))
		}
		if c.PusherUnknown && !b.incomplete {
			add(c.SHA, asUnknown, 0)
		}
		for _, u := range c.Pushers {
			if !c.PusherUnknown {
				add(c.SHA, asPusher, int64(u.ID))
			}
		}
	}
	who, _ := b.initiators()
	for _, u := range who {
		add("", asInitiator, int64(u.ID))
	}
	return hands
}

// former are commits that the pull request once had, one for each hand in them:
// those of earlier decisions, and heads that no decision saw, of which only the
// sender is known. What the base has by now is nobody's contribution.
func (b *branch) former() []policy.Commit {
	var former []policy.Commit
	settled := map[string]bool{}
	hands := slices.SortedFunc(slices.Values(b.f.Hands), func(x, y store.HandSeen) int {
		return cmp.Or(strings.Compare(x.Commit, y.Commit), strings.Compare(x.How, y.How),
			cmp.Compare(x.Person, y.Person))
	})
	for _, h := range hands {
		settled[h.Commit] = settled[h.Commit] || h.How == asNeutral || h.How == asPusher
		if h.Person == 0 || b.f.InBase[h.Commit] || b.neutral(h.Commit) {
			continue
		}
		who, c := b.account(h.Person), policy.Commit{SHA: h.Commit}
		switch h.How {
		case asAuthor:
			c.Author = &who
		case asCommitter:
			c.Committer = &who
		case asPusher:
			c.Pushers = []policy.User{who}
		default:
			continue
		}
		former = append(former, c)
	}
	for _, p := range b.pushes {
		if b.has(p.after) || b.f.InBase[p.after] || settled[p.after] || !b.late(p) {
			continue
		}
		former = append(former, policy.Commit{SHA: p.after, Pushers: []policy.User{b.account(p.by)}})
	}
	return former
}
