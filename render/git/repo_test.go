package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

func TestOpenFindsTheRepositoryFromEveryKindOfFolder(t *testing.T) {
	f := newFixture(t)
	f.commit("a/b/file", "text\n")
	f.git("pack-refs", "--all")
	f.git("gc", "-q")
	linked := filepath.Join(t.TempDir(), "linked\nfolder \"ü")
	f.git("worktree", "add", "-q", "-b", "other", linked)
	bare := filepath.Join(t.TempDir(), "bare.git")
	f.git("clone", "-q", "--bare", f.dir, bare)
	shared := filepath.Join(t.TempDir(), "shared")
	f.git("clone", "-q", "--shared", f.dir, shared)
	for _, dir := range []string{f.dir, f.dir + "/a/b", linked, bare, f.dir + "/.git", shared} {
		r := open(t, dir, Options{})
		got := files(t, r.Tree(mustCommit(t, r, "HEAD").Tree))
		if diff := cmp.Diff(map[string]string{"a/b/file": "1 text\n"}, got); diff != "" {
			t.Errorf("%q: %s", dir, diff)
		}
	}
}

func TestALinkedWorkTreeHasItsOwnHead(t *testing.T) {
	f := newFixture(t)
	linked := filepath.Join(t.TempDir(), "linked")
	f.git("worktree", "add", "-q", "-b", "other", linked)
	tip := f.commit("file", "only on main")
	other := f.git("rev-parse", "other")
	if got := mustCommit(t, open(t, linked, Options{}), "HEAD").ID; got != other {
		t.Errorf("HEAD of the linked work tree is %s, want %s", got, other)
	}
	if got := mustCommit(t, open(t, f.dir, Options{}), "HEAD").ID; got != tip {
		t.Errorf("HEAD is %s, want %s", got, tip)
	}
}

func TestAlternatesWithAHostilePath(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "#q\"uo\\te\nü:x")
	f := newFixture(t)
	f.commit("file", "text")
	if err := os.Rename(f.dir, parent); err != nil {
		t.Fatal(err)
	}
	r := open(t, parent, Options{})
	if got := mustRead(t, r.Tree(mustCommit(t, r, "main").Tree), "file"); got != "text" {
		t.Errorf("got %q", got)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		empty:           "name a folder of a git repository",
		file:            "is not a folder",
		empty + "/none": "name an existing folder",
	} {
		temp := t.TempDir()
		_, err := Open(t.Context(), dir, Options{TempDir: temp})
		var setup *SetupError
		if !errors.As(err, &setup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want …%s…", dir, err, want)
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Errorf("%s: left %v", dir, left)
		}
	}
}

func TestOpenRefusesAMissingOrOldGit(t *testing.T) {
	f := newFixture(t)
	for text, want := range map[string]string{
		"":                                     "git was not found",
		"#!/bin/sh\necho git version 2.37.9\n": "git 2.37 is too old",
		"#!/bin/sh\necho git version 1.99.9\n": "git 1.99 is too old",
		"#!/bin/sh\necho hello\n":              "does not say its version",
		"#!/bin/sh\necho git version 2.38 >&2;exit 1": "does not say its version",
	} {
		bin := t.TempDir()
		if text != "" {
			if err := os.WriteFile(bin+"/git", []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", bin)
		_, err := Open(t.Context(), f.dir, Options{TempDir: t.TempDir()})
		var setup *SetupError
		if !errors.As(err, &setup) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(),
			"2.38 or later") {
			t.Errorf("%q: got %v, want …%s…", text, err, want)
		}
	}
}

func TestSHA256Repository(t *testing.T) {
	f := newFixture(t, "--object-format=sha256")
	f.commit("a/file", "text", "b", "other")
	f.git("checkout", "-q", "-b", "topic", "HEAD~1")
	f.commit("c", "third")
	r := open(t, f.dir, Options{})
	merged, err := r.Merge(t.Context(), mustCommit(t, r, "main"), mustCommit(t, r, f.git("rev-parse", "topic")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a/file": "1 text", "b": "1 other", "c": "1 third"}
	if diff := cmp.Diff(want, files(t, r.Tree(merged.Tree))); diff != "" || len(merged.Tree) != 64 {
		t.Errorf("%q: %s", merged.Tree, diff)
	}
}

func TestNamesAreBytes(t *testing.T) {
	f := newFixture(t)
	names := []string{"new\nline", "ünïcode", `back\slash`, " space ", "..x", "...", "\xff\xfe",
		"-dash", "a:b", `q"uote`, "foo", "foo.d/x", "foo-bar"}
	want := map[string]string{}
	for _, name := range names {
		f.write("dir/"+name, name)
		want["dir/"+name] = "1 " + name
	}
	f.commit()
	r := open(t, f.dir, Options{})
	if diff := cmp.Diff(want, files(t, r.Tree(mustCommit(t, r, "HEAD").Tree))); diff != "" {
		t.Error(diff)
	}
}

func TestModesAndErrors(t *testing.T) {
	f := newFixture(t)
	f.write("dir/run", "#!/bin/sh\n")
	for _, err := range []error{
		os.Chmod(f.dir+"/dir/run", 0o755),
		os.Symlink("../../outside", f.dir+"/dir/link"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f.commit("dir/plain", "text")
	f.git("update-index", "--add", "--cacheinfo", "160000,"+f.git("rev-parse", "HEAD")+",dir/sub")
	f.git("commit", "-q", "-m", "submodule")
	r := open(t, f.dir, Options{})
	tree := r.Tree(mustCommit(t, r, "HEAD").Tree)
	entries, err := tree.ReadDir(t.Context(), "dir")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]render.Mode{}
	for _, e := range entries {
		got[e.Name] = e.Mode
	}
	want := map[string]render.Mode{
		"run": render.ModeExecutable, "link": render.ModeSymlink, "plain": render.ModeFile, "sub": render.ModeSubmodule,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := mustRead(t, tree, "dir/link"); got != "../../outside" {
		t.Errorf("link: %q", got)
	}
	for path, want := range map[string]error{
		"none": fs.ErrNotExist, "dir/none": fs.ErrNotExist, "dir/plain/x": fs.ErrNotExist, "dir/link/x": fs.ErrNotExist,
		"dir": render.ErrNotFile, "": render.ErrNotFile, "dir/sub": render.ErrNotFile,
		"dir/sub/x":  fs.ErrNotExist,
		"/dir/plain": fs.ErrNotExist, "dir/../dir/plain": fs.ErrNotExist, "dir/": fs.ErrNotExist,
		"./dir/plain": fs.ErrNotExist,
	} {
		if _, err := tree.ReadFile(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("ReadFile(%q): %v, want %v", path, err, want)
		}
	}
	for _, path := range []string{"none", "dir/plain", "dir/link", "dir/sub", "..", "dir/"} {
		if _, err := tree.ReadDir(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadDir(%q): %v", path, err)
		}
	}
}

func TestLargeFilesAreRefusedUnread(t *testing.T) {
	f := newFixture(t)
	f.commit("exact", strings.Repeat("x", 1<<20), "over", strings.Repeat("x", 1<<20+1),
		"huge", strings.Repeat("y", 64<<20), "small", "s")
	r := open(t, f.dir, Options{})
	tree := r.Tree(mustCommit(t, r, "HEAD").Tree)
	if got := len(mustRead(t, tree, "exact")); got != 1<<20 {
		t.Errorf("exact: %d bytes", got)
	}
	for _, name := range []string{"over", "huge"} {
		if _, err := tree.ReadFile(t.Context(), name); !errors.Is(err, render.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := mustRead(t, tree, "small"); got != "s" {
		t.Errorf("after a refusal: %q", got)
	}
	if _, err := open(t, f.dir, Options{FileLimit: 2 << 20}).Tree(tree.ID()).ReadFile(t.Context(), "over"); err != nil {
		t.Errorf("with a higher limit: %v", err)
	}
}

func TestReplacedObjectsAndGraftsHaveNoSay(t *testing.T) {
	f := newFixture(t)
	f.commit("file", "real")
	f.gitInput("fake", "hash-object", "-w", "--stdin")
	fake := f.gitInput("fake", "hash-object", "-w", "--stdin")
	f.git("replace", f.git("rev-parse", "HEAD:file"), fake)
	f.git("replace", "HEAD", "HEAD~1")
	r := open(t, f.dir, Options{})
	if got := mustRead(t, r.Tree(mustCommit(t, r, "HEAD").Tree), "file"); got != "real" {
		t.Errorf("got %q", got)
	}
}

func TestMalformedTreesAreRefused(t *testing.T) {
	f := newFixture(t)
	blob := f.gitInput("x", "hash-object", "-w", "--stdin")
	raw := unhex(t, blob)
	entry := func(mode, name string) string { return mode + " " + name + "\x00" + raw }
	r := open(t, f.dir, Options{})
	for name, content := range map[string]string{
		"slash":      entry("100644", "a/b"),
		"dot":        entry("40000", "."),
		"dotdot":     entry("40000", ".."),
		"git":        entry("40000", ".git"),
		"GIT":        entry("40000", ".GiT"),
		"empty":      entry("100644", ""),
		"twice":      entry("100644", "a") + entry("100644", "a"),
		"two kinds":  entry("100644", "a") + entry("100644", "a.b") + entry("40000", "a"),
		"unsorted":   entry("100644", "b") + entry("100644", "a"),
		"mode":       entry("100600", "a"),
		"zero":       entry("040000", "a"),
		"cut":        entry("100644", "a")[:20],
		"no name":    "100644",
		"no id":      "100644 a\x00",
		"null id":    "100644 a\x00" + strings.Repeat("\x00", 20),
		"wrong type": entry("40000", "a"),
	} {
		tree := r.Tree(f.rawTree(content))
		dir := ""
		if name == "wrong type" {
			dir = "a"
		}
		if entries, err := tree.ReadDir(t.Context(), dir); !errors.Is(err, render.ErrMalformed) {
			t.Errorf("%s: got %v, %v", name, entries, err)
		}
	}
}

func TestAnObjectWithOtherContentThanItsIDIsRefused(t *testing.T) {
	f := newFixture(t)
	f.commit("file", "good", "other", "evil")
	path := func(rev string) string {
		id := f.git("rev-parse", rev)
		return f.dir + "/.git/objects/" + id[:2] + "/" + id[2:]
	}
	evil, err := os.ReadFile(path("HEAD:other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path("HEAD:file")), os.WriteFile(path("HEAD:file"), evil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r := open(t, f.dir, Options{})
	content, err := r.Tree(mustCommit(t, r, "HEAD").Tree).ReadFile(t.Context(), "file")
	if err == nil {
		t.Errorf("read %q", content)
	}
}

func TestAPartialCloneSaysWhatToFetch(t *testing.T) {
	f := newFixture(t)
	f.commit("file", "text")
	f.git("config", "uploadpack.allowFilter", "true")
	clone := &fixture{t, filepath.Join(t.TempDir(), "clone")}
	f.git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+f.dir, clone.dir)
	r := open(t, clone.dir, Options{})
	id := mustCommit(t, r, "HEAD").Tree
	_, err := r.Tree(id).ReadFile(t.Context(), "file")
	var missing *MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "git fetch --refetch --no-filter") {
		t.Fatalf("got %v", err)
	}
	clone.git("fetch", "-q", "--refetch", "--no-filter")
	if got := mustRead(t, r.Tree(id), "file"); got != "text" {
		t.Errorf("after the fetch: %q", got)
	}
}

func TestReadsAreSafeTogetherAndSurviveTheChildsDeath(t *testing.T) {
	f := newFixture(t)
	for i := range 40 {
		f.write("dir/"+string(rune('a'+i%26))+strings.Repeat("x", i), strings.Repeat("text", i))
	}
	f.commit()
	r := open(t, f.dir, Options{CacheLimit: 1}) // nothing is cached
	tree := r.Tree(mustCommit(t, r, "HEAD").Tree)
	want := files(t, tree)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if diff := cmp.Diff(want, files(t, tree)); diff != "" {
				t.Error(diff)
			}
		})
	}
	group.Go(func() {
		for range 5 {
			r.batch.turn <- struct{}{}
			if r.batch.child != nil {
				r.batch.child.kill()
			}
			<-r.batch.turn
		}
	})
	group.Wait()
}

func TestACancelledReadEndsTheChildAndTheNextOneWorks(t *testing.T) {
	f := newFixture(t)
	f.commit("file", "text")
	r := open(t, f.dir, Options{})
	tree := r.Tree(mustCommit(t, r, "HEAD").Tree)
	if _, err := tree.ReadFile(cancelled(t), "file"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// A child that never answers: stopped, as by a debugger.
	r.batch.turn <- struct{}{}
	stopped := r.batch.child.cmd.Process
	signalStop(t, stopped)
	<-r.batch.turn
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := tree.ReadFile(ctx, "file"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if stopped.Signal(syscall.Signal(0)) == nil {
		t.Error("the child lives on")
	}
	if got := mustRead(t, tree, "file"); got != "text" {
		t.Errorf("after: %q", got)
	}
}

func TestCloseLeavesNoProcessAndEndsReads(t *testing.T) {
	f := newFixture(t)
	f.commit("file", "text")
	temp := t.TempDir()
	r, err := Open(t.Context(), f.dir, Options{TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	tree := r.Tree(mustCommit(t, r, "HEAD").Tree)
	if got := len(children(t)); got != 1 {
		t.Errorf("%d children while open", got)
	}
	// Close does not wait for a child that does not answer.
	signalStop(t, r.batch.child.cmd.Process)
	done := make(chan error)
	go func() {
		_, err := tree.ReadFile(t.Context(), "file")
		done <- err
	}()
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("under way: %v", err)
	}
	if _, err := tree.ReadFile(t.Context(), "file"); !errors.Is(err, ErrClosed) {
		t.Errorf("later: %v", err)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("children left: %v", left)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}
