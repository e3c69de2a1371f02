package fleet

import (
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/graph"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/roster"
	"github.com/countersign-dev/countersign/render"
)

// spread computes which clusters each object belongs to: those that name it,
// through any chain of references, those that it names, and those that an
// addon selects. The graph's first vertices are the objects; the others stand
// for a name that many refer to, so that it grows with the references and not
// with their product.
func (ix *Index) spread() {
	g := &graph.Graph{}
	for range ix.here {
		g.Vertex()
	}
	for i, c := range ix.clusters {
		g.Seed(c.node.vertex, int32(i))
	}
	for _, n := range ix.nodes {
		for _, l := range n.links {
			if l.found == FoundDestination {
				g.Edge(n.vertex, l.targets[0].vertex)
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(ix.distant), compareIdentities) {
		v := g.Vertex()
		for _, u := range ix.distant[id] {
			g.Edge(u.node.vertex, v)
		}
		for _, target := range ix.tree[id] {
			g.Edge(v, target.vertex)
		}
	}
	ix.addMembers(g)
	ix.addSelections(g)
	ix.reaches = g.Solve()
	ix.findParts()
	for _, set := range ix.reaches {
		if set == nil || ix.known[set] != nil {
			continue
		}
		known := make([]engine.Cluster, 0, len(set.IDs))
		seen := map[*node]bool{}
		for _, id := range set.IDs {
			known = append(known, ix.clusters[id].known)
			if infra := ix.clusters[id].parts.settings(); infra != nil && !seen[infra] {
				seen[infra] = true
				ix.infra[set] = append(ix.infra[set], infra)
			}
		}
		ix.known[set] = roster.Compact(known)
	}
}

// addMembers connects clusters with what names them.
func (ix *Index) addMembers(g *graph.Graph) {
	distant := map[render.Identity]int32{}
	for _, n := range ix.nodes {
		namespace, name := memberOf(n)
		if name == "" || isCluster(n.spot.Identity) {
			continue
		}
		id := reference.Place(render.Identity{Namespace: namespace}, reference.GroupCluster, "Cluster", name)
		owners, found := ix.lookup(n.spot.destination, id)
		if found == FoundMissing {
			continue
		}
		if first := ix.clusterAt(owners[0]); ix.here[n.spot] == n {
			first.members = append(first.members, n)
		}
		if found == FoundDestination {
			g.Edge(owners[0].vertex, n.vertex)
			continue
		}
		v, ok := distant[id]
		if !ok {
			v = g.Vertex()
			distant[id] = v
			for _, owner := range owners {
				g.Edge(owner.vertex, v)
			}
		}
		g.Edge(v, n.vertex)
	}
}

// addSelections connects clusters with the addons that select them.
func (ix *Index) addSelections(g *graph.Graph) {
	done := map[*selection]bool{}
	for _, n := range ix.nodes {
		s := ix.selections[n]
		if s == nil || done[s] {
			continue
		}
		done[s] = true
		v := g.Vertex()
		for _, c := range s.clusters {
			g.Edge(c.node.vertex, v)
		}
		for _, owner := range s.owners {
			g.Edge(v, owner.vertex)
		}
	}
}

// setOf returns the set of clusters of a node, which may be nil; nil for none.
func (ix *Index) setOf(n *node) *graph.Set {
	if n == nil || n.vertex < 0 {
		return nil
	}
	return ix.reaches[n.vertex]
}

// infraOf returns the infrastructure that a machine's object takes defaults
// from: that of every cluster it belongs to. nil for other objects.
func (ix *Index) infraOf(n *node) []*node {
	if n.spot.Group != reference.GroupInfra || !strings.Contains(n.spot.Kind, "Machine") {
		return nil
	}
	return ix.infra[ix.setOf(n)]
}
