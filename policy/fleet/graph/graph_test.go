package graph

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSolve compares with a walk from each seed over every edge.
func TestSolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "vertices")
		vertex := rapid.Int32Range(0, int32(n-1))
		var g Graph
		for range n {
			g.Vertex()
		}
		next := make([][]int32, n)
		for range rapid.IntRange(0, 30).Draw(t, "edges") {
			from, to := vertex.Draw(t, "from"), vertex.Draw(t, "to")
			g.Edge(from, to)
			next[from] = append(next[from], to)
		}
		want := make([][]int32, n)
		for id := range rapid.Int32Range(0, 5).Draw(t, "seeds") {
			start := vertex.Draw(t, "seed")
			g.Seed(start, id)
			seen := map[int32]bool{}
			var walk func(v int32)
			walk = func(v int32) {
				if seen[v] {
					return
				}
				seen[v] = true
				want[v] = append(want[v], id)
				for _, w := range next[v] {
					walk(w)
				}
			}
			walk(start)
		}
		for v, set := range g.Solve() {
			var got []int32
			if set != nil {
				got = set.IDs
			}
			if !slices.Equal(got, want[v]) {
				t.Fatalf("vertex %d: got %v, want %v", v, got, want[v])
			}
		}
	})
}

func TestSharedSets(t *testing.T) {
	var g Graph
	hub := g.Vertex()
	for i := range int32(1000) {
		v := g.Vertex()
		g.Seed(v, i)
		g.Edge(v, hub)
	}
	one, two := g.Vertex(), g.Vertex()
	g.Edge(hub, one)
	g.Edge(hub, two)
	sets := g.Solve()
	if sets[one] != sets[two] || sets[one] != sets[hub] || len(sets[hub].IDs) != 1000 {
		t.Error("vertices behind a hub do not share its set")
	}
}

// TestBudget would see a set that silently lost seeds.
func TestBudget(t *testing.T) {
	g := Graph{Budget: 1}
	a, b, both := g.Vertex(), g.Vertex(), g.Vertex()
	other := g.Vertex()
	g.Seed(a, 1)
	g.Seed(b, 2)
	g.Seed(other, 3)
	g.Edge(a, both)
	g.Edge(b, both)
	if got := g.Solve()[both].IDs; !slices.Equal(got, []int32{1, 2, 3}) {
		t.Errorf("past the budget: got %v, want all seeds", got)
	}
}

func TestLongChain(t *testing.T) {
	var g Graph
	last := g.Vertex()
	g.Seed(last, 7)
	for range 200_000 {
		v := g.Vertex()
		g.Edge(last, v)
		last = v
	}
	if got := g.Solve()[last]; got == nil || !slices.Equal(got.IDs, []int32{7}) {
		t.Errorf("end of chain: got %v", got)
	}
}

// TestEqualSetsAreOne would see sets that are equal but stored twice, which
// costs the product of seeds and vertices.
func TestEqualSetsAreOne(t *testing.T) {
	var g Graph
	seeds := []int32{g.Vertex(), g.Vertex(), g.Vertex()}
	for i, v := range seeds {
		g.Seed(v, int32(i))
	}
	one, two := g.Vertex(), g.Vertex()
	for _, v := range seeds {
		g.Edge(v, one)
		g.Edge(v, two)
	}
	if sets := g.Solve(); sets[one] != sets[two] {
		t.Error("equal sets are not one")
	}
}

// TestRoom makes sets that differ each from each: past what may be kept, they
// are that of all seeds, and the sum stays bounded.
func TestRoom(t *testing.T) {
	const n = 500
	g := Graph{Budget: 1_000_000}
	for i := range int32(n) {
		g.Seed(g.Vertex(), i)
	}
	for i := range int32(n) {
		v := g.Vertex()
		for j := range int32(n) {
			if j != i {
				g.Edge(j, v)
			}
		}
	}
	kept, all := map[*Set]bool{}, 0
	for v, set := range g.Solve()[n:] {
		kept[set] = true
		if len(set.IDs) == n {
			all++
		} else if len(set.IDs) != n-1 || slices.Contains(set.IDs, int32(v)) {
			t.Fatalf("vertex %d has %d seeds", v, len(set.IDs))
		}
	}
	sum := 0
	for set := range kept {
		sum += len(set.IDs)
	}
	if sum > 1_000_000/16+n || all == 0 || all == n {
		t.Errorf("%d numbers kept, %d of %d vertices have all", sum, all, n)
	}
}
