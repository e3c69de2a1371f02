package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
)

// Question says what is asked of a fleet.
type Question struct {
	Limits config.Limits
	// Roots are the paths of the roots that changed or that depend on what
	// changed in another (an identity, a class); nil compares all. With
	// them the cost follows the changed clusters, not the fleet.
	Roots []string
	// All takes every cluster as changed (an audit); nothing counts as added.
	All bool
}

// Fleet returns the input of the fleet rules: the changed clusters, what they
// share with whom, and how many clusters and nodes the change adds. The index
// is the head's; base is the other side's.
func (ix *Index) Fleet(base *Index, ask Question) engine.Fleet {
	before, after := base.facts(), ix.facts()
	out := engine.Fleet{
		ClustersTotal:   after.total,
		LimitClusters:   ask.Limits.Clusters,
		LimitNodesAdded: ask.Limits.NodesAdded,
		LimitDeletions:  ask.Limits.Deletions,
	}
	f := fleetOf{before: before, after: after, ask: ask, changed: map[*record]bool{}, listed: map[*record]bool{}}
	f.compare(&out)
	f.share(&out)
	f.list(&out)
	return out
}

// fleetOf is one question being answered.
type fleetOf struct {
	before, after *records
	ask           Question
	changed       map[*record]bool
	added         []*record
	listed        map[*record]bool
}

// compare finds the changed clusters and counts what is added and removed.
func (f *fleetOf) compare(out *engine.Fleet) {
	touched := map[name]bool{}
	for _, r := range f.after.of(f.ask.Roots) {
		old := f.before.at[r.cluster.node.spot]
		same := old != nil && old.print == r.print
		if !same || f.ask.All {
			f.changed[r] = true
		}
		if !same {
			touched[r.name()] = true
		}
	}
	for _, r := range f.before.of(f.ask.Roots) {
		if f.after.at[r.cluster.node.spot] == nil {
			touched[r.name()] = true
		}
	}
	if f.ask.All {
		return
	}
	for _, n := range sortedNames(touched) {
		f.countName(n, out)
	}
}

// countName compares the clusters of one name on both sides. One that is
// rendered twice is one, and one that moved is neither added nor deleted.
func (f *fleetOf) countName(n name, out *engine.Fleet) {
	old, fresh := distinct(f.before.names[n]), distinct(f.after.names[n])
	added := len(fresh) - len(old)
	out.ClustersAdded += max(added, 0)
	out.ClustersDeleted += max(-added, 0)
	if added > 0 {
		for _, r := range fresh {
			if f.before.at[r.cluster.node.spot] == nil && added > 0 {
				f.added = append(f.added, r)
				added--
			}
		}
	}
	nodes, unknown := 0, 0
	for _, r := range fresh {
		nodes, unknown = nodes+r.nodes, unknown+len(r.unknown)
	}
	for _, r := range old {
		nodes, unknown = nodes-r.nodes, unknown-len(r.unknown)
	}
	out.NodesAdded += max(nodes, 0)
	out.NodesUnknown += max(unknown, 0)
}

// share finds the groups that a changed cluster is part of.
func (f *fleetOf) share(out *engine.Fleet) {
	done := map[group]bool{}
	for _, r := range f.after.of(f.ask.Roots) {
		if !f.changed[r] {
			continue
		}
		f.listed[r] = true
		for _, u := range r.uses {
			g := group{u.what, u.key}
			if done[g] {
				continue
			}
			done[g] = true
			members := f.after.apart(g)
			if len(members) < 2 || enclosed(members) {
				continue
			}
			share := engine.FleetShare{What: u.what, Key: members[0].use.words}
			for _, m := range members {
				f.listed[m.record] = true
				share.Members = append(share.Members, f.member(m))
			}
			out.Shares = append(out.Shares, share)
		}
	}
	slices.SortStableFunc(out.Shares, func(a, b engine.FleetShare) int {
		return strings.Compare(a.What+"\x00"+a.Key, b.What+"\x00"+b.Key)
	})
}

func (f *fleetOf) member(m member) engine.FleetMember {
	return engine.FleetMember{
		Cluster:     m.record.cluster.known,
		Destination: m.use.node.spot.destination,
		Object:      m.use.node.res.Identity,
		Path:        m.use.path,
		Source:      sourceOf(m.use.node.res, m.use.path),
		Changed:     f.changed[m.record],
	}
}

// list writes the clusters of the answer and the place to hang limits on.
func (f *fleetOf) list(out *engine.Fleet) {
	fresh := map[*record]bool{}
	for _, r := range f.added {
		fresh[r] = true
	}
	listed := slices.SortedFunc(maps.Keys(f.listed), func(a, b *record) int { return a.order - b.order })
	for _, r := range listed {
		c := r.public()
		c.Changed, c.New = f.changed[r], fresh[r]
		out.Clusters = append(out.Clusters, c)
		if c.New && out.Anchor == nil {
			at := f.member(member{r, use{node: r.cluster.node, path: field.Path("metadata", "name")}})
			out.Anchor = &at
		}
	}
}

// apart returns the members of a group, each cluster once.
func (rs *records) apart(g group) []member {
	seen := map[string]bool{}
	var out []member
	for _, m := range rs.groups[g] {
		if key := m.record.copyOf(); !seen[key] {
			seen[key] = true
			out = append(out, m)
		}
	}
	return out
}

// enclosed reports whether what members share lies in a larger thing that
// they share: that one is said instead.
func enclosed(members []member) bool {
	within := members[0].use.within
	return within != "" && !slices.ContainsFunc(members, func(m member) bool { return m.use.within != within })
}

func sortedNames(names map[name]bool) []name {
	return slices.SortedFunc(maps.Keys(names), func(a, b name) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
}
