package git

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// crossed is a repository with a criss-cross merge: left and right merged
// each other's first commit.
func crossed(t *testing.T) *fixture {
	t.Helper()
	f := branches(t, []string{"a", "1\n"}, []string{"l", "1\n"}, []string{"r", "1\n"})
	f.git("tag", "right1", "topic")
	f.git("tag", "left1", "main")
	f.git("merge", "-q", "-m", "cross", "left1")
	f.git("checkout", "-q", "main")
	f.git("merge", "-q", "-m", "cross", "right1")
	return f
}

func TestRangeAndContains(t *testing.T) {
	f := crossed(t)
	r := open(t, f.dir, Options{})
	root, left, right := mustCommit(t, r, "left1~1"), mustCommit(t, r, "left1"), mustCommit(t, r, "right1")
	main := mustCommit(t, r, "main")
	got, err := r.Range(t.Context(), root, main, 0)
	if err != nil || len(got) != 3 || got[2].ID != main.ID || !slices.Equal(got[2].Parents, main.Parents) ||
		got[2].Tree != main.Tree {
		t.Errorf("range %v, %v", got, err)
	}
	if got, err := r.Range(t.Context(), Commit{ID: strings.Repeat("0", 40)}, main, 0); err == nil {
		t.Errorf("a range from nothing: %v", got)
	}
	if got, err := r.Range(t.Context(), Commit{}, main, 0); err == nil {
		t.Errorf("a range from the zero commit: %v", got)
	}
	var more *RangeError
	if _, err := r.Range(t.Context(), root, main, 2); !errors.As(err, &more) || !strings.Contains(err.Error(), "more than 2") {
		t.Errorf("error %v", err)
	}
	for _, c := range []struct {
		head, ancestor Commit
		want           bool
	}{{main, left, true}, {main, right, true}, {left, right, false}, {root, main, false}, {root, root, true}} {
		if got, err := r.Contains(t.Context(), c.head.ID, c.ancestor.ID); got != c.want || err != nil {
			t.Errorf("%v contains %v: %v, %v", c.head, c.ancestor, got, err)
		}
	}
	for _, id := range []string{"main", "", strings.Repeat("1", 40)} {
		if got, err := r.Contains(t.Context(), main.ID, id); got || err == nil {
			t.Errorf("contains %q: %v, %v", id, got, err)
		}
	}
	if _, err := r.Range(cancelled(t), root, main, 0); err == nil {
		t.Error("a cancelled range")
	}
}

func TestMergeBasesOfACrissCross(t *testing.T) {
	f := crossed(t)
	r := open(t, f.dir, Options{})
	got, err := r.MergeBases(t.Context(), mustCommit(t, r, "main"), mustCommit(t, r, "topic"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range got {
		ids = append(ids, c.ID)
	}
	for _, name := range []string{"left1", "right1", "left1~1"} {
		if !slices.Contains(ids, mustCommit(t, r, name).ID) {
			t.Errorf("%s is not among %v", name, ids)
		}
	}
	if len(ids) != 3 {
		t.Errorf("merge bases %v", ids)
	}
}

func TestAbsentAndKnown(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "one\n", "b/c", "two\n")
	first := f.git("rev-parse", "HEAD^{tree}")
	f.commit("a", "three\n", "d", "four\n")
	second := f.git("rev-parse", "HEAD^{tree}")
	lost := map[string]string{}
	for _, name := range []string{"HEAD:b/c", "HEAD:a", "HEAD~1:a"} {
		id := f.git("rev-parse", name)
		lost[name] = id
		if err := os.Remove(filepath.Join(f.dir, ".git/objects", id[:2], id[2:])); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, f.dir, Options{})
	for _, c := range []struct{ trees, except, want []string }{
		{[]string{second}, nil, []string{lost["HEAD:b/c"], lost["HEAD:a"]}},
		{[]string{second}, []string{first}, []string{lost["HEAD:a"]}},
		{[]string{first, second}, nil, []string{lost["HEAD:b/c"], lost["HEAD:a"], lost["HEAD~1:a"]}},
		{[]string{first}, []string{first}, nil},
	} {
		got, err := r.Absent(t.Context(), c.trees, c.except)
		if slices.Sort(c.want); !slices.Equal(got, c.want) || err != nil {
			t.Errorf("absent %v, %v, want %v", got, err, c.want)
		}
	}
	for _, id := range []string{"HEAD", "--all", strings.Repeat("1", 40)} {
		if got, err := r.Absent(t.Context(), []string{id}, nil); err == nil {
			t.Errorf("absent of %q: %v", id, got)
		}
	}
	head := f.git("rev-parse", "HEAD")
	if c, known, err := r.Known(t.Context(), head); !known || err != nil || c.Tree != second {
		t.Errorf("known %v, %v, %v", c, known, err)
	}
	if _, known, err := r.Known(t.Context(), strings.Repeat("1", 40)); known || err != nil {
		t.Errorf("known %v, %v", known, err)
	}
	for _, id := range []string{second, "HEAD"} {
		if _, known, err := r.Known(t.Context(), id); known || err == nil {
			t.Errorf("%s is known as a commit: %v", id, err)
		}
	}
}
