package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// spec builds an object in one word: name=a,b,c has the fields f0=a …
func resource(kind, name string, values ...string) Resource {
	spec := map[string]any{}
	for i, value := range values {
		spec[fmt.Sprintf("f%d", i)] = value
	}
	object := map[string]any{"kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}
	return Resource{
		Identity: Identity{Kind: kind, Name: name}, Object: object, Digest: digest(fmt.Sprint(object)),
		Source: Source{File: name + ".yaml", Line: 1},
	}
}

func placed(destination, root string, r Resource) object {
	return object{&r, destination, []string{root}, true}
}

func unsure(o object) object { o.certain = false; return o }

func generated(o object, name string) object { o.Generated = name; return o }

func local(o object) object { o.Local = true; return o }

func show(all []Change) []string {
	var lines []string
	for _, c := range all {
		line := fmt.Sprintf("%s %s %s", c.Action, c.Destination, c.Resource().Name)
		if c.From != "" {
			line += " from " + c.From
		}
		if c.RenamedFrom != nil {
			line += " was " + c.RenamedFrom.Name
		}
		for _, field := range c.Fields {
			line += " " + field.Path.String()
		}
		lines = append(lines, line+" ["+strings.Join(c.Roots, " ")+"]")
	}
	return lines
}

func TestChanges(t *testing.T) {
	a, a2, b := resource("Pod", "a", "1"), resource("Pod", "a", "2"), resource("Pod", "b", "9")
	long := func(name, last string) Resource { return resource("Pod", name, "1", "2", "3", "4", last) }
	for name, test := range map[string]struct {
		base, head []object
		want       []string
	}{
		"create": {nil, []object{placed("d", "r", a)}, []string{"create d a [r]"}},
		"delete": {[]object{placed("d", "r", a)}, nil, []string{"delete d a [r]"}},
		"update": {[]object{placed("d", "r", a)}, []object{placed("d", "r", a2)}, []string{"update d a spec.f0 [r]"}},
		"equal":  {[]object{placed("d", "r", a)}, []object{placed("d", "r", a)}, nil},
		"another root of the destination": {
			[]object{placed("d", "r", a)}, []object{placed("d", "s", a)}, nil},
		"move": {[]object{placed("d", "r", a)}, []object{placed("e", "s", a)}, []string{"move e a from d [r s]"}},
		"move with a change": {
			[]object{placed("d", "r", a)}, []object{placed("e", "s", a2)}, []string{"move e a from d spec.f0 [r s]"}},
		"one left, two came": {
			[]object{placed("d", "r", a)}, []object{placed("e", "s", a), placed("f", "t", a)},
			[]string{"move e a from d [r s]", "create f a [t]"}},
		"same in two destinations": {
			[]object{placed("d", "r", a)}, []object{placed("d", "r", a), placed("e", "s", a)}, []string{"create e a [s]"}},
		"two roots, both": {
			[]object{placed("d", "r", a), placed("d", "s", a)}, []object{placed("d", "r", a2), placed("d", "s", a2)},
			[]string{"update d a spec.f0 [r s]"}},
		"two roots, one side differs": {
			[]object{placed("d", "r", a), placed("d", "s", a)}, []object{placed("d", "r", a), placed("d", "s", a2)},
			[]string{"update d a spec.f0 [r s]"}},
		"no form hides behind another": {
			[]object{placed("d", "r", a)},
			[]object{placed("d", "r", a2), placed("d", "s", resource("Pod", "a", "3")), placed("d", "t", a)},
			[]string{"update d a spec.f0 [r s t]", "update d a spec.f0 [r s t]"}},
		"created twice": {nil, []object{placed("d", "r", a), placed("d", "s", a)}, []string{"create d a [r s]"}},
		"generated name": {
			[]object{generated(placed("d", "r", resource("ConfigMap", "c-1", "x")), "c")},
			[]object{generated(placed("d", "r", resource("ConfigMap", "c-2", "y")), "c")},
			[]string{"update d c-2 was c-1 metadata.name spec.f0 [r]"}},
		"a name that only looks generated": {
			[]object{placed("d", "r", resource("ConfigMap", "c-1", "x"))},
			[]object{generated(placed("d", "r", resource("ConfigMap", "c-2", "y")), "c")},
			[]string{"delete d c-1 [r]", "create d c-2 [r]"}},
		"rename": {
			[]object{placed("d", "r", long("old", "5"))}, []object{placed("d", "r", long("new", "6"))},
			[]string{"create d new was old [r]", "delete d old [r]"}},
		"no rename below four fifths": {
			[]object{placed("d", "r", resource("Pod", "old", "1", "2", "3", "4"))},
			[]object{placed("d", "r", resource("Pod", "new", "1", "2", "3", "5"))},
			[]string{"create d new [r]", "delete d old [r]"}},
		"no rename across kinds or destinations": {
			[]object{placed("d", "r", long("old", "5")), placed("e", "r", long("older", "5"))},
			[]object{placed("d", "r", resource("Job", "new", "1", "2", "3", "4", "5"))},
			[]string{"create d new [r]", "delete d old [r]", "delete e older [r]"}},
		"the most alike is the former name, once": {
			[]object{placed("d", "r", long("o1", "5")), placed("d", "r", long("o2", "6"))},
			[]object{placed("d", "r", long("n1", "6")), placed("d", "r", long("n2", "6"))},
			[]string{"create d n1 was o2 [r]", "create d n2 was o1 [r]", "delete d o1 [r]", "delete d o2 [r]"}},
		"head unknown: nothing is deleted": {
			[]object{unsure(placed("d", "r", a)), placed("d", "s", b)}, nil, []string{"delete d b [s]"}},
		"base unknown: all is new": {
			[]object{placed("d", "s", a)}, []object{unsure(placed("d", "r", a)), placed("d", "s", a)},
			[]string{"create d a [r s]"}},
		"base unknown: nothing moved there": {
			[]object{placed("e", "s", a)}, []object{unsure(placed("d", "r", a))},
			[]string{"create d a [r]", "delete e a [s]"}},
		"a placeholder means the same in one root only": {
			[]object{placed("d", "r", resource("Pod", "${A}", "1")), placed("d", "s", resource("Pod", "${A}", "1"))},
			[]object{placed("d", "r", resource("Pod", "${A}", "2")), placed("e", "s", resource("Pod", "${A}", "1"))},
			[]string{"delete d ${A} [s]", "update d ${A} spec.f0 [r]", "create e ${A} [s]"}},
		"what was applied nowhere is applied now": {
			[]object{local(placed("d", "r", a))}, []object{placed("d", "r", a)}, []string{"create d a [r]", "delete d a [r]"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, show(changes(test.base, test.head))); diff != "" {
				t.Error(diff)
			}
			slices.Reverse(test.base)
			slices.Reverse(test.head)
			if diff := cmp.Diff(test.want, show(changes(test.base, test.head))); diff != "" {
				t.Errorf("in another order: %s", diff)
			}
		})
	}
}

func TestDuplicates(t *testing.T) {
	a, b := resource("Pod", "a", "1"), resource("Pod", "b", "1")
	got := duplicates([]object{
		placed("d", "s", a), placed("d", "r", a), placed("e", "r", a), placed("d", "r", b), placed("d", "r", b),
		placed("d", "r", resource("Pod", "${A}")), placed("d", "s", resource("Pod", "${A}")),
		local(placed("f", "r", a)), local(placed("f", "s", a)), placed("g", "r", a), local(placed("g", "r", a)),
	})
	want := []Duplicate{
		{"d", a.Identity, []string{"r", "s"}, []Source{a.Source, a.Source}},
		{"d", b.Identity, []string{"r"}, []Source{b.Source, b.Source}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFieldsAndLocate(t *testing.T) {
	at := func(line int, path ...any) Position { return Position{path, Source{"f.yaml", line}} }
	before := Resource{
		Object: map[string]any{"a": map[string]any{"gone": nil}, "l": []any{"x", "y"}},
		Source: Source{"b.yaml", 1}, Positions: []Position{at(7, "a", "gone")},
	}
	after := Resource{
		Object: map[string]any{"a": map[string]any{"new": nil}, "l": []any{"x", "z", "y"}},
		Source: Source{"f.yaml", 1}, Positions: []Position{at(2, "l"), at(3, "l", 0)},
	}
	want := []Field{
		{Path{"a", "gone"}, nil, Absent{}, Source{"f.yaml", 7}},
		{Path{"a", "new"}, Absent{}, nil, Source{"f.yaml", 1}},
		{Path{"l", 1}, Absent{}, "z", Source{"f.yaml", 2}},
	}
	if diff := cmp.Diff(want, fields(&before, &after)); diff != "" {
		t.Error(diff)
	}
	for path, line := range map[string]int{"l.0": 3, "l.0.x": 3, "l.1": 2, "q": 1, "": 1} {
		var steps Path
		for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
			if step == "0" || step == "1" {
				steps = append(steps, int(step[0]-'0'))
			} else {
				steps = append(steps, step)
			}
		}
		if got := after.Locate(steps); got.Line != line {
			t.Errorf("Locate(%s) = %v, want line %d", steps, got, line)
		}
	}
}

// drawSide draws what a side renders: at most one object per root and name.
func drawSide(t *rapid.T, label string) []object {
	found := map[string]object{}
	for i := range rapid.IntRange(0, 10).Draw(t, label) {
		draw := func(name string, of ...string) string {
			return rapid.SampledFrom(of).Draw(t, fmt.Sprintf("%s %d %s", label, i, name))
		}
		destination := draw("destination", "d", "e")
		root := destination + draw("root", "1", "2")
		r := resource(draw("kind", "Pod", "Job"), draw("name", "a", "b", "c"),
			draw("value", "1", "2"), draw("more", "1", "2"))
		found[root+r.Kind+r.Name] = placed(destination, root, r)
	}
	return slices.Collect(maps.Values(found))
}

func TestChangeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, head := drawSide(t, "base"), drawSide(t, "head")
		if same := changes(base, slices.Clone(base)); len(same) > 0 {
			t.Fatalf("a side differs from itself: %v", show(same))
		}
		all := changes(base, head)
		if again := changes(shuffled(t, base), shuffled(t, head)); !cmp.Equal(show(all), show(again)) {
			t.Fatalf("order matters: %v and %v", show(all), show(again))
		}
		back := count(changes(head, base))
		for action, reverse := range map[Action]Action{
			ActionCreate: ActionDelete, ActionUpdate: ActionUpdate, ActionMove: ActionMove,
		} {
			if count(all)[action] != back[reverse] {
				t.Fatalf("%s %d, but on the way back %s %d", action, count(all)[action], reverse, back[reverse])
			}
		}
		explained(t, base, head, all)
	})
}

// explained checks that exactly the places whose forms differ are named.
func explained(t *rapid.T, base, head []object, all []Change) {
	named := map[place]int{}
	for _, c := range all {
		named[place{destination: c.Destination, Identity: c.Resource().Identity}]++
		if c.From != "" {
			named[place{destination: c.From, Identity: c.Resource().Identity}]++
		}
	}
	before, after := byPlace(base), byPlace(head)
	for p := range maps.Keys(maps.Collect(func(yield func(place, bool) bool) {
		for _, o := range slices.Concat(base, head) {
			if !yield(o.place(), true) {
				return
			}
		}
	})) {
		onlyOnce := len(before[p]) <= 1 && len(after[p]) <= 1
		differs := !slices.Equal(forms(before[p]), forms(after[p]))
		if differs != (named[p] > 0) || onlyOnce && named[p] > 1 {
			t.Fatalf("%v: differs %v, named %d times in %v", p, differs, named[p], show(all))
		}
	}
}

func forms(objects []object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.Digest)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func count(all []Change) map[Action]int {
	counts := map[Action]int{}
	for _, c := range all {
		counts[c.Action]++
	}
	return counts
}

func shuffled(t *rapid.T, objects []object) []object {
	return rapid.Permutation(slices.Clone(objects)).Draw(t, "order")
}

// One name thousands of times must not cost the square of it.
func TestManyFormsOfOneObject(t *testing.T) {
	var base, head []object
	for i := range 20_000 {
		base = append(base, placed("d", "r", resource("Pod", "a", fmt.Sprint(i))))
		head = append(head, placed("d", "r", resource("Pod", "a", fmt.Sprint(-i-1))))
	}
	if all := changes(base, head); len(all) != 20_000 {
		t.Errorf("%d changes", len(all))
	}
}
