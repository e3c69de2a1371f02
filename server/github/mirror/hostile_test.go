package mirror_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
)

// noise is content that does not compress.
func noise(seed byte, size int) string {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return string(b)
}

// usage is what a folder holds.
func usage(t *testing.T, folder string) (size int64) {
	t.Helper()
	check(t, filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		size += info.Size()
		return err
	}))
	return size
}

func TestLargeFilesAreLeftOut(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 0, w.root)
	limit := 1 << 20
	head := w.child(w.root, map[string]string{"huge": noise(1, 20<<20), "over": noise(2, limit+1), "limit": noise(3, limit),
		"small": "s\n"})
	w.push("change", head)
	w.wants(3, "a push, a batch that was too large, and one without what is too large", func() { w.bring(m, 1, head) })
	if got := usage(t, w.options.Folder); got > 8<<20 {
		t.Errorf("%d bytes were kept", got)
	}
	want := func() {
		t.Helper()
		tree := w.mirror().Tree(w.at(w.mirror(), head).Tree)
		for _, path := range []string{"huge", "over"} {
			if _, err := tree.ReadFile(t.Context(), path); !errors.Is(err, render.ErrTooLarge) {
				t.Errorf("%s: %v", path, err)
			}
		}
		for path, size := range map[string]int{"limit": limit, "small": 2, "b.yaml": len(lines(20))} {
			if got := must[[]byte](t)(tree.ReadFile(t.Context(), path)); len(got) != size {
				t.Errorf("%s has %d bytes", path, len(got))
			}
		}
	}
	want()
	w.wants(0, "it again", func() { w.bring(m, 1, head) })
	w.restart(func() {})
	w.wants(0, "it after a restart", func() { w.bring(w.mirror(), 1, head) })
	want()

	next := w.child(head, map[string]string{"small": "t\n"})
	w.push("change", next)
	w.wants(1, "a commit beside them", func() { w.bring(w.mirror(), 1, next) })
}

func TestMergeBesideLargeFiles(t *testing.T) {
	w := newWorld(t)
	fork := w.child(w.root, map[string]string{"large": noise(1, 3<<20), "gone": noise(2, 2<<20)})
	base := w.child(fork, map[string]string{"b.yaml": lines(20, 2)}, "gone")
	head := w.child(fork, map[string]string{"new": noise(3, 2<<20), "b.yaml": lines(20, 17)}, "large")
	w.push("main", base)
	w.push("change", head)
	m := w.mirror()
	w.bring(m, 1, base, head)
	merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head)))
	if want := w.expected(base, head); merged.Tree != want {
		t.Errorf("merged %v, want the tree %s", merged, want)
	}
	tree := m.Tree(merged.Tree)
	if _, err := tree.ReadFile(t.Context(), "new"); !errors.Is(err, render.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	w.wants(0, "no doubt is left", func() { w.bring(m, 1, base, head) })
}

func TestAFetchCannotFillTheDisk(t *testing.T) {
	w := newWorld(t, func(o *mirror.Options) { o.Limit = 4 << 20 })
	m := w.mirror()
	w.bring(m, 0, w.root)
	many := map[string]string{}
	for i := range 8 {
		many[fmt.Sprint("f", i)] = noise(byte(i), 1<<20)
	}
	blobs := w.child(w.root, many)
	w.push("blobs", blobs)
	long := w.commit(githubtest.Commit{Parents: []string{w.root}, Files: map[string]string{"x": "1"},
		Message: base64.StdEncoding.EncodeToString([]byte(noise(9, 6<<20)))})
	w.push("long", long)
	for what, sha := range map[string]string{"8 MiB of small files": blobs, "a message of some MiB": long} {
		err := m.Bring(t.Context(), 1, sha)
		if kindOf(err) != mirror.TooLarge || !strings.Contains(err.Error(), "large files") {
			t.Errorf("%s: %v", what, err)
		}
		if got := usage(t, w.options.Folder); got > 5<<20 {
			t.Errorf("%s: %d bytes were kept", what, got)
		}
	}
	w.bring(m, 0, w.root)
	head := w.child(w.root, map[string]string{"x": "2"})
	w.push("change", head)
	w.bring(m, 1, head)
}

// A past that is too large does not matter where the commit itself is small.
func TestALargePastIsLeftOut(t *testing.T) {
	w := newWorld(t, func(o *mirror.Options) { o.Limit = 4 << 20 })
	m := w.mirror()
	w.bring(m, 0, w.root)
	head := w.root
	for i := range 6 {
		head = w.child(head, map[string]string{"x": noise(byte(i), 1<<20-1)})
	}
	head = w.child(head, map[string]string{"x": "small\n"})
	w.push("change", head)
	w.wants(3, "a history that was too large, the history alone, its blobs", func() { w.bring(m, 1, head) })
	if got := files(t, m, w.at(m, head).Tree)["x"]; got != "small\n" {
		t.Errorf("x is %q", got)
	}
	if got := usage(t, w.options.Folder); got > 1<<20 {
		t.Errorf("%d bytes were kept", got)
	}
}

func TestOddTrees(t *testing.T) {
	w := newWorld(t)
	blob := w.git("target", "hash-object", "-w", "--stdin")
	odd := []string{"with space", "ümlaut", "-dash", "--upload-pack=x", "back\\slash", "new\nline", "quote\"", "..x", ".GITx",
		"config.lock", "refs"}
	var listing strings.Builder
	for _, name := range odd {
		fmt.Fprintf(&listing, "100644 blob %s\t%s\x00", blob, name)
	}
	fmt.Fprintf(&listing, "120000 blob %s\tlink\x00", w.git("../../../../etc/passwd", "hash-object", "-w", "--stdin"))
	fmt.Fprintf(&listing, "160000 commit %s\tmodule\x00", strings.Repeat("ab", 20))
	fmt.Fprintf(&listing, "100644 blob %s\t.gitmodules\x00",
		w.git("[submodule \"m\"]\n\tpath = module\n\turl = ext::sh -c false\n", "hash-object", "-w", "--stdin"))
	fmt.Fprintf(&listing, "100644 blob %s\t.gitattributes\x00",
		w.git("* filter=evil merge=evil\n", "hash-object", "-w", "--stdin"))
	head := w.commit(githubtest.Commit{Parents: []string{w.root}, Tree: w.git(listing.String(), "mktree", "-z")})
	w.push("change", head)
	m := w.mirror()
	w.wants(2, "odd names, a link, a submodule", func() { w.bring(m, 1, w.root, head) })
	got := files(t, m, w.at(m, head).Tree)
	for _, name := range odd {
		if got[name] != "target" {
			t.Errorf("%q holds %q", name, got[name])
		}
	}
	if got["link"] != "../../../../etc/passwd" {
		t.Errorf("the link is %q", got["link"])
	}
	merged := must[git.Merged](t)(m.Merge(t.Context(), w.at(m, w.root), w.at(m, head)))
	if merged.Tree != w.at(m, head).Tree {
		t.Errorf("merged %v", merged)
	}
}

// The figures are logged, for machines differ; what must hold is the number
// of fetches.
func TestTwentyThousandFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	w := newWorld(t)
	var marks strings.Builder
	fmt.Fprintf(&marks, "commit refs/heads/large\ncommitter a <a@b.c> 1 +0000\ndata 1\nx\n")
	for i := range 20_000 {
		content := fmt.Sprintf("cluster: %d\nregion: eu-%d\n", i, i%7)
		fmt.Fprintf(&marks, "M 100644 inline c%d/%d/f.yaml\ndata %d\n%s\n", i%50, i, len(content), content)
	}
	w.git(marks.String(), "fast-import", "--quiet")
	base := w.git("", "rev-parse", "refs/heads/large")
	head := w.child(base, map[string]string{"c1/1/f.yaml": "changed: true\n"})
	m := w.mirror()
	step := func(what string, fetches int, do func()) {
		t.Helper()
		start := time.Now()
		w.wants(fetches, what, do)
		t.Logf("%-32s %s", what, time.Since(start).Round(time.Millisecond/10))
	}
	step("all of it", 2, func() { w.bring(m, 0, base) })
	step("a push of one file", 1, func() { w.bring(m, 1, base, head) })
	step("it again", 0, func() { w.bring(m, 1, base, head) })
	step("a merge of it", 0, func() { must[git.Merged](t)(m.Merge(t.Context(), w.at(m, base), w.at(m, head))) })
	w.restart(func() {})
	step("it after a restart", 0, func() { w.bring(w.mirror(), 1, base, head) })
	t.Logf("%-32s %d KiB", "on disk", usage(t, w.options.Folder)>>10)
	if _, err := os.Stat(filepath.Join(w.folder(), "index")); err == nil {
		t.Error("there is an index, so there was a checkout")
	}
}
