package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// branches commits files on main and, from the commit before, on topic.
func branches(t *testing.T, base, main, topic []string) *fixture {
	t.Helper()
	f := newFixture(t)
	f.commit(base...)
	f.git("branch", "topic")
	f.commit(main...)
	f.git("checkout", "-q", "topic")
	f.commit(topic...)
	return f
}

func TestMerge(t *testing.T) {
	long := strings.Repeat("line\n", 30)
	for name, c := range map[string]struct {
		base, main, topic []string
		tree              map[string]string
		conflicts         []string
	}{
		"both sides": {[]string{"a", "1\n2\n3\n4\n5\n"}, []string{"a", "1x\n2\n3\n4\n5\n"}, []string{"a", "1\n2\n3\n4\n5y\n"},
			map[string]string{"a": "1 1x\n2\n3\n4\n5y\n"}, nil},
		"content": {[]string{"a\nb", "1\n", "c", "1\n"}, []string{"a\nb", "2\n", "c", "2\n"}, []string{"a\nb",
			"3\n", "c", "3\n"},
			nil, []string{"a\nb", "c"}},
		"modify and delete": {[]string{"a", "1\n"}, []string{"a", "2\n"}, []string{"a", "-"}, nil, []string{"a"}},
		"rename twice": {[]string{"a", long}, []string{"a", "-", "b", long}, []string{"a", "-", "c", long},
			nil, []string{"a", "b", "c"}},
		"rename and edit": {[]string{"a", long}, []string{"a", "-", "b", long}, []string{"a", long + "end\n"},
			map[string]string{"b": "1 " + long + "end\n"}, nil},
		"folder in a file's place": {[]string{"x", "1"}, []string{"a", "file"}, []string{"a/b", "deep"},
			nil, []string{"a~"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := branches(t, c.base, c.main, c.topic)
			r := open(t, f.dir, Options{})
			got, err := r.Merge(t.Context(), mustCommit(t, r, "main"), mustCommit(t, r, "topic"))
			if err != nil {
				t.Fatal(err)
			}
			if name == "folder in a file's place" { // git invents a name that ends in a commit's name
				if len(got.Conflicts) != 1 || !strings.HasPrefix(got.Conflicts[0], "a~") {
					t.Errorf("got %q", got.Conflicts)
				}
				return
			}
			if diff := cmp.Diff(c.conflicts, got.Conflicts); diff != "" {
				t.Error(diff)
			}
			if (got.Tree == "") != (c.tree == nil) {
				t.Fatalf("tree %q", got.Tree)
			}
			if c.tree == nil {
				return
			}
			if diff := cmp.Diff(c.tree, files(t, r.Tree(got.Tree))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMergeOfAncestors(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1")
	f.commit("a", "2")
	r := open(t, f.dir, Options{})
	old, tip := mustCommit(t, r, "HEAD~1"), mustCommit(t, r, "HEAD")
	for _, pair := range [][2]Commit{{old, tip}, {tip, old}, {tip, tip}} {
		got, err := r.Merge(t.Context(), pair[0], pair[1])
		if err != nil || got.Tree != tip.Tree {
			t.Errorf("got %v, %v; want %s", got, err, tip.Tree)
		}
	}
	base, err := r.MergeBase(t.Context(), old, tip)
	if err != nil || base.ID != old.ID {
		t.Errorf("merge base %v, %v", base, err)
	}
}

func TestMergeWithoutACommonAncestor(t *testing.T) {
	f := newFixture(t)
	f.commit("a", "1")
	f.git("checkout", "-q", "--orphan", "island")
	f.commit("b", "2")
	r := open(t, f.dir, Options{})
	_, err := r.Merge(t.Context(), mustCommit(t, r, "main"), mustCommit(t, r, "island"))
	var none *NoMergeBaseError
	if !errors.As(err, &none) || none.Shallow || !strings.Contains(err.Error(), "one history") {
		t.Errorf("got %v", err)
	}
}

func TestAShallowCloneSaysWhatToFetch(t *testing.T) {
	f := branches(t, []string{"a", "1"}, []string{"b", "2"}, []string{"c", "3"})
	clone := &fixture{t, filepath.Join(t.TempDir(), "clone")}
	f.git("clone", "-q", "--depth=1", "--no-single-branch", "file://"+f.dir, clone.dir)
	r := open(t, clone.dir, Options{})
	main, topic := mustCommit(t, r, "origin/main"), mustCommit(t, r, "origin/topic")
	_, err := r.Merge(t.Context(), main, topic)
	var none *NoMergeBaseError
	if !errors.As(err, &none) || !none.Shallow || !strings.Contains(err.Error(), "git fetch --unshallow") {
		t.Errorf("merge: %v", err)
	}
	_, err = r.FirstParent(t.Context(), Commit{}, main)
	var missing *MissingError
	if !errors.As(err, &missing) || !missing.Shallow {
		t.Errorf("first parent: %v", err)
	}
	clone.git("fetch", "-q", "--unshallow")
	if got, err := open(t, clone.dir, Options{}).Merge(t.Context(), main, topic); err != nil || got.Tree == "" {
		t.Errorf("after the fetch: %v, %v", got, err)
	}
}

// Everything in a repository's own configuration that could start a program.
func TestNothingOfTheRepositoryRuns(t *testing.T) {
	f := branches(t,
		[]string{".gitattributes", "* merge=evil diff=evil filter=evil\n", "a", "1\n2\n3\n4\n5\n"},
		[]string{"a", "1x\n2\n3\n4\n5\n"}, []string{"a", "1\n2\n3\n4\n5y\n"})
	canary := filepath.Join(t.TempDir(), "canary")
	script := filepath.Join(t.TempDir(), "evil")
	text := "#!/bin/sh\necho \"$@\" >>'" + canary + "'\nexit 0\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"merge.evil.driver", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
		"diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor", "core.pager", "core.editor",
		"core.sshCommand", "core.alternateRefsCommand", "gpg.program", "credential.helper"} {
		f.git("config", key, script)
	}
	f.git("config", "merge.evil.name", "evil")
	f.git("config", "attr.tree", "HEAD")
	f.git("config", "core.hooksPath", filepath.Dir(script))
	if err := os.MkdirAll(f.dir+"/.git/info", 0o755); err != nil {
		t.Fatal(err)
	}
	f.write(".git/info/attributes", "* merge=evil\n")
	r := open(t, f.dir, Options{})
	main, topic := mustCommit(t, r, "main"), mustCommit(t, r, "topic")
	got, err := r.Merge(t.Context(), main, topic)
	if err != nil {
		t.Fatal(err)
	}
	if text := mustRead(t, r.Tree(got.Tree), "a"); text != "1x\n2\n3\n4\n5y\n" {
		t.Errorf("merged %q", text)
	}
	if ran, err := os.ReadFile(canary); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ran: %s %v", ran, err)
	}
	// The same driver does run when git is used without care: the canary sings.
	for _, key := range []string{"filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.fsmonitor",
		"core.hooksPath"} {
		f.git("config", "--unset", key)
	}
	f.git("merge", "-q", "--no-edit", "main")
	if _, err := os.ReadFile(canary); err != nil {
		t.Errorf("the canary is dead: %v", err)
	}
}

func TestNothingIsWrittenToTheRepository(t *testing.T) {
	f := branches(t, []string{"a", "1\n2\n3\n4\n5\n"},
		[]string{"a", "1x\n2\n3\n4\n5\n"}, []string{"a", "1\n2\n3\n4\n5y\n"})
	snapshot := func() map[string]string {
		all := map[string]string{}
		err := filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				all[path] = "dir"
				return err
			}
			content, err := os.ReadFile(path)
			all[path] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := snapshot()
	// A read-only clone is enough (which root does not notice).
	readOnly := func(mode fs.FileMode) {
		for path, kind := range before {
			if kind == "dir" {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	readOnly(0o555)
	t.Cleanup(func() { readOnly(0o755) })
	r := open(t, f.dir, Options{})
	main, topic := mustCommit(t, r, "main"), mustCommit(t, r, "topic")
	got, err := r.Merge(t.Context(), main, topic)
	if err != nil || got.Tree == "" {
		t.Fatal(got, err)
	}
	files(t, r.Tree(got.Tree))
	if diff := cmp.Diff(before, snapshot()); diff != "" {
		t.Error(diff)
	}
}

func TestRevisions(t *testing.T) {
	f := newFixture(t)
	first := f.commit("a", "1")
	second := f.commit("a", "2")
	f.git("tag", "-a", "-m", "x", "v1", first)
	f.git("tag", "-a", "-m", "x", "v2", "v1")
	f.git("branch", "both", first)
	f.git("tag", "both", second)
	f.git("update-ref", "refs/heads/"+second[:8], first)
	f.git("update-ref", "refs/heads/"+second, first)
	f.git("update-ref", "refs/heads/HEAD", first)
	f.git("update-ref", "refs/heads/refs/heads/main", first)
	f.git("update-ref", "refs/heads/refs/heads/ghost", first)
	f.git("update-ref", "refs/tags/blob", f.git("rev-parse", "HEAD:a"))
	r := open(t, f.dir, Options{})
	for revision, want := range map[string]string{
		"main": second, "main~1": first, "HEAD^": first, "v1": first, "v2": first, first[:9]: first, first: first,
		second: second, "HEAD": second, "refs/heads/main": second, "refs/heads/main~1": first,
		"refs/heads/both": first, "refs/tags/both": second,
	} {
		if got := mustCommit(t, r, revision).ID; got != want {
			t.Errorf("%q is %s, want %s", revision, got, want)
		}
	}
	absent := strings.Repeat("a",
		40)
	for _, revision := range []string{"", "-", "--all", "--git-dir", "-h", "nope", "main..v1",
		"^main", "main:a", "blob", "both",
		second[:8], "refs/heads/ghost", "refs/heads/none", "main\x00", "main\n", "@{nope}", "--\nmain", absent, "HEAD^{tree}",
		"--output=" + f.dir + "/x", "abc", "\xff", ":/nothing", strings.Repeat("x", 5000)} {
		got, err := r.Commit(t.Context(), revision)
		var bad *RevisionError
		if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%q: got %v, %v", revision, got, err)
		}
	}
}

func TestFirstParent(t *testing.T) {
	f := newFixture(t)
	root := f.git("rev-parse", "HEAD")
	f.git("checkout", "-q", "-b", "side")
	side := f.commit("s", "1")
	f.git("checkout", "-q", "main")
	one := f.commit("m", "1")
	f.git("merge", "-q", "--no-ff", "--no-edit", "side")
	merge := f.git("rev-parse", "HEAD")
	r := open(t, f.dir, Options{})
	ids := func(from Commit) []string {
		t.Helper()
		got, err := r.FirstParent(t.Context(), from, mustCommit(t, r, merge))
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, c := range got {
			ids = append(ids, c.ID)
		}
		return ids
	}
	for from, want := range map[string][]string{root: {one, merge}, one: {merge}, merge: {}} {
		if diff := cmp.Diff(want, ids(mustCommit(t, r, from))); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]string{root, one, merge}, ids(Commit{})); diff != "" {
		t.Error(diff)
	}
	if got, err := r.FirstParent(t.Context(), mustCommit(t, r, side), mustCommit(t, r, merge)); err == nil {
		t.Errorf("from a side branch: %v", got)
	}
}
