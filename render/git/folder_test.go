package git

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

func openFolder(t testing.TB, dir string, options Options) *Dir {
	t.Helper()
	d, err := Folder(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestAFolderEqualsTheTreeThatGitMakesOfIt(t *testing.T) {
	f := newFixture(t)
	f.write("foo.d/x", "1")
	f.write("foo/y", "2")
	f.write("foo-bar", "3")
	f.write("new\nline/ü\\", "4")
	f.write("empty", "")
	f.write("large", strings.Repeat("x", 3<<20))
	f.write("run", "#!")
	if err := errors.Join(os.Symlink("/etc/passwd", f.dir+"/link"), os.Symlink("foo", f.dir+"/folder"),
		os.Chmod(f.dir+"/run", 0o755), os.MkdirAll(f.dir+"/hollow/deep", 0o755)); err != nil {
		t.Fatal(err)
	}
	f.commit()
	r := open(t, f.dir, Options{FileLimit: 4 << 20})
	commit := mustCommit(t, r, "HEAD")
	d := openFolder(t, f.dir, Options{FileLimit: 4 << 20, CacheLimit: 1 << 20})
	if d.ID() != commit.Tree {
		t.Errorf("id %s, want %s", d.ID(), commit.Tree)
	}
	if diff := cmp.Diff(files(t, r.Tree(commit.Tree)), files(t, d)); diff != "" {
		t.Error(diff)
	}
	small := openFolder(t, f.dir, Options{})
	if _, err := small.ReadFile(t.Context(), "large"); !errors.Is(err, render.ErrTooLarge) || small.ID() != commit.Tree {
		t.Errorf("large: %v, id %s", err, small.ID())
	}
}

func TestAFolderOpensNothingSpecialAndFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	if err := errors.Join(os.WriteFile(outside+"/secret", []byte("secret"), 0o600), os.Symlink(outside, dir+"/out"),
		syscall.Mkfifo(dir+"/pipe", 0o600), os.WriteFile(dir+"/file", []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d := openFolder(t, dir, Options{})
	for path, want := range map[string]error{
		"pipe": render.ErrNotFile, "out/secret": fs.ErrNotExist, "../" + outside: fs.ErrNotExist, outside: fs.ErrNotExist,
		"": render.ErrNotFile, "file/x": fs.ErrNotExist, "./file": fs.ErrNotExist, "none": fs.ErrNotExist,
	} {
		if got, err := d.ReadFile(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
	want := map[string]string{"pipe": "submodule", "out": "3 " + outside, "file": "1 text"}
	if diff := cmp.Diff(want, files(t, d)); diff != "" {
		t.Error(diff)
	}
	if _, err := d.ReadDir(t.Context(), "out"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("out: %v", err)
	}
}

func TestAFolderDoesNotChangeWhileItIsJudged(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(dir+"/file", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	kept, forgotten := openFolder(t, dir, Options{}), openFolder(t, dir, Options{CacheLimit: 1})
	_, _ = kept.ID(), forgotten.ID()
	write("after!")
	if got := mustRead(t, kept, "file"); got != "before" {
		t.Errorf("got %q", got)
	}
	if got, err := forgotten.ReadFile(t.Context(), "file"); !errors.Is(err, ErrChanged) {
		t.Errorf("got %q, %v", got, err)
	}
	if err := errors.Join(os.Remove(dir+"/file"), os.Symlink("/etc/passwd", dir+"/file")); err != nil {
		t.Fatal(err)
	}
	if got, err := forgotten.ReadFile(t.Context(), "file"); !errors.Is(err, ErrChanged) {
		t.Errorf("swapped: got %q, %v", got, err)
	}
}

func TestWhatCannotBeReadIsEqualToNothing(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(dir+"/file", nil, 0), os.Mkdir(dir+"/sub", 0)); err != nil {
		t.Fatal(err)
	}
	a, b := openFolder(t, dir, Options{}), openFolder(t, dir, Options{})
	_, err := a.ReadFile(t.Context(), "file")
	_, errDir := a.ReadDir(t.Context(), "sub")
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(errDir, fs.ErrPermission) || a.ID() == b.ID() {
		t.Errorf("%v, %v, %s, %s", err, errDir, a.ID(), b.ID())
	}
}

func TestACancelledScanIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openFolder(t, dir, Options{})
	if _, err := d.ReadDir(cancelled(t), ""); err == nil {
		t.Error("listed with a cancelled context")
	}
	if got := mustRead(t, d, "file"); got != "text" {
		t.Errorf("got %q", got)
	}
}

func TestFolderSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{dir + "/none": "name an existing folder",
		dir + "/file": "name the repository's folder"} {
		if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Folder(path, Options{})
		var setup *SetupError
		if !errors.As(err, &setup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
