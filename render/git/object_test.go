package git

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

// Whatever bytes come, the parser accepts only what git would write: written
// again, an accepted tree has the same bytes, but for the old file mode.
func FuzzParseTree(f *testing.F) {
	id := strings.Repeat("\x01", 20)
	f.Add([]byte("100644 a\x00" + id + "40000 b\x00" + id))
	f.Add([]byte("40000 ..\x00" + id))
	f.Add([]byte("100644 a\x00" + id + "100644 a\x00" + id))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := parseTree("x", content, sha1Hex)
		if err != nil {
			return
		}
		if !slices.IsSortedFunc(entries, compareEntries) {
			t.Error("not sorted")
		}
		for i, e := range entries {
			if badName(e.Name) != "" || strings.ContainsAny(e.Name, "/\x00") || i > 0 && entries[i-1].Name == e.Name {
				t.Errorf("name %q", e.Name)
			}
		}
		normal := strings.ReplaceAll(string(content), "100664 ", "100644 ")
		if strings.Contains(string(content), "100664 ") {
			return
		}
		if got := treeID(entries); got != objectID("tree", []byte(normal)) {
			t.Errorf("written again it is %s", got)
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add([]byte("tree " + id + "\nparent " + id + "\nauthor A\n\nparent " + id + "\n"))
	f.Add([]byte("tree " + id + "\nauthor A\nparent " + id + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := parseCommit(id, content)
		if err == nil && (!isID(c.Tree) || slices.ContainsFunc(c.Parents, func(p string) bool { return !isID(p) })) {
			t.Errorf("%+v", c)
		}
	})
}

func TestTheCacheForgetsWhatWasNotUsed(t *testing.T) {
	c := newCache(10 * (overhead + 100))
	for _, id := range strings.Split("abcdefghij", "") {
		c.put(id, id, 100)
	}
	c.value("a")
	c.put("k", "k", 100)
	c.put("huge", "huge", c.limit)
	for id, want := range map[string]any{"a": "a", "b": nil, "k": "k", "huge": nil} {
		if got := c.value(id); got != want {
			t.Errorf("%s: %v", id, got)
		}
	}
	if c.cost > c.limit || len(c.byID) != c.order.Len() {
		t.Errorf("cost %d of %d", c.cost, c.limit)
	}
}

func BenchmarkWalk(b *testing.B) {
	f := newFixture(b)
	var fast strings.Builder
	fast.WriteString("commit refs/heads/large\ncommitter C <c@example.com> 0 +0000\ndata 0\n")
	for i := range 20_000 {
		path := "clusters/region-" + string(rune('a'+i%20)) + "/c" + strings.Repeat("x", i%7) + string(rune('a'+i/20%26))
		text := strings.Repeat("key: value\n", 40) + path
		fast.WriteString("M 100644 inline " + path + "/f" + decimal(i) + ".yaml\ndata " +
			decimal(len(text)) + "\n" + text + "\n")
	}
	f.gitInput(fast.String(), "fast-import", "--quiet")
	walk := func(b *testing.B, tree render.Tree) {
		if got := len(files(b, tree)); got != 20_000 {
			b.Fatalf("%d files", got)
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			r := open(b, f.dir, Options{})
			walk(b, r.Tree(mustCommit(b, r, "large").Tree))
		}
	})
	b.Run("warm", func(b *testing.B) {
		r := open(b, f.dir, Options{})
		tree := r.Tree(mustCommit(b, r, "large").Tree)
		walk(b, tree)
		for b.Loop() {
			walk(b, tree)
		}
	})
}
