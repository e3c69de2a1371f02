package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// reachBudget bounds the work of spreading clusters over the graph. Past it an
// object counts as reaching every cluster: too many rather than too few.
const reachBudget = 16_000_000

// reach is a set of clusters; objects with the same set share it.
type reach struct {
	ids   []int32 // sorted places in Index.clusters
	known []engine.Cluster
}

// graph says from where clusters spread to an object. Its first vertices are
// the objects; the others stand for a name that many refer to, so that it
// grows with the references and not with their product.
type graph struct {
	sources [][]int32
	seed    []int32 // the cluster that a vertex is; -1 for none
}

func (g *graph) vertex() int32 {
	g.sources = append(g.sources, nil)
	g.seed = append(g.seed, -1)
	return int32(len(g.sources) - 1)
}

func (g *graph) edge(from, to int32) {
	g.sources[to] = append(g.sources[to], from)
}

// spread computes which clusters each object belongs to: those that name it,
// through any chain of references, those that it names, and those that an
// addon selects.
func (ix *Index) spread() {
	g := &graph{}
	for range ix.here {
		g.vertex()
	}
	for i, c := range ix.clusters {
		g.seed[c.node.vertex] = int32(i)
	}
	for _, n := range ix.nodes {
		for _, l := range n.links {
			if l.found == FoundDestination {
				g.edge(n.vertex, l.targets[0].vertex)
			}
		}
	}
	for id, users := range ix.distant {
		v := g.vertex()
		for _, u := range users {
			g.edge(u.node.vertex, v)
		}
		for _, target := range ix.tree[id] {
			g.edge(v, target.vertex)
		}
	}
	ix.addMembers(g)
	ix.addSelections(g)
	ix.reaches = g.solve(ix.clusters)
}

// addMembers connects clusters with what names them.
func (ix *Index) addMembers(g *graph) {
	distant := map[render.Identity]int32{}
	for _, n := range ix.nodes {
		namespace, name := memberOf(n)
		if name == "" || isCluster(n.spot.Identity) {
			continue
		}
		id := place(render.Identity{Namespace: namespace}, groupCluster, "Cluster", name)
		owners, found := ix.lookup(n.spot.destination, id)
		if found == FoundMissing {
			continue
		}
		if first := ix.clusterAt(owners[0]); ix.here[n.spot] == n {
			first.members = append(first.members, n)
		}
		if found == FoundDestination {
			g.edge(owners[0].vertex, n.vertex)
			continue
		}
		v, ok := distant[id]
		if !ok {
			v = g.vertex()
			distant[id] = v
			for _, owner := range owners {
				g.edge(owner.vertex, v)
			}
		}
		g.edge(v, n.vertex)
	}
}

// addSelections connects clusters with the addons that select them.
func (ix *Index) addSelections(g *graph) {
	done := map[*selection]bool{}
	for _, s := range ix.selections {
		if done[s] {
			continue
		}
		done[s] = true
		v := g.vertex()
		for _, c := range s.clusters {
			g.edge(c.node.vertex, v)
		}
		for _, owner := range s.owners {
			g.edge(v, owner.vertex)
		}
	}
}

// solver finds strongly connected vertices (Tarjan) and gives each the union
// of what its sources reach; sources are done before what they spread to.
type solver struct {
	*graph
	clusters   []*cluster
	index, low []int32
	stack      []int32
	on         []bool
	next       int32
	out        []*reach
	budget     int
	all        *reach
}

func (g *graph) solve(clusters []*cluster) []*reach {
	n := len(g.sources)
	s := &solver{
		graph: g, clusters: clusters, index: make([]int32, n), low: make([]int32, n),
		on: make([]bool, n), out: make([]*reach, n), budget: reachBudget,
	}
	for v := range n {
		if s.index[v] == 0 {
			s.follow(int32(v))
		}
	}
	return s.out
}

func (s *solver) follow(v int32) {
	s.next++
	s.index[v], s.low[v] = s.next, s.next
	s.stack, s.on[v] = append(s.stack, v), true
	for _, w := range s.sources[v] {
		if s.index[w] == 0 {
			s.follow(w)
			s.low[v] = min(s.low[v], s.low[w])
		} else if s.on[w] {
			s.low[v] = min(s.low[v], s.index[w])
		}
	}
	if s.low[v] != s.index[v] {
		return
	}
	at := slices.Index(s.stack, v)
	group := s.stack[at:]
	union := s.union(group)
	for _, w := range group {
		s.on[w], s.out[w] = false, union
	}
	s.stack = s.stack[:at]
}

// union returns what a group of vertices reaches together; nil for nothing.
func (s *solver) union(group []int32) *reach {
	parts := map[*reach]bool{}
	var ids []int32
	for _, v := range group {
		if s.seed[v] >= 0 {
			ids = append(ids, s.seed[v])
		}
		for _, w := range s.sources[v] {
			if part := s.out[w]; part != nil {
				parts[part] = true
			}
		}
	}
	var largest *reach
	for part := range parts {
		if largest == nil || len(part.ids) > len(largest.ids) {
			largest = part
		}
	}
	if len(ids) == 0 && len(parts) <= 1 {
		return largest
	}
	for part := range parts {
		if s.budget -= len(part.ids); s.budget < 0 {
			return s.everything()
		}
		ids = append(ids, part.ids...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if largest != nil && len(largest.ids) == len(ids) {
		return largest
	}
	return s.make(slices.Clip(ids))
}

func (s *solver) everything() *reach {
	if s.all == nil {
		ids := make([]int32, len(s.clusters))
		for i := range ids {
			ids[i] = int32(i)
		}
		s.all = s.make(ids)
	}
	return s.all
}

func (s *solver) make(ids []int32) *reach {
	known := make([]engine.Cluster, 0, len(ids))
	for _, id := range ids {
		known = append(known, s.clusters[id].known)
	}
	return &reach{ids, compactClusters(known)}
}

// compactClusters sorts clusters and drops those that say the same, as two
// copies of a cluster do.
func compactClusters(clusters []engine.Cluster) []engine.Cluster {
	slices.SortStableFunc(clusters, compareClusters)
	return slices.CompactFunc(clusters, func(a, b engine.Cluster) bool {
		return compareClusters(a, b) == 0 && maps.Equal(a.Labels, b.Labels)
	})
}

func compareClusters(a, b engine.Cluster) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Environment, b.Environment), strings.Compare(a.Role, b.Role),
		boolRank(a.ExternallyManaged)-boolRank(b.ExternallyManaged))
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clustersOf returns the clusters of a node; nil for none.
func (ix *Index) clustersOf(n *node) []engine.Cluster {
	if n.vertex < 0 || ix.reaches[n.vertex] == nil {
		return nil
	}
	return ix.reaches[n.vertex].known
}
