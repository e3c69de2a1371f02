package render

import (
	"cmp"
	"slices"

	"github.com/countersign-dev/countersign/render/diff"
)

const (
	// alike is the share of equal fields from which on a create is taken for
	// a delete under a new name.
	alike = 0.8
	// maxTwins bounds the comparisons for one kind in one destination; beyond
	// it no rename is claimed. A rename explains and decides nothing.
	maxTwins = 10_000
)

// twins are a delete and a create that look alike, by their indices.
type twins struct {
	left, came int
	alike      float64
}

// renamed says, for what came, under which name it left: the most alike first,
// each at most once.
func (p *pairs) renamed() map[int]*Identity {
	left, came := byKind(p.left), byKind(p.came)
	var found []twins
	for kind, olds := range left {
		if news := came[kind]; len(olds)*len(news) <= maxTwins {
			found = append(found, p.twins(olds, news)...)
		}
	}
	slices.SortFunc(found, func(a, b twins) int {
		return cmp.Or(cmp.Compare(b.alike, a.alike), a.came-b.came, a.left-b.left)
	})
	former := map[int]*Identity{}
	taken := map[int]bool{}
	for _, t := range found {
		if former[t.came] == nil && !taken[t.left] {
			identity := p.left[t.left].Identity
			former[t.came], taken[t.left] = &identity, true
		}
	}
	return former
}

func byKind(objects []object) map[place][]int {
	kinds := map[place][]int{}
	for i, o := range objects {
		kind := place{destination: o.destination, Identity: Identity{Group: o.Group, Kind: o.Kind}, local: o.Local}
		kinds[kind] = append(kinds[kind], i)
	}
	return kinds
}

func (p *pairs) twins(olds, news []int) []twins {
	if len(news) == 0 {
		return nil
	}
	leaves := make([]diff.Leaves, len(news))
	for i, at := range news {
		leaves[i] = meaning(p.came[at])
	}
	var found []twins
	for _, old := range olds {
		was := meaning(p.left[old])
		for i, at := range news {
			if share := diff.Similarity(was, leaves[i]); share >= alike && p.left[old].Identity != p.came[at].Identity {
				found = append(found, twins{old, at, share})
			}
		}
	}
	return found
}

// meaning is what an object says besides its name: its spec or, without one,
// all but its metadata, type and status.
func meaning(o object) diff.Leaves {
	if spec, ok := o.Object["spec"]; ok {
		return diff.LeavesOf(spec)
	}
	rest := map[string]any{}
	for key, value := range o.Object {
		switch key {
		case "apiVersion", "kind", "metadata", "status":
		default:
			rest[key] = value
		}
	}
	if len(rest) == 0 {
		return diff.Leaves{}
	}
	return diff.LeavesOf(rest)
}
