package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestValues(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []string
	}{
		"equal":              {`{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
		"scalar":             {`{"a":1}`, `{"a":2}`, []string{"~a 1>2"}},
		"type":               {`{"a":1}`, `{"a":"1"}`, []string{`~a 1>"1"`}},
		"null is not absent": {`{"a":null}`, `{}`, []string{"-a null"}},
		"null is not empty":  {`{"a":null}`, `{"a":{}}`, []string{"~a null>{}"}},
		"nil is not a list":  {`{"a":null}`, `{"a":[]}`, []string{"~a null>[]"}},
		"insertion by name":  {`[{"name":"b","v":1}]`, `[{"name":"a"},{"name":"b","v":1}]`, []string{`+0 {"name":"a"}`}},
		"removal by name": {
			`[{"name":"a"},{"name":"b","v":1}]`,
			`[{"name":"b","v":2}]`, []string{`-0 {"name":"a"}`, "~0.v 1>2"}},
		"rename by name": {
			`[{"name":"a","v":1}]`,
			`[{"name":"b","v":1}]`, []string{`-0 {"name":"a","v":1}`, `+0 {"name":"b","v":1}`}},
		"reorder is not lost": {`[{"name":"a"},{"name":"b"}]`, `[{"name":"b"},{"name":"a"}]`, []string{"~0.name"}},
		"files by path": {
			`[{"path":"/a","c":"x"}]`,
			`[{"path":"/0","c":"y"},{"path":"/a","c":"x"}]`, []string{`+0 {"c":"y","path":"/0"}`}},
		"name twice, so index": {
			`[{"name":"a","v":1},{"name":"a","v":2}]`,
			`[{"name":"a","v":1},{"name":"a","v":3}]`, []string{"~1.v 2>3"}},
		"name twice, but path": {
			`[{"name":"a","mountPath":"/1"},{"name":"a","mountPath":"/2"}]`,
			`[{"name":"a","mountPath":"/2"}]`, []string{`-0`}},
		"key 1 is not \"1\"": {`[{"name":1,"v":1}]`, `[{"name":"1","v":1}]`, []string{"-0", "+0"}},
		"scalars: insertion": {`["a","b","c"]`, `["a","x","b","c"]`, []string{`+1 "x"`}},
		"scalars: removal":   {`["a","b","c"]`, `["a","c"]`, []string{`-1 "b"`}},
		"scalars: change":    {`["a","b","c"]`, `["a","x","c"]`, []string{`~1 "b">"x"`}},
		"grown and changed":  {`["a","b","z"]`, `["a","x","y","z"]`, []string{`~1 "b">"x"`, `+2 "y"`}},
		"shrunk and changed": {`["a","x","y","z"]`, `["a","b","z"]`, []string{`-2 "y"`, `~1 "x">"b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, edit := range Values(parse(t, test.before), parse(t, test.after)) {
				got = append(got, show(edit))
			}
			if len(got) != len(test.want) && name != "reorder is not lost" || len(got) < len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("edit %d is %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

func TestSimilarity(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want float64
	}{
		{`{"a":1,"b":[1,2],"c":{}}`, `{"a":1,"b":[1,2],"c":{}}`, 1},
		{`{"a":1,"b":2,"c":3,"d":4,"e":5}`, `{"a":1,"b":2,"c":3,"d":4,"e":6}`, 0.8},
		{`{"a":"1"}`, `{"a":1}`, 0},
		{`{"a":{"b":1}}`, `{"b":{"a":1}}`, 0},
		{`null`, `null`, 1},
		{`{"x":null}`, `{"x":{}}`, 0},
	} {
		a, b := LeavesOf(parse(t, test.a)), LeavesOf(parse(t, test.b))
		if got := Similarity(a, b); got != test.want || got != Similarity(b, a) {
			t.Errorf("Similarity(%s, %s) = %v, want %v both ways", test.a, test.b, got, test.want)
		}
	}
	if Similarity(Leaves{}, Leaves{}) != 0 {
		t.Error("nothing is similar to nothing")
	}
}

func TestEditsTurnBeforeIntoAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := values(3).Draw(t, "before")
		after := values(3).Draw(t, "after")
		check(t, before, after)
		if edits := Values(after, after); edits != nil {
			t.Fatalf("a value differs from itself: %v", edits)
		}
		if len(Values(before, after)) == 0 != cmp.Equal(before, after, cmpopts.EquateEmpty()) && cmp.Equal(before, after) {
			t.Fatal("edits between equal values")
		}
	})
}

func FuzzListDiff(f *testing.F) {
	f.Add(`[{"name":"a","x":1},{"name":"b"}]`, `[{"name":"c"},{"name":"a","x":2}]`)
	f.Add(`[1,2,3]`, `[3,2,1,0]`)
	f.Add(`[{"path":"a"},{"path":"b"}]`, `[{"path":"b"},{"path":"a"},null,[]]`)
	f.Fuzz(func(t *testing.T, a, b string) {
		before, after := decode(a), decode(b)
		check(t, before, after)
		check(t, []any{before, after}, []any{after, before, before})
	})
}

type fataler interface{ Fatalf(string, ...any) }

func check(t fataler, before, after any) {
	edits := Values(before, after)
	for _, edit := range edits {
		if edit.Added && edit.Removed {
			t.Fatalf("added and removed at once: %v", edit)
		}
	}
	if got := apply(before, after, edits); !cmp.Equal(got, after) {
		t.Fatalf("before %s\nafter  %s\nedits  %s\ngot    %s", text(before), text(after), text(edits), text(got))
	}
}

// apply performs edits as their documentation says. After is looked at for
// nothing but the shape of the root.
func apply(before, _ any, edits []Edit) any {
	if len(edits) == 0 {
		return before
	}
	if len(edits[0].Path) == 0 {
		return edits[0].After
	}
	if object, ok := before.(map[string]any); ok {
		return applyObject(object, edits)
	}
	return applyList(before.([]any), edits)
}

func applyObject(object map[string]any, edits []Edit) any {
	result := maps.Clone(object)
	for step, inner := range grouped(edits) {
		key := step.(string)
		switch edit := inner[0]; {
		case len(edit.Path) == 0 && edit.Added:
			result[key] = edit.After
		case len(edit.Path) == 0 && edit.Removed:
			delete(result, key)
		default:
			result[key] = apply(result[key], nil, inner)
		}
	}
	return result
}

func applyList(list []any, edits []Edit) any {
	removed, added, changed := map[int]bool{}, map[int]any{}, map[int][]Edit{}
	for _, edit := range edits {
		index := edit.Path[0].(int)
		switch {
		case len(edit.Path) == 1 && edit.Removed:
			removed[index] = true
		case len(edit.Path) == 1 && edit.Added:
			added[index] = edit.After
		default:
			edit.Path = edit.Path[1:]
			changed[index] = append(changed[index], edit)
		}
	}
	result := []any{}
	for i, element := range list {
		if !removed[i] {
			result = append(result, element)
		}
	}
	for _, index := range slices.Sorted(maps.Keys(added)) {
		result = slices.Insert(result, index, added[index])
	}
	for index, inner := range changed {
		result[index] = apply(result[index], nil, inner)
	}
	return result
}

func grouped(edits []Edit) map[any][]Edit {
	groups := map[any][]Edit{}
	for _, edit := range edits {
		step := edit.Path[0]
		edit.Path = edit.Path[1:]
		groups[step] = append(groups[step], edit)
	}
	return groups
}

func values(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 8).Draw(t, "kind")
		switch {
		case depth > 0 && kind < 3:
			return rapid.MapOfN(rapid.SampledFrom([]string{"name", "path", "x", "y"}), values(depth-1), 0, 3).Draw(t, "map")
		case depth > 0 && kind < 6:
			return append([]any{}, rapid.SliceOfN(values(depth-1), 0, 5).Draw(t, "list")...)
		}
		return rapid.SampledFrom([]any{nil, true, "", "a", "b", "c", json.Number("1"), json.Number("2")}).Draw(t, "leaf")
	}).AsAny().Filter(func(any) bool { return true })
}

func parse(t *testing.T, text string) any {
	t.Helper()
	value := decode(text)
	if value == nil && text != "null" {
		t.Fatalf("not JSON: %s", text)
	}
	return value
}

func decode(text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

func show(edit Edit) string {
	var steps []string
	for _, step := range edit.Path {
		steps = append(steps, fmt.Sprint(step))
	}
	path := strings.Join(steps, ".")
	switch {
	case edit.Added:
		return "+" + path + " " + text(edit.After)
	case edit.Removed:
		return "-" + path + " " + text(edit.Before)
	}
	return "~" + path + " " + text(edit.Before) + ">" + text(edit.After)
}
