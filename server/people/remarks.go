package people

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/server/store"
)

// remark is what somebody said about holding.
type remark struct {
	command.Command
	by     int64
	at     time.Time
	review bool // the text of a review, not a comment
	id     int64
}

// remarks are what people said in comments and reviews, by their first texts.
func (b *branch) remarks() []remark {
	var all []remark
	for _, c := range b.f.Comments {
		if b.ours(c.Repository, c.Pull) && !c.Edited && c.App == 0 && c.Person != 0 {
			all = append(all, remark{command.Stance(c.Body), c.Person, cmp.Or(c.Created, c.Seen), false, c.ID})
		}
	}
	seen := b.seen()
	for _, r := range seen {
		if r.Person != 0 && strings.ToUpper(r.State) != pending {
			all = append(all, remark{command.Stance(r.Body), r.Person, cmp.Or(r.Submitted, r.Seen), true, r.ID})
		}
	}
	for _, r := range b.f.Reviews {
		// Nobody told of this one: its text may have been edited, and so lifts nothing.
		stance := command.Stance(r.Body)
		if _, told := seen[r.ID]; !told && r.User != nil && !r.Submitted.IsZero() && stance.Word == command.Hold {
			all = append(all, remark{stance, int64(r.User.ID), r.Submitted, true, r.ID})
		}
	}
	all = slices.DeleteFunc(all, func(r remark) bool { return r.Word == "" || isApp(b.account(r.by)) })
	slices.SortFunc(all, func(x, y remark) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(order(x.review), order(y.review)), cmp.Compare(x.id, y.id))
	})
	return all
}

func order(review bool) int {
	if review {
		return 0
	}
	return 1
}

// after reports whether a remark was surely made after another. Of one second,
// only two comments, or two reviews, have an order.
func (r remark) after(other remark) bool {
	if !r.at.Equal(other.at) {
		return r.at.After(other.at)
	}
	return r.review == other.review && r.id > other.id
}

// holds plays what was said. Whose word counts is for Decide.
func (b *branch) holds() []policy.Hold {
	remarks := b.remarks()
	var holds []policy.Hold
	for _, r := range remarks {
		if r.Word != command.Hold {
			continue
		}
		hold := policy.Hold{By: b.account(r.by), Reason: r.Rest, At: r.at, Digest: b.shown(r.at).Digest}
		for _, release := range remarks {
			if release.Word == command.Unhold && release.after(r) {
				hold.ReleasedBy = append(hold.ReleasedBy, b.account(release.by))
			}
		}
		holds = append(holds, hold)
	}
	return holds
}

// shown is the last check with a digest that we published strictly before a moment.
func (b *branch) shown(at time.Time) store.Publication {
	var last store.Publication
	for _, p := range b.f.Published {
		if b.ours(p.Repository, p.Pull) && p.Digest != "" && p.At.Before(at) && (last.ID == 0 || later(p, last)) {
			last = p
		}
	}
	return last
}

// overrides are the requests in comments as they were first written, each bound
// to what we had last said before it (A17, D23).
func (b *branch) overrides() []policy.OverrideRequest {
	var requests []policy.OverrideRequest
	comments := slices.SortedFunc(slices.Values(b.f.Comments), func(x, y store.CommentSeen) int {
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID))
	})
	for _, c := range comments {
		if !b.ours(c.Repository, c.Pull) || c.Edited || c.Person == 0 {
			continue
		}
		for _, said := range command.Parse(c.Body) {
			if said.Word != command.Override || said.Rest == "" {
				continue
			}
			at := cmp.Or(c.Created, c.Seen)
			shown := b.shown(at)
			requests = append(requests, policy.OverrideRequest{By: b.account(c.Person), Reason: said.Rest, At: at,
				Digest: shown.Digest, Superseded: b.superseded(shown, at), ViaApp: c.App != 0})
			break
		}
	}
	return requests
}

// superseded reports whether a check no longer told what was on the branch at a
// moment: a push came after it, or nobody can tell that none did.
func (b *branch) superseded(shown store.Publication, at time.Time) bool {
	if shown.ID == 0 || shown.BaseRef != b.f.Pull.Base {
		return true
	}
	for _, p := range b.pushes {
		// What brought the head that was shown came before it, whatever the clocks say.
		if p.after != shown.HeadSHA && !p.opening && p.at.After(shown.At) && !p.at.After(at) {
			return true
		}
	}
	var newest time.Time
	for _, h := range b.f.Heads {
		if !h.At.After(at) && h.At.After(newest) {
			newest = h.At
		}
	}
	if newest.IsZero() {
		return shown.HeadSHA != b.f.Pull.Head
	}
	return slices.ContainsFunc(b.f.Heads, func(h store.HeadSeen) bool {
		return h.At.Equal(newest) && h.SHA != shown.HeadSHA
	})
}
