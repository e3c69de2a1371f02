package review

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// family are the other pull requests with a head and base of ours: a check
// belongs to the commit, so each of them shows the worst that is said of those
// that are open and whose authors have write (D29).
type family struct {
	// others are their newest publications, by number, whatever became of them.
	others map[int64]store.Publication
	// own are the own conclusions of those that have a say.
	own []string
	// open are those of the others that still have the commit.
	open map[int64]bool
}

// siblings finds them. Nothing is asked of GitHub where we never published for
// another pull request there.
func (n *run) siblings(ctx context.Context, base, head string) (family, error) {
	published, err := n.Store.Publications(ctx, store.PublicationQuery{Repository: n.repository.ID, BaseRef: base,
		HeadSHA: head})
	f := family{others: map[int64]store.Publication{}, open: map[int64]bool{}}
	for _, p := range published { // the newest first
		if _, known := f.others[p.Pull]; !known && p.Pull != 0 && p.Pull != n.lease.Pull {
			f.others[p.Pull] = p
		}
	}
	if err != nil || len(f.others) == 0 {
		return f, err
	}
	open, err := n.client.PullsOf(ctx, n.repository, head)
	if err != nil {
		return f, err
	}
	for _, pull := range open {
		p, known := f.others[int64(pull.Number)]
		if !known || pull.Base != base || pull.Head != head {
			continue
		}
		if f.open[int64(pull.Number)] = true; pull.Author == nil {
			continue
		}
		author, err := n.person(ctx, *pull.Author, nil, n.oldest())
		if err != nil {
			return f, err
		}
		if atLeast(author, "write") {
			f.own = append(f.own, p.Own)
		}
	}
	return f, nil
}

// call wakes those of a family that do not show what they should, given the own
// conclusions of all that have a say. Where nobody has one, those that are over
// have nobody to follow any more.
func (n *run) call(ctx context.Context, f family, all ...string) error {
	want := ""
	if len(all) > 0 {
		want = publish.Worst(all[0], all[1:]...)
	}
	var wakes []store.Wake
	for _, pull := range slices.Sorted(maps.Keys(f.others)) {
		shows := f.others[pull].Conclusion
		if want != "" && shows != want || want == "" && !f.open[pull] && shows == publish.Success {
			wakes = append(wakes, store.Wake{Target: store.Target{Repository: n.repository.ID, Pull: pull},
				Installation: n.lease.Installation, Priority: store.Review})
		}
	}
	return n.Store.Wake(ctx, wakes...)
}

// retire ends a check of this pull request that is no longer about what it is
// now: it follows those who still have the commit, else a green one is taken back.
func (n *run) retire(ctx context.Context, p store.Publication, why string) error {
	subject := n.about(p.BaseRef, p.BaseSHA, p.HeadSHA)
	f, err := n.siblings(ctx, p.BaseRef, p.HeadSHA)
	if err != nil {
		return err
	}
	switch {
	case len(f.own) > 0:
		err = n.Publisher.Follow(ctx, subject, f.own, func(ctx context.Context) error {
			now, err := n.siblings(ctx, p.BaseRef, p.HeadSHA)
			if err == nil && !slices.Equal(now.own, f.own) {
				return publish.ErrMoved
			}
			return err
		})
	case p.Conclusion == publish.Success:
		err = n.Publisher.Withdraw(ctx, subject, why)
	}
	if err != nil {
		return fmt.Errorf("end the check of %.12s: %w", p.HeadSHA, err)
	}
	return n.call(ctx, f, f.own...)
}

// unsure adds the checks of this pull request that may be green without anybody
// knowing: a write of them was begun, and its answer was lost.
func (n *run) unsure(ctx context.Context, published []store.Publication) ([]store.Publication, error) {
	unsure, err := n.Publisher.Unsure(ctx, n.repository.ID, n.lease.Pull)
	var all []store.Publication
	for _, s := range unsure {
		p := store.Publication{BaseRef: s.BaseRef, HeadSHA: s.HeadSHA}
		for _, known := range slices.Backward(published) { // the newest last
			if known.BaseRef == s.BaseRef && known.HeadSHA == s.HeadSHA {
				p = known
			}
		}
		p.Conclusion = publish.Success
		all = append(all, p)
	}
	return append(all, published...), err
}
