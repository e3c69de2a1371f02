package mirror_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

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
	w := &world{Server: server, t: t, repo: repo, options: mirror.Options{Folder: t.TempDir(), Schemes: []string{"http"}}}
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
			fmt.Fprintf(&b, "changed %d %v\n", i, changed)
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

func TestBring(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	n := w.fetches(func() { check(t, m.Bring(t.Context(), 0, w.root)) })
	t.Logf("cold: %d", n)
	for _, r := range w.Requests() {
		t.Log(r.Operation, r.Method, r.Path, r.Status)
	}
	c := must[git.Commit](t)(m.Commit(t.Context(), w.root))
	got := files(t, m, c.Tree)
	if got["a/one.yaml"] != "one: 1\n" || len(got) != 2 {
		t.Errorf("got %v", slices.Collect(maps.Keys(got)))
	}
	start := time.Now()
	n = w.fetches(func() { check(t, m.Bring(t.Context(), 7, w.root)) })
	t.Logf("again: %d %s", n, time.Since(start))
}
