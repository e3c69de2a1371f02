package graph

import (
	"cmp"
	"slices"
)

// Set is a set of seeds. Equal pointers are equal sets.
type Set struct {
	IDs []int32 // sorted
}

// Graph is being built. The zero Graph is empty.
type Graph struct {
	// Budget bounds how many numbers are moved between sets; 0 means 16
	// million, a second or so. A sixteenth of it may be kept in sets.
	Budget  int
	sources [][]int32
	seeds   [][]int32
	all     []int32
}

// Vertex adds a vertex and returns its number, counted from 0.
func (g *Graph) Vertex() int32 {
	g.sources, g.seeds = append(g.sources, nil), append(g.seeds, nil)
	return int32(len(g.sources) - 1)
}

// Edge lets what reaches from reach to as well.
func (g *Graph) Edge(from, to int32) {
	g.sources[to] = append(g.sources[to], from)
}

// Seed puts a number into the set of a vertex.
func (g *Graph) Seed(vertex, id int32) {
	g.seeds[vertex] = append(g.seeds[vertex], id)
	g.all = append(g.all, id)
}

// solver finds strongly connected vertices (Tarjan) and gives each group the
// union of what its sources reach; sources are done before what they spread to.
type solver struct {
	*Graph
	index, low []int32
	stack      []int32
	on         []bool
	next       int32
	out        []*Set
	left, room int
	everything *Set
	known      map[uint64][]*Set // by hash, so that equal sets are one
}

// Solve returns the sets by vertex; nil where nothing reaches.
func (g *Graph) Solve() []*Set {
	n := len(g.sources)
	s := &solver{
		Graph: g, index: make([]int32, n), low: make([]int32, n), on: make([]bool, n),
		out: make([]*Set, n), left: cmp.Or(g.Budget, 16_000_000), known: map[uint64][]*Set{},
	}
	s.room = s.left / 16
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
	at := len(s.stack) - 1
	for s.stack[at] != v {
		at--
	}
	group := s.stack[at:]
	union := s.union(group)
	for _, w := range group {
		s.on[w], s.out[w] = false, union
	}
	s.stack = s.stack[:at]
}

// union returns what a group of vertices is reached from; nil for nothing.
func (s *solver) union(group []int32) *Set {
	parts := map[*Set]bool{}
	var ids []int32
	for _, v := range group {
		ids = append(ids, s.seeds[v]...)
		for _, w := range s.sources[v] {
			if part := s.out[w]; part != nil {
				parts[part] = true
			}
		}
	}
	var largest *Set
	for part := range parts {
		if largest == nil || len(part.IDs) > len(largest.IDs) {
			largest = part
		}
	}
	if len(ids) == 0 && len(parts) <= 1 {
		return largest
	}
	for part := range parts {
		if s.left -= len(part.IDs); s.left < 0 {
			return s.whole()
		}
		ids = append(ids, part.IDs...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if largest != nil && len(largest.IDs) == len(ids) {
		return largest
	}
	return s.set(ids)
}

// set returns the set of sorted numbers: the one that there is, a new one, or
// past the budget that of all.
func (s *solver) set(ids []int32) *Set {
	hash := fnv(ids)
	for _, same := range s.known[hash] {
		if slices.Equal(same.IDs, ids) {
			return same
		}
	}
	if s.room -= len(ids); s.room < 0 {
		return s.whole()
	}
	set := &Set{slices.Clip(ids)}
	s.known[hash] = append(s.known[hash], set)
	return set
}

// fnv is the FNV-1a hash of numbers.
func fnv(ids []int32) uint64 {
	hash := uint64(14695981039346656037)
	for _, id := range ids {
		hash = (hash ^ uint64(uint32(id))) * 1099511628211
	}
	return hash
}

func (s *solver) whole() *Set {
	if s.everything == nil {
		all := slices.Compact(slices.Sorted(slices.Values(s.all)))
		s.room = max(s.room, len(all)) // it is kept whatever else is
		s.everything = s.set(all)
	}
	return s.everything
}
