package people

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

const (
	approved  = "APPROVED"
	dismissed = "DISMISSED"
	pending   = "PENDING"
)

// chronological are the reviews as the API tells them now, by time and id.
func (b *branch) chronological() []github.Review {
	return slices.SortedFunc(slices.Values(b.f.Reviews), func(x, y github.Review) int {
		return cmp.Or(x.Submitted.Compare(y.Submitted), cmp.Compare(x.ID, y.ID))
	})
}

// ours reports whether a record is of this pull request: approvals never cross.
func (b *branch) ours(repository, pull int64) bool {
	return repository == b.f.Repository.ID && pull == int64(b.f.Pull.Number)
}

func (b *branch) seen() map[int64]store.ReviewSeen {
	seen := map[int64]store.ReviewSeen{}
	for _, r := range b.f.Seen {
		if b.ours(r.Repository, r.Pull) {
			seen[r.ID] = r
		}
	}
	return seen
}

func (b *branch) bindings() map[int64]store.Binding {
	bound := map[int64]store.Binding{}
	for _, binding := range b.f.Bindings {
		if b.ours(binding.Repository, binding.Pull) {
			bound[binding.Review] = binding
		}
	}
	return bound
}

// reviews are the reviews with what was recorded of them when they were new.
func (b *branch) reviews() []policy.Review {
	seen, bound := b.seen(), b.bindings()
	by := map[int64]*policy.User{}
	for _, d := range b.f.Dismissals {
		if b.ours(d.Repository, d.Pull) && d.Sender != 0 {
			who := b.account(d.Sender)
			by[d.Review] = &who
		}
	}
	var reviews []policy.Review
	for _, r := range b.chronological() {
		review := policy.Review{ID: r.ID, User: r.User, State: strings.ToUpper(r.State), Submitted: r.Submitted,
			Commit: cmp.Or(seen[r.ID].Commit, r.Commit)}
		if binding, ok := bound[r.ID]; ok && r.User != nil && policy.UserID(binding.Person) == r.User.ID {
			review.Bound, review.BoundBase, review.BoundKnown = binding.Digest, binding.BaseRef, true
		}
		if review.State == dismissed {
			review.DismissedBy, review.Former = by[r.ID], former(seen[r.ID])
		}
		reviews = append(reviews, review)
	}
	return reviews
}

// former is a review's state before it was dismissed; "" when nobody can tell.
func former(r store.ReviewSeen) string {
	if state := strings.ToUpper(r.State); state != dismissed {
		return state
	}
	return ""
}

// Unbound are reviews that approve (or approved, before a dismissal) and have
// no binding, with the commit that each is to be bound by: its first sight,
// else the API's where our record shows that this commit was the head before
// the review was submitted (A12). Others stay unbound.
func Unbound(f Facts) []Subject {
	b := newBranch(f)
	seen, bound := b.seen(), b.bindings()
	var unbound []Subject
	for _, r := range b.chronological() {
		first, told := seen[r.ID]
		state := strings.ToUpper(r.State)
		_, done := bound[r.ID]
		if done || r.User == nil || r.Submitted.IsZero() ||
			state != approved && (state != dismissed || former(first) != approved) {
			continue
		}
		s := Subject{Review: r}
		if told && first.Commit != "" {
			s.Commit, s.BaseRef = first.Commit, cmp.Or(first.BaseRef, f.Pull.Base)
		} else {
			s.Commit, s.BaseRef = b.guess(r)
		}
		if s.Commit == "" || s.BaseRef == "" {
			continue
		}
		s.Published = b.before(r, s.Commit, s.BaseRef)
		unbound = append(unbound, s)
	}
	return unbound
}

// guess is what a review of which no event told was about: the API's commit, if
// it was the head before the review, into the base of our last check before the
// review. Without such a check, only where no other base was ever on record.
func (b *branch) guess(r github.Review) (commit, base string) {
	if !slices.ContainsFunc(b.f.Heads, func(h store.HeadSeen) bool {
		return h.SHA == r.Commit && b.ours(h.Repository, h.Pull) && !h.At.IsZero() && h.At.Before(r.Submitted)
	}) {
		return "", ""
	}
	if last := b.before(r, "", ""); last.ID != 0 {
		return r.Commit, last.BaseRef
	}
	elsewhere := slices.ContainsFunc(b.f.Published, func(p store.Publication) bool {
		return p.BaseRef != b.f.Pull.Base
	}) || slices.ContainsFunc(b.f.Seen, func(s store.ReviewSeen) bool {
		return s.BaseRef != "" && s.BaseRef != b.f.Pull.Base
	})
	if elsewhere {
		return "", ""
	}
	return r.Commit, b.f.Pull.Base
}

// before is our last check strictly before a review: of its commit if there is
// one. An empty commit or base asks for any.
func (b *branch) before(r github.Review, commit, base string) store.Publication {
	var best store.Publication
	for _, p := range b.f.Published {
		ours := b.ours(p.Repository, p.Pull) && p.BaseSHA != "" && (base == "" || p.BaseRef == base)
		if !ours || !p.At.Before(r.Submitted) {
			continue
		}
		of, had := p.HeadSHA == commit, best.HeadSHA == commit
		if best.ID == 0 || of && !had || of == had && later(p, best) {
			best = p
		}
	}
	return best
}

func later(p, q store.Publication) bool {
	return cmp.Or(p.At.Compare(q.At), cmp.Compare(p.ID, q.ID)) > 0
}
