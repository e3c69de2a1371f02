package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
)

// world is a GitHub with one repository, and mirrors of it.
type world struct {
	*githubtest.Server
	t       testing.TB
	repo    *githubtest.Repository
	mirrors *mirror.Mirrors
	options mirror.Options
	token   string
	root    string // the first commit of main
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB, change ...func(*mirror.Options)) *world {
	t.Helper()
	server := githubtest.New(t, githubtest.Options{})
	for i, login := range []string{"alice", "bob"} {
		must[int64](t)(server.AddUser(githubtest.User{ID: int64(101 + i), Login: login,
			Emails: []string{login + "@acme.example"}}))
	}
	org := must[*githubtest.Organisation](t)(server.AddOrganisation("acme"))
	check(t, org.Member("alice", "active"))
	repo := must[*githubtest.Repository](t)(server.AddRepository("acme", "clusters"))
	check(t, repo.Permit("alice", "write"))
	check(t, repo.Permit("bob", "read"))
	w := &world{Server: server, t: t, repo: repo}
	w.options = mirror.Options{Folder: t.TempDir(), Schemes: []string{"http"}}
	w.token = must[string](t)(server.UserToken("alice"))
	w.root = w.commit(githubtest.Commit{Files: map[string]string{"a/one.yaml": "one: 1\n", "b.yaml": lines(20)}})
	w.push("main", w.root)
	for _, f := range change {
		f(&w.options)
	}
	w.mirrors = must[*mirror.Mirrors](t)(mirror.Open(t.Context(), w.options))
	t.Cleanup(func() { check(t, w.mirrors.Close()) })
	return w
}

// lines is a text that merges line by line.
func lines(n int, changed ...int) string {
	var b strings.Builder
	for i := range n {
		if slices.Contains(changed, i) {
			fmt.Fprintf(&b, "changed %d\n", i)
		} else {
			fmt.Fprintf(&b, "line %d\n", i)
		}
	}
	return b.String()
}

func (w *world) commit(c githubtest.Commit) string {
	w.t.Helper()
	if c.Author == "" {
		c.Author = "alice"
	}
	return must[string](w.t)(w.repo.Commit(c))
}

// child makes a commit on top of another.
func (w *world) child(parent string, files map[string]string, remove ...string) string {
	w.t.Helper()
	return w.commit(githubtest.Commit{Parents: []string{parent}, Files: files, Remove: remove})
}

func (w *world) push(branch, sha string) {
	w.t.Helper()
	check(w.t, w.repo.Push("alice", branch, sha))
}

func (w *world) remote() mirror.Remote {
	return mirror.Remote{URL: w.URL() + "/" + w.repo.FullName() + ".git",
		Token: func(context.Context) (string, error) { return w.token, nil }}
}

func (w *world) mirror() *mirror.Mirror {
	w.t.Helper()
	return must[*mirror.Mirror](w.t)(w.mirrors.Mirror(w.t.Context(), w.repo.ID(), w.remote()))
}

// fetches counts the requests for objects that were made meanwhile.
func (w *world) fetches(do func()) int {
	before := w.Count("transport/upload-pack")
	do()
	return w.Count("transport/upload-pack") - before
}

// git runs git in the repository at GitHub, to make what Commit cannot.
func (w *world) git(stdin string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.repo.GitFolder()
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.c", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@b.c", "GIT_CONFIG_GLOBAL=/dev/null")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// files reads all files of a tree, by path.
func files(t testing.TB, m *mirror.Mirror, tree string) map[string]string {
	t.Helper()
	all := map[string]string{}
	top := m.Tree(tree)
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := top.ReadDir(t.Context(), dir)
		check(t, err)
		for _, e := range entries {
			path := strings.TrimPrefix(dir+"/"+e.Name, "/")
			switch e.Mode {
			case render.ModeDir:
				walk(path)
			case render.ModeSubmodule:
			default:
				content, err := top.ReadFile(t.Context(), path)
				check(t, err)
				all[path] = string(content)
			}
		}
	}
	walk("")
	return all
}

func (w *world) bring(m *mirror.Mirror, pull int, commits ...string) {
	w.t.Helper()
	check(w.t, m.Bring(w.t.Context(), pull, commits...))
}

func (w *world) at(m *mirror.Mirror, sha string) git.Commit {
	w.t.Helper()
	return must[git.Commit](w.t)(m.Commit(w.t.Context(), sha))
}

// wants fails the test unless as many fetches are made.
func (w *world) wants(fetches int, what string, do func()) {
	w.t.Helper()
	if got := w.fetches(do); got != fetches {
		w.t.Errorf("%s: %d fetches, want %d", what, got, fetches)
	}
}

func TestFewFetchesBringAll(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.wants(2, "the first commit: history, then all blobs", func() { w.bring(m, 0, w.root) })
	w.wants(0, "the same again, for a pull request", func() { w.bring(m, 7, w.root) })
	w.wants(0, "the same by another handle", func() { w.bring(w.mirror(), 0, w.root) })

	first := w.child(w.root, map[string]string{"a/two.yaml": "two: 2\n", "a/three.yaml": "three: 3\n"})
	head := w.child(first, map[string]string{"c/d/e.yaml": "e: 5\n"}, "a/three.yaml")
	w.push("change", head)
	w.wants(1, "a pushed head: its history with its blobs", func() { w.bring(m, 1, w.root, head) })
	want := map[string]string{"a/one.yaml": "one: 1\n", "b.yaml": lines(20), "a/two.yaml": "two: 2\n", "c/d/e.yaml": "e: 5\n"}
	if got := files(t, m, w.at(m, head).Tree); !maps.Equal(got, want) {
		t.Errorf("files %v", got)
	}

	back := w.commit(githubtest.Commit{Parents: []string{head}, Tree: w.root})
	w.push("change", back)
	w.wants(1, "a revert: its history, for no blob is new", func() { w.bring(m, 1, back) })
	w.wants(0, "an ancestor that came along", func() { w.bring(m, 1, first) })

	check(t, w.mirrors.Close())
	w.mirrors = must[*mirror.Mirrors](t)(mirror.Open(t.Context(), w.options))
	w.wants(0, "all of it after a restart", func() { w.bring(w.mirror(), 1, w.root, first, head, back) })
	if got := files(t, w.mirror(), w.at(w.mirror(), head).Tree); !maps.Equal(got, want) {
		t.Errorf("files after a restart: %v", got)
	}
}

// A head that starts at an old commit, of which the blobs were never wanted,
// may come as differences to these blobs.
func TestDifferencesToBlobsOfThePast(t *testing.T) {
	w := newWorld(t)
	old := w.child(w.root, map[string]string{"big.yaml": lines(4000)})
	tip := w.child(old, map[string]string{"big.yaml": "other: 1\n"})
	w.push("main", tip)
	m := w.mirror()
	w.bring(m, 0, tip)
	head := w.child(old, map[string]string{"big.yaml": lines(4000, 7)})
	w.push("change", head)
	w.bring(m, 1, head)
	if got := files(t, m, w.at(m, head).Tree)["big.yaml"]; got != lines(4000, 7) {
		t.Errorf("the file has %d bytes, want %d", len(got), len(lines(4000, 7)))
	}
}

func TestTwoCommitsAreOneFetch(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	head := w.child(w.root, map[string]string{"x.yaml": "x: 1\n"})
	w.push("change", head)
	w.wants(2, "base and head", func() { w.bring(m, 1, w.root, head) })
}

func TestAskedAtOnceFetchedOnce(t *testing.T) {
	w := newWorld(t)
	w.wants(2, "twenty at once", func() {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				m, err := w.mirrors.Mirror(t.Context(), w.repo.ID(), w.remote())
				if err == nil {
					err = m.Bring(t.Context(), 1, w.root)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

func TestHeadsThatNoBranchNames(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 0, w.root)

	fork := must[*githubtest.Repository](t)(w.repo.Fork("bob"))
	theirs := must[string](t)(fork.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "bob",
		Files: map[string]string{"fork.yaml": "f: 1\n"}}))
	check(t, fork.Push("bob", "change", theirs))
	number := must[int](t)(w.repo.OpenPull(githubtest.OpenPull{Author: "bob", Head: "change", From: fork}))
	w.bring(m, number, theirs)
	if got := files(t, m, w.at(m, theirs).Tree)["fork.yaml"]; got != "f: 1\n" {
		t.Errorf("a fork's head holds %q", got)
	}

	old := w.child(w.root, map[string]string{"old.yaml": "o: 1\n"})
	w.push("forced", old)
	w.push("forced", w.child(w.root, map[string]string{"new.yaml": "n: 1\n"}))
	gone := w.child(w.root, map[string]string{"gone.yaml": "g: 1\n"})
	w.push("deleted", gone)
	w.push("deleted", "")
	w.bring(m, 8, old)
	w.bring(m, 9, gone)
	if got := files(t, m, w.at(m, gone).Tree)["gone.yaml"]; got != "g: 1\n" {
		t.Errorf("a deleted branch's head holds %q", got)
	}
}

func TestOnlyFullIDsAreCommits(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.wants(0, "names", func() {
		for _, name := range []string{"", "main", "HEAD", "refs/heads/main", w.root[:39], strings.ToUpper(w.root),
			w.root + ":refs/heads/x", "--upload-pack=touch /tmp/x", "^" + w.root, w.root + "\n" + w.root, w.root + "^"} {
			if err := m.Bring(t.Context(), 1, name); err == nil {
				t.Errorf("%q was brought", name)
			}
			if _, err := m.Commit(t.Context(), name); err == nil {
				t.Errorf("%q is a commit", name)
			}
			if _, err := m.Contains(t.Context(), w.root, name); err == nil {
				t.Errorf("%q is an ancestor", name)
			}
			if _, err := m.Neutral(t.Context(), name); err == nil {
				t.Errorf("%q is a merge", name)
			}
		}
	})
	if err := m.Bring(t.Context(), -1, w.root); err == nil {
		t.Error("brought for pull request -1")
	}
	tag := w.git("object "+w.root+"\ntype commit\ntag t\ntagger a <a@b.c> 1 +0000\n\nx\n", "hash-object", "-w", "-t", "tag",
		"--stdin")
	for what, id := range map[string]string{"tag": tag, "tree": w.git("", "rev-parse", w.root+"^{tree}")} {
		if err := m.Bring(t.Context(), 1, id); err == nil {
			t.Errorf("a %s was brought as a commit", what)
		}
	}
	w.bring(m, 1, w.root)
}

func TestNoObjectIsFetchedByReading(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	head := w.child(w.root, map[string]string{"x.yaml": "x: 1\n"})
	top := w.child(head, map[string]string{"x.yaml": "x: 2\n"})
	w.push("change", top)
	w.bring(m, 1, top)
	w.wants(0, "reading what was not brought", func() {
		_, err := m.Tree(w.at(m, head).Tree).ReadFile(t.Context(), "x.yaml")
		var missing *git.MissingError
		if !errors.As(err, &missing) {
			t.Errorf("error %v", err)
		}
	})
}

// What a server believes to be here, because an ancestor of what is here had
// it, is asked for by its id.
func TestBlobsOfThePastAreFetchedToo(t *testing.T) {
	w := newWorld(t)
	past := w.child(w.root, map[string]string{"x.yaml": "x: past\n", "y.yaml": "y: past\n"})
	base := w.child(past, map[string]string{"x.yaml": "x: 2\n"}, "y.yaml")
	w.push("main", base)
	m := w.mirror()
	w.bring(m, 0, base)
	head := w.commit(githubtest.Commit{Parents: []string{base}, Tree: past})
	w.push("change", head)
	if n := w.fetches(func() { w.bring(m, 1, head) }); n > 2 {
		t.Errorf("%d fetches", n)
	}
	if got := files(t, m, w.at(m, head).Tree); got["x.yaml"] != "x: past\n" || got["y.yaml"] != "y: past\n" {
		t.Errorf("files %v", got)
	}
}

func TestOldHeadsAreForgotten(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	parent := w.root
	for i := range 20 {
		parent = w.child(parent, map[string]string{"x.yaml": fmt.Sprint("x: ", i, "\n")})
		w.push("change", parent)
		w.bring(m, 3, parent)
	}
	refs, err := os.ReadDir(filepath.Join(w.options.Folder, fmt.Sprint(w.repo.ID()), "refs/countersign/3"))
	check(t, err)
	if len(refs) != 16 {
		t.Errorf("%d heads are kept", len(refs))
	}
	w.wants(0, "the newest", func() { w.bring(m, 3, parent) })
}
