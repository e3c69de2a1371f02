package review

import (
	"context"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/server/store"
)

// others are the newest publications of other pull requests on a head and base.
func (n *run) others(ctx context.Context, base, head string) (map[int64]store.Publication, error) {
	published, err := n.Store.Publications(ctx, store.PublicationQuery{Repository: n.repository.ID, BaseRef: base,
		HeadSHA: head})
	others := map[int64]store.Publication{}
	for _, p := range published { // the newest first
		if _, known := others[p.Pull]; !known && p.Pull != 0 && p.Pull != n.lease.Pull {
			others[p.Pull] = p
		}
	}
	return others, err
}

// siblings are the own conclusions of other open pull requests with this head
// and base, whose authors have write: a check belongs to the commit, so the
// worst of them is what it says (D29). Those without write have no say.
func (n *run) siblings(ctx context.Context, c decided) ([]string, error) {
	others, err := n.others(ctx, c.base, c.head)
	if err != nil || len(others) == 0 {
		return nil, err
	}
	open, err := n.client.PullsOf(ctx, n.repository, c.head)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, pull := range open {
		p, known := others[int64(pull.Number)]
		if !known || pull.Base != c.base || pull.Head != c.head || pull.Author == nil {
			continue
		}
		author, err := n.person(ctx, *pull.Author, nil, c.oldest)
		if err != nil {
			return nil, err
		}
		if atLeast(author, "write") {
			own = append(own, p.Own)
		}
	}
	return own, nil
}

// wakeSiblings has other pull requests on a head and base looked at again.
func (n *run) wakeSiblings(ctx context.Context, base, head string) error {
	others, err := n.others(ctx, base, head)
	if err != nil || len(others) == 0 {
		return err
	}
	var wakes []store.Wake
	for _, pull := range slices.Sorted(maps.Keys(others)) {
		wakes = append(wakes, store.Wake{Target: store.Target{Repository: n.repository.ID, Pull: pull},
			Installation: n.lease.Installation, Priority: store.Review})
	}
	return n.Store.Wake(ctx, wakes...)
}
