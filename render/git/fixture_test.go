package git

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

// fixture is a real repository in a temporary folder.
type fixture struct {
	t   testing.TB
	dir string
}

// newFixture makes a repository with one empty commit on main.
func newFixture(t testing.TB, initArgs ...string) *fixture {
	t.Helper()
	f := &fixture{t, filepath.Join(t.TempDir(), "repo with spaces")}
	if err := os.Mkdir(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f.git(append([]string{"init", "-q", "-b", "main"}, initArgs...)...)
	f.git("commit", "-q", "--allow-empty", "-m", "root")
	return f
}

// git runs git in the fixture and returns its output without the last line
// feed.
func (f *fixture) git(args ...string) string {
	f.t.Helper()
	return f.gitInput("", args...)
}

func (f *fixture) gitInput(stdin string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = f.dir
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	}
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("git %q: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// write writes a file, or removes it when the content is "-".
func (f *fixture) write(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && content == "-" {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// commit writes files, given as name, content, name, content …, and commits
// all that is in the folder.
func (f *fixture) commit(files ...string) string {
	f.t.Helper()
	for i := 0; i < len(files); i += 2 {
		f.write(files[i], files[i+1])
	}
	f.git("add", "-A")
	f.git("commit", "-q", "--allow-empty", "-m", "change")
	return f.git("rev-parse", "HEAD")
}

// rawTree writes a tree object that git itself refuses to write.
func (f *fixture) rawTree(content string) string {
	f.t.Helper()
	return f.gitInput(content, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

// open opens a folder and closes it at the test's end.
func open(t testing.TB, dir string, options Options) *Repo {
	t.Helper()
	if options.TempDir == "" {
		options.TempDir = t.TempDir()
	}
	r, err := Open(t.Context(), dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(options.TempDir)
		if err != nil || len(left) > 0 {
			t.Errorf("left in the temporary folder: %v %v", left, err)
		}
	})
	return r
}

func mustCommit(t testing.TB, r *Repo, revision string) Commit {
	t.Helper()
	c, err := r.Commit(t.Context(), revision)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustRead(t testing.TB, tree render.Tree, path string) string {
	t.Helper()
	content, err := tree.ReadFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// files reads a whole tree: mode and content by path.
func files(t testing.TB, tree render.Tree) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := tree.ReadDir(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			path := strings.TrimPrefix(dir+"/"+e.Name, "/")
			switch e.Mode {
			case render.ModeDir:
				walk(path)
			case render.ModeSubmodule:
				all[path] = "submodule"
			default:
				all[path] = strconv.Itoa(int(e.Mode)) + " " + mustRead(t, tree, path)
			}
		}
	}
	walk("")
	return all
}

// children lists the live processes whose parent is this test and whose
// command is git.
func children(t testing.TB) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("needs /proc to list processes")
	}
	var found []string
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, _ := strings.Cut(string(stat), "(")
		name, rest, _ := strings.Cut(rest, ") ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && name == "git" && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, path)
		}
	}
	return found
}

func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
