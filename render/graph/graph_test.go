package graph

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLooks(t *testing.T) {
	var l Looks
	if l.See("a") || l.See("") {
		t.Error("the zero Looks sees")
	}
	l.At("a/b")
	l.Below("c/d")
	for name, want := range map[string]bool{
		"a/b": true, "a": false, "a/b/c": false, "c/d": true, "c/d/e/f": true, "c": false, "c/dd": false, "": false,
	} {
		if l.See(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	var all Looks
	all.Add(l)
	all.Below("")
	if !all.See("x/y") || l.See("x/y") {
		t.Error("Add shares memory, or the top is not above everything")
	}
	var unknown Looks
	unknown.Anything()
	l.Add(unknown)
	if !l.See("x") {
		t.Error("Anything is lost")
	}
}

func TestNames(t *testing.T) {
	own := []string{"a", "b", "c", "d"}
	for name, test := range map[string]struct {
		namers [][]Namer
		want   [][]string
	}{
		"nobody":       {[][]Namer{{}, {}, {}, {}}, [][]string{{"a"}, {"b"}, {"c"}, {"d"}}},
		"itself":       {[][]Namer{{{0, ""}}, {{1, "x"}}, {}, {}}, [][]string{{"a"}, {"b"}, {"c"}, {"d"}}},
		"chain":        {[][]Namer{{}, {{0, ""}}, {{1, "k"}}, {{2, ""}}}, [][]string{{"a"}, {"a"}, {"a → k"}, {"a → k"}}},
		"two, one way": {[][]Namer{{}, {}, {{1, ""}, {0, ""}, {1, ""}}, {}}, [][]string{{"a"}, {"b"}, {"a", "b"}, {"d"}}},
		"circle":       {[][]Namer{{{1, "k"}}, {{0, "k"}}, {}, {}}, [][]string{{"b → k"}, {"b"}, {"c"}, {"d"}}},
	} {
		if diff := cmp.Diff(test.want, Names(own, test.namers)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Many namers and long chains of names must not grow without bound.
func TestNamesAreBounded(t *testing.T) {
	const n = 2000
	own, namers := make([]string, n), make([][]Namer, n)
	for i := range n {
		own[i] = fmt.Sprint(i)
		for back := 1; back <= 3 && back <= i; back++ {
			namers[i] = append(namers[i], Namer{i - back, fmt.Sprint("kubeconfig", back)})
		}
	}
	for i, names := range Names(own, namers) {
		if len(names) > maxNames {
			t.Fatalf("%d has %d names", i, len(names))
		}
		for _, name := range names {
			if len(name) > maxName {
				t.Fatalf("%d has a name of %d bytes", i, len(name))
			}
		}
	}
}

// Many changes at once are seen as each of them alone.
func TestSeeAnyAgreesWithSee(t *testing.T) {
	places := rapid.SampledFrom([]string{"", "a", "b", "a/b", "a/c", "a/b/c", "a/b/d", "ab"})
	files := places.Filter(func(name string) bool { return name != "" })
	rapid.Check(t, func(t *rapid.T) {
		var l Looks
		for _, name := range rapid.SliceOfN(files, 0, 2).Draw(t, "at") {
			l.At(name)
		}
		for _, name := range rapid.SliceOfN(places, 0, 1).Draw(t, "below") {
			l.Below(name)
		}
		if rapid.IntRange(0, 5).Draw(t, "anything") == 0 {
			l.Anything()
		}
		changed := rapid.SliceOfN(files, 0, 3).Draw(t, "changed")
		if got, want := l.SeeAny(NewChanges(changed)), slices.ContainsFunc(changed, l.See); got != want {
			t.Fatalf("of %q: %v, one by one %v", changed, got, want)
		}
	})
}

// The three questions must not contradict one another, circles included.
func TestAnswersAgree(t *testing.T) {
	places := rapid.SampledFrom([]string{"a", "b", "c", "d", "a/b"})
	rapid.Check(t, func(t *rapid.T) {
		g := Graph{}
		for range rapid.IntRange(1, 5).Draw(t, "nodes") {
			g[places.Draw(t, "node")] = &Node{}
		}
		for _, dir := range slices.Sorted(maps.Keys(g)) {
			for _, to := range rapid.SliceOfN(places, 0, 3).Draw(t, "links") {
				g[dir].Links = append(g[dir].Links, Link{To: to, Node: g[to] != nil})
			}
			for _, name := range rapid.SliceOfN(places, 0, 2).Draw(t, "looks") {
				g[dir].Looks.At(name)
			}
		}
		name := places.Draw(t, "changed")
		touched := g.Touched(NewChanges([]string{name}))
		for dir := range g {
			looks := g.LooksOf(dir)
			chain, found := g.Chain(dir, name)
			if looks.See(name) != touched[dir] || found != touched[dir] {
				t.Fatalf("%s: looks %v, touched %v, chain %v", dir, looks.See(name), touched[dir], found)
			}
			at := dir
			for i, link := range chain {
				if i < len(chain)-1 && !slices.Contains(g[at].Links, link) {
					t.Fatalf("chain %v of %s leaves the graph at %s", chain, dir, at)
				}
				at = link.To
			}
			if found && at != name {
				t.Fatalf("chain %v leads to %s", chain, at)
			}
		}
	})
}
