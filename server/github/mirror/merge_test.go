package mirror_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// expected is the tree that git merges at GitHub, where all objects are.
func (w *world) expected(base, head string) string {
	w.t.Helper()
	return w.git("", "merge-tree", "--write-tree", base, head)
}

func TestMergeFetchesThreeSidesInOneBatch(t *testing.T) {
	w := newWorld(t)
	fork := w.child(w.root, map[string]string{"b.yaml": lines(20, 9), "c.yaml": lines(30), "d.yaml": lines(40)})
	base := w.child(fork, map[string]string{"b.yaml": lines(20, 9, 2), "c.yaml": lines(30, 2), "d.yaml": lines(40, 1)})
	head := w.child(fork, map[string]string{"b.yaml": lines(20, 9, 17), "c.yaml": lines(30, 22), "n.yaml": "n: 1\n"})
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 1, base, head)
	var merged git.Merged
	w.wants(1, "a merge of contents", func() {
		merged = must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
	})
	if want := w.expected(base, head); merged.Tree != want {
		t.Errorf("merged %v, want the tree %s", merged, want)
	}
	if got := files(t, m, merged.Tree); len(got) != 5 || got["b.yaml"] != lines(20, 9, 2, 17) || got["n.yaml"] != "n: 1\n" {
		t.Errorf("merged files %v", slices.Sorted(maps.Keys(got)))
	}
	w.wants(0, "it again", func() { must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head))) })
}

func TestMergeWithoutContentsFetchesNothing(t *testing.T) {
	w := newWorld(t)
	head := w.child(w.root, map[string]string{"n.yaml": "n: 1\n"})
	base := w.child(w.root, map[string]string{"o.yaml": "o: 1\n"})
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 0, w.root)
	w.bring(m, 1, base, head)
	w.wants(0, "merges", func() {
		for _, c := range [][3]string{{w.root, head, head}, {head, w.root, head}, {head, head, head}} {
			merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, c[0]), w.at(m, c[1])))
			if merged.Tree != w.at(m, c[2]).Tree {
				t.Errorf("%s into %s: %v", c[1], c[0], merged)
			}
		}
		merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
		if got := files(t, m, merged.Tree); len(got) != 4 {
			t.Errorf("merged files %v", got)
		}
	})
}

func TestMergeSaysConflicts(t *testing.T) {
	w := newWorld(t)
	base := w.child(w.root, map[string]string{"b.yaml": lines(20) + "base\n", "a/one.yaml": "one: 2\n"})
	head := w.child(w.root, map[string]string{"b.yaml": lines(20) + "head\n", "ok.yaml": "x\n"}, "a/one.yaml")
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 1, base, head)
	merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
	if diff := cmp.Diff(git.Merged{Conflicts: []string{"a/one.yaml", "b.yaml"}}, merged); diff != "" {
		t.Error(diff)
	}
}

func TestMergeFollowsRenames(t *testing.T) {
	w := newWorld(t)
	fork := w.child(w.root, map[string]string{"x/long.yaml": lines(60), "x/other.yaml": lines(50)})
	base := w.child(fork, map[string]string{"x/long.yaml": lines(60, 2)})
	head := w.child(fork, map[string]string{"y/moved.yaml": lines(60, 50)}, "x/long.yaml")
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 1, base, head)
	w.wants(1, "a merge over a rename", func() {
		merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
		if want := w.expected(base, head); merged.Tree != want {
			t.Errorf("merged %v, want the tree %s", merged, want)
		}
	})
}

func TestMergeCrissCross(t *testing.T) {
	w := newWorld(t)
	a := w.child(w.root, map[string]string{"b.yaml": lines(20, 2)})
	b := w.child(w.root, map[string]string{"b.yaml": lines(20, 17)})
	crossed := w.expected(a, b)
	ab := w.commit(githubtest.Commit{Parents: []string{a, b}, Tree: crossed})
	ba := w.commit(githubtest.Commit{Parents: []string{b, a}, Tree: crossed})
	base := w.child(ab, map[string]string{"b.yaml": lines(20, 2, 17, 9), "z.yaml": "z\n"})
	head := w.child(ba, map[string]string{"b.yaml": w.git("", "show", crossed+":b.yaml") + "\nend\n"})
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 1, base, head)
	w.wants(1, "a criss-cross merge", func() {
		merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
		if merged.Tree != "" && merged.Tree != w.expected(base, head) || merged.Tree == "" && merged.Conflicts == nil {
			t.Errorf("merged %v", merged)
		}
	})
	if got := w.at(m, ab); must[git.Commit](t)(m.MergeBase(t.Context(), w.at(m, base), got)).ID != ab {
		t.Error("the base of base and an ancestor of it is not that ancestor")
	}
}

func TestMergeOfStrangers(t *testing.T) {
	w := newWorld(t)
	other := w.commit(githubtest.Commit{Files: map[string]string{"x.yaml": "x: 1\n"}, Message: "another root"})
	w.push("change", other)
	m := w.mirror()
	w.bring(m, 1, w.root, other)
	var none *git.NoMergeBaseError
	if _, err := m.Merge(t.Context(), w.at(m, w.root), w.at(m, other)); !errors.As(err, &none) {
		t.Errorf("error %v", err)
	}
}

func TestNeutral(t *testing.T) {
	w := newWorld(t)
	base := w.child(w.root, map[string]string{"b.yaml": lines(20, 2)})
	head := w.child(w.root, map[string]string{"b.yaml": lines(20, 17), "n.yaml": "n\n"})
	merged := w.expected(head, base)
	conflicting := w.child(w.root, map[string]string{"b.yaml": "all\n"})
	strangers := w.commit(githubtest.Commit{Files: map[string]string{"q": "q"}, Message: "root"})
	more := w.git(w.git("", "ls-tree", merged)+"\n100644 blob "+w.git("more", "hash-object", "-w", "--stdin")+"\tmore\n", "mktree")
	evil := w.git("100644 blob "+w.git("evil", "hash-object", "-w", "--stdin")+"\tevil.yaml\n", "mktree")
	for _, c := range []struct {
		name   string
		commit githubtest.Commit
		want   bool
	}{
		{"update branch", githubtest.Commit{Parents: []string{head, base}, Tree: merged}, true},
		{"merged the other way", githubtest.Commit{Parents: []string{base, head}, Tree: merged}, true},
		{"a line more", githubtest.Commit{Parents: []string{head, base}, Tree: more}, false},
		{"another tree", githubtest.Commit{Parents: []string{head, base}, Tree: evil}, false},
		{"only one side", githubtest.Commit{Parents: []string{head, base}, Tree: head}, false},
		{"one parent", githubtest.Commit{Parents: []string{head}, Tree: head}, false},
		{"three parents", githubtest.Commit{Parents: []string{head, base, w.root}, Tree: merged}, false},
		{"a conflict resolved", githubtest.Commit{Parents: []string{conflicting, base}, Tree: base}, false},
		{"of strangers", githubtest.Commit{Parents: []string{head, strangers}, Tree: head}, false},
		{"already contained", githubtest.Commit{Parents: []string{head, w.root}, Tree: head}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sha := w.commit(c.commit)
			w.push("change", sha)
			m := w.mirror()
			w.bring(m, 1, sha)
			var got bool
			n := w.fetches(func() { got = must[bool](t)(m.Neutral(t.Context(), sha)) })
			if got != c.want || n > 1 {
				t.Errorf("neutral %v with %d fetches, want %v", got, n, c.want)
			}
		})
	}
}

func TestRangeIsOverAllParents(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	a := w.child(w.root, map[string]string{"a": "1"})
	side := w.child(w.root, map[string]string{"s": "1"})
	merge := w.commit(githubtest.Commit{Parents: []string{a, side}, Tree: a})
	head := w.child(merge, map[string]string{"h": "1"})
	w.push("change", head)
	w.bring(m, 1, w.root, head)
	base, top := w.at(m, w.root), w.at(m, head)
	got := must[[]git.Commit](t)(m.Range(t.Context(), base, top, 0))
	if len(got) != 4 || got[2].ID != merge || got[3].ID != head || !slices.Equal(got[2].Parents, []string{a, side}) {
		t.Errorf("range %v", got)
	}
	for _, c := range got {
		if diff := cmp.Diff(w.at(m, c.ID), c); diff != "" {
			t.Errorf("a commit of the range differs: %s", diff)
		}
	}
	must[[]git.Commit](t)(m.Range(t.Context(), base, top, 4))
	var more *git.RangeError
	if _, err := m.Range(t.Context(), base, top, 3); !errors.As(err, &more) {
		t.Errorf("a range of 4 with at most 3: %v", err)
	}
	if got := must[[]git.Commit](t)(m.Range(t.Context(), top, top, 0)); len(got) != 0 {
		t.Errorf("an empty range: %v", got)
	}
	if got := must[[]git.Commit](t)(m.Range(t.Context(), top, base, 0)); len(got) != 0 {
		t.Errorf("a range backwards: %v", got)
	}
	for _, c := range []struct {
		head, ancestor string
		want           bool
	}{{head, w.root, true}, {head, side, true}, {head, head, true}, {a, side, false}, {w.root, head, false}} {
		if got := must[bool](t)(m.Contains(t.Context(), c.head, c.ancestor)); got != c.want {
			t.Errorf("%s contains %s: %v", c.head, c.ancestor, got)
		}
	}
	unseen := w.child(head, map[string]string{"u": "1"})
	if got := must[bool](t)(m.Contains(t.Context(), head, unseen)); got {
		t.Error("contains what is not here")
	}
	if _, err := m.Contains(t.Context(), unseen, head); err == nil {
		t.Error("a head that is not here contains something")
	}
}

// edit changes files at random: lines, names, new ones, lost ones.
func edit(r *rand.Rand, before map[string]string, mark string) (after map[string]string, removed []string) {
	after = maps.Clone(before)
	for range 1 + r.IntN(4) {
		paths := slices.Sorted(maps.Keys(after))
		path := paths[r.IntN(len(paths))]
		switch r.IntN(4) {
		case 0:
			after[fmt.Sprintf("%s/%d.yaml", mark, r.IntN(3))] = lines(20, r.IntN(20))
		case 1:
			after["moved/"+mark+"-"+filepath.Base(path)] = after[path]
			fallthrough
		case 2:
			if len(after) > 1 {
				delete(after, path)
				removed = append(removed, path)
			}
		}
		if text, ok := after[path]; ok {
			all := strings.SplitAfter(text, "\n")
			all[r.IntN(len(all))] = fmt.Sprintf("%s %d\n", mark, r.IntN(3))
			after[path] = strings.Join(all, "")
		}
	}
	return after, slices.DeleteFunc(removed, func(path string) bool { _, again := after[path]; return again })
}

// Without all objects at hand a merge must be what it is with all of them.
func TestMergesAreThoseOfAFullRepository(t *testing.T) {
	w := newWorld(t)
	clean, conflicting := 0, 0
	histories := uint64(13)
	if os.Getenv("COUNTERSIGN_THOROUGH") != "" {
		histories = 24
	}
	for seed := range histories {
		r := rand.New(rand.NewPCG(seed, 1))
		before := map[string]string{}
		for i := range 5 {
			before[fmt.Sprintf("f%d.yaml", i)] = lines(20+i*7, int(seed)%20)
		}
		fork := w.child(w.root, before)
		side := func(mark string) string {
			after, removed := edit(r, before, mark)
			return w.child(fork, after, removed...)
		}
		base, head := side("base"), side("head")
		w.push("main", base)
		w.push("change", head)
		m := w.mirror()
		w.bring(m, 1, base, head)
		merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
		cmd := exec.Command("git", "-c", "merge.directoryRenames=conflict", "merge-tree", "--write-tree", "--name-only",
			"--no-messages", base, head)
		cmd.Dir = w.repo.GitFolder()
		out, _ := cmd.Output()
		tree, rest, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		want := git.Merged{Tree: tree}
		clean++
		if cmd.ProcessState.ExitCode() != 0 {
			paths := strings.Split(rest, "\n")
			slices.Sort(paths)
			want = git.Merged{Conflicts: slices.Compact(paths)}
			clean, conflicting = clean-1, conflicting+1
		}
		if diff := cmp.Diff(want, merged); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
		if merged.Tree != "" && len(files(t, m, merged.Tree)) == 0 {
			t.Errorf("seed %d: the merged tree is empty", seed)
		}
	}
	if clean < 3 || conflicting < 3 {
		t.Errorf("%d clean and %d conflicting merges say little", clean, conflicting)
	}
}
