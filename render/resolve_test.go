package render_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// place writes a folder: "NAME -> TARGET" is a symlink, "NAME/" an empty
// folder, all else a file.
func place(t testing.TB, dir string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		name, target, link := strings.Cut(line, " -> ")
		full := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, full)
		default:
			err = os.WriteFile(full, []byte(name), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func folder(t testing.TB, lines ...string) render.Tree {
	t.Helper()
	dir := t.TempDir()
	place(t, dir, lines...)
	tree, err := git.Folder(dir, git.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func TestResolve(t *testing.T) {
	lines := []string{"a/b/file", "link -> a/b", "a/up -> ../link/file", "loop -> loop", "ping -> pong", "pong -> ping",
		"out -> ../x", "abs -> /etc/passwd", "deep/out -> ../../x", "dangling -> a/none/x", "slash -> a/b/file/",
		"top -> .", "a/top -> ..", "via -> link/../file2", "a/file2", `back\slash`,
		"long -> " + strings.Repeat("a/../", 800) + "a",
		"c0 -> a", "weird -> a/./b//file"}
	for i := range 9 {
		lines = append(lines, "c"+strconv.Itoa(i+1)+" -> c"+strconv.Itoa(i))
	}
	tree := folder(t, lines...)
	for name, c := range map[string]struct {
		at     string
		err    error
		probes string // paths, those that were missed with "!"
	}{
		"a/b/file":         {at: "a/b/file", probes: "a a/b a/b/file"},
		"":                 {at: ""},
		".":                {at: ""},
		"a/./x/../b//file": {at: "a/b/file", probes: "a a/b a/b/file"},
		"a/b/":             {at: "a/b", probes: "a a/b"},
		"link/file":        {at: "a/b/file", probes: "a a/b a/b/file link"},
		"a/up":             {at: "a/b/file", probes: "a a/b a/b/file a/up link"},
		// The path's own ".." is text: link/../a is a, not a/b/../a.
		"link/../a/b": {at: "a/b", probes: "a a/b"},
		// A target's ".." is the system's: link/.. is a.
		"via":                          {at: "a/file2", probes: "a a/b a/file2 link via"},
		"top/top/a":                    {at: "a", probes: "a top"},
		"a/top/link":                   {at: "a/b", probes: "a a/b a/top link"},
		`back\slash`:                   {at: `back\slash`, probes: `back\slash`},
		"weird":                        {at: "a/b/file", probes: "a a/b a/b/file weird"},
		"c7":                           {at: "a", probes: "a c0 c1 c2 c3 c4 c5 c6 c7"},
		"c8":                           {err: render.ErrLoop, probes: "c0 c1 c2 c3 c4 c5 c6 c7 c8"},
		"loop":                         {err: render.ErrLoop, probes: "loop"},
		"ping/x":                       {err: render.ErrLoop, probes: "ping pong"},
		"out":                          {err: render.ErrOutside, probes: "out"},
		"abs":                          {err: render.ErrOutside, probes: "abs"},
		"deep/out":                     {err: render.ErrOutside, probes: "deep deep/out"},
		"..":                           {err: render.ErrOutside},
		"../a":                         {err: render.ErrOutside},
		"a/../../a":                    {err: render.ErrOutside},
		"/a":                           {err: render.ErrOutside},
		"/etc/passwd":                  {err: render.ErrOutside},
		"none/x/y":                     {at: "", err: fs.ErrNotExist, probes: "!none !none/x !none/x/y"},
		"a/none":                       {at: "a", err: fs.ErrNotExist, probes: "a !a/none"},
		"a/b/file/x":                   {at: "a/b/file", err: fs.ErrNotExist, probes: "a a/b a/b/file !a/b/file/x"},
		"dangling":                     {at: "a", err: fs.ErrNotExist, probes: "a !a/none !a/none/x dangling"},
		"slash":                        {at: "a/b/file", err: fs.ErrNotExist, probes: "a a/b a/b/file slash"},
		"a/nul\x00":                    {at: "a", err: fs.ErrNotExist, probes: "a !a/nul\x00"},
		strings.Repeat("../", 4) + "x": {err: render.ErrOutside},
	} {
		got, err := render.Resolve(t.Context(), tree, name)
		if !errors.Is(err, c.err) || got.Path != c.at {
			t.Errorf("%q: %q, %v; want %q, %v", name, got.Path, err, c.at, c.err)
		}
		var probes []string
		for _, p := range got.Probes {
			if p.ID == "" {
				p.Path = "!" + p.Path
			}
			probes = append(probes, p.Path)
		}
		if diff := cmp.Diff(c.probes, strings.Join(probes, " ")); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
		if err == nil && (got.Entry.ID == "" || got.Entry.Mode == render.ModeSymlink) {
			t.Errorf("%q: entry %+v", name, got.Entry)
		}
	}
}

// submodules is a tree of one submodule, and of links longer than the system
// takes.
type submodules struct{}

func (submodules) ID() string { return "top" }

func (submodules) ReadDir(_ context.Context, dir string) ([]render.Entry, error) {
	if dir != "" {
		return nil, fs.ErrNotExist
	}
	return []render.Entry{{"long", render.ModeSymlink, "1"}, {"sub", render.ModeSubmodule, "2"}}, nil
}

func (submodules) ReadFile(_ context.Context, name string) ([]byte, error) {
	if name == "long" {
		return []byte(strings.Repeat("./", 3000) + "sub"), nil
	}
	return nil, render.ErrNotFile
}

func TestResolveThroughASubmodule(t *testing.T) {
	got, err := render.Resolve(t.Context(), submodules{}, "sub")
	if err != nil || got.Entry.Mode != render.ModeSubmodule {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = render.Resolve(t.Context(), submodules{}, "sub/x")
	if !errors.Is(err, render.ErrNotFile) || len(got.Probes) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err = render.Resolve(t.Context(), submodules{}, "long"); !errors.Is(err, render.ErrLoop) {
		t.Errorf("long: %v", err)
	}
}

// Where both know an answer, Resolve and the operating system agree.
func TestResolveAgreesWithTheSystem(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		element := rapid.SampledFrom([]string{"a", "b", "c", "..", "."})
		steps := rapid.Custom(func(r *rapid.T) string {
			return strings.Join(rapid.SliceOfN(element, 1, 4).Draw(r, "steps"), "/")
		})
		for _, name := range rapid.SliceOfN(rapid.StringMatching("[abc](/[abc]){0,2}"), 1, 8).Draw(r, "names") {
			full := filepath.Join(dir, name)
			if os.MkdirAll(filepath.Dir(full), 0o755) != nil {
				continue // a file or a link is in the way
			}
			if rapid.Bool().Draw(r, "link") {
				_ = os.Symlink(steps.Draw(r, "target"), full)
			} else if _, err := os.Lstat(full); err != nil {
				_ = os.WriteFile(full, []byte(name), 0o600)
			}
		}
		tree, err := git.Folder(dir, git.Options{})
		if err != nil {
			r.Fatal(err)
		}
		defer tree.Close()
		asked := path.Clean(steps.Draw(r, "asked"))
		got, err := render.Resolve(t.Context(), tree, asked)
		if errors.Is(err, render.ErrOutside) || errors.Is(err, render.ErrLoop) {
			return
		}
		real, realErr := filepath.EvalSymlinks(filepath.Join(dir, asked))
		if (err == nil) != (realErr == nil) {
			r.Fatalf("%q: %q, %v; the system: %q, %v", asked, got.Path, err, real, realErr)
		}
		if err == nil && filepath.Join(dir, got.Path) != real {
			r.Fatalf("%q: %q; the system: %q", asked, got.Path, real)
		}
	})
}
