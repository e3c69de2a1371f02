package people

import (
	"slices"

	"github.com/countersign-dev/countersign/policy"
)

// branch is the pull request's branch with what follows from the facts at once.
type branch struct {
	f        Facts
	accounts map[policy.UserID]policy.User
	parents  map[string][]string // of the commits in range
	listed   map[string]policy.Commit
	// incomplete says that git's list and GitHub's do not fit (D25).
	incomplete bool
	pushes     []push
	brought    map[string]*carried // by commit in range
}

func newBranch(f Facts) *branch {
	b := &branch{f: f, accounts: accounts(f), parents: map[string][]string{}, listed: map[string]policy.Commit{}}
	for _, link := range f.Range {
		b.parents[link.SHA] = link.Parents
	}
	for _, c := range f.Listed {
		b.listed[c.SHA] = c
	}
	b.incomplete = !b.fits()
	b.pushes = pushes(f)
	b.brought = b.carry()
	return b
}

func (b *branch) has(sha string) bool {
	_, in := b.parents[sha]
	return in
}

// fits reports whether git's and GitHub's lists are of the same commits. What
// became part of the base since the last push is on GitHub's list alone.
func (b *branch) fits() bool {
	landed := 0
	for sha := range b.listed {
		switch {
		case b.has(sha):
		case b.f.InBase[sha]:
			landed++
		default:
			return false
		}
	}
	for sha := range b.parents {
		if _, listed := b.listed[sha]; !listed {
			return false
		}
	}
	head := b.f.Pull.Head
	return (b.has(head) || b.f.InBase[head]) && b.f.Pull.Commits <= len(b.parents)+landed
}

// neutral reports whether a commit is a merge of the base that GitHub made and
// that says nothing of its own (A8).
func (b *branch) neutral(sha string) bool {
	c, above := b.listed[sha], b.parents[sha]
	return b.f.Neutral[sha] && c.WebFlow && c.Verified && len(above) == 2 && !b.has(above[1])
}

// commits are those of the range, with GitHub's accounts and those who pushed them.
func (b *branch) commits() []policy.Commit {
	commits := make([]policy.Commit, 0, len(b.f.Range))
	for _, link := range b.f.Range {
		c := b.listed[link.SHA]
		c.SHA, c.Parents, c.NeutralMerge = link.SHA, link.Parents, b.neutral(link.SHA)
		c.Pushers, c.PusherUnknown = nil, false
		if !c.NeutralMerge {
			carried := b.brought[link.SHA]
			c.PusherUnknown = !carried.known && !carried.present
			for _, id := range carried.by {
				c.Pushers = append(c.Pushers, b.account(id))
			}
		}
		commits = append(commits, c)
	}
	return commits
}

// reach is a commit of the range and all its ancestors there.
func (b *branch) reach(from string) map[string]bool {
	seen := map[string]bool{}
	for pending := []string{from}; len(pending) > 0; {
		sha := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		above, in := b.parents[sha]
		if !in || seen[sha] {
			continue
		}
		seen[sha] = true
		pending = append(pending, above...)
	}
	return seen
}

// Doubtful are commits of which the decision must know whether the base's tip
// contains them: to be answered in Facts.InBase. Most often there are none.
func Doubtful(f Facts) []string {
	b := newBranch(f)
	var doubtful []string
	ask := func(sha string) {
		if sha != "" && !b.has(sha) {
			doubtful = append(doubtful, sha)
		}
	}
	ask(f.Pull.Head)
	for sha := range b.listed {
		ask(sha)
	}
	author := int64(0)
	if f.Pull.Author != nil {
		author = int64(f.Pull.Author.ID)
	}
	for _, h := range f.Hands {
		if h.Person != 0 && h.Person != author {
			ask(h.Commit)
		}
	}
	for _, p := range b.pushes {
		if p.by != author && b.late(p) {
			ask(p.after)
		}
	}
	slices.Sort(doubtful)
	return slices.Compact(doubtful)
}

// inside reports whether the head lies in the repository itself, so that its
// pushes are on record there.
func inside(f Facts) bool { return f.Repository.ID != 0 && f.Pull.HeadRepository == f.Repository.ID }

// NeedsActivity reports whether the pushers of some commit are known only to
// the activity API.
func NeedsActivity(f Facts) bool {
	b := newBranch(f)
	if f.Activity != nil || !inside(f) || b.incomplete {
		return false
	}
	return slices.ContainsFunc(f.Range, func(l Link) bool { return !b.brought[l.SHA].known && !b.neutral(l.SHA) })
}
