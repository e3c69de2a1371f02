package worker

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

func TestScan(t *testing.T) {
	files := map[string]string{
		"bad.yaml": "bad", "link.yaml": "-> bad.yaml", "out.yaml": "-> ../x", "gone.yaml": "-> nothing",
		"dir.yaml": "-> d", "d/e.yaml": "e", "sub.yaml": "submodule",
		"lfs.yaml": "version https://git-lfs.github.com/spec/v1\n",
		"big.yaml": strings.Repeat("x", 40<<10), "twin/e.yaml": "e",
	}
	for i := range 300 {
		files[fmt.Sprintf("many/%03d.yaml", i)] = fmt.Sprint("number ", i)
	}
	files["many/100.yaml"], files["many/200.yaml"] = "exit", "spin"
	tree := newTree(files)
	var paths []string
	for name := range files {
		paths = append(paths, name)
	}
	slices.Sort(paths)
	p := pool(t, nil)
	facts, err := p.Scan(t.Context(), tree, paths)
	if err != nil {
		t.Fatal(err)
	}
	problems := map[string]string{
		"many/100.yaml": "the renderer died", "many/200.yaml": "rendering took more than 1s of CPU",
		"bad.yaml": "bad [31m file", "link.yaml": "bad [31m file",
		"out.yaml":  "the file is a symlink that leaves the tree",
		"gone.yaml": "the file is a symlink to what is not in the tree",
		"lfs.yaml":  "the file is an LFS pointer, not content",
		"big.yaml":  "the file is larger than 32 KiB",
	}
	for i, name := range paths {
		f := facts[i]
		if f.Problem != nil && f.Problem.Source.File != name {
			t.Errorf("%s: problem at %+v", name, f.Problem.Source)
		}
		var says string
		if f.Problem != nil {
			says = f.Problem.Message
		}
		if says != problems[name] {
			t.Errorf("%s: problem %q, want %q", name, says, problems[name])
		}
		unread := problems[name] != "" && !strings.Contains(problems[name], "bad")
		none := name == "dir.yaml" || name == "sub.yaml" || unread
		if f.Manifest == none {
			t.Errorf("%s: facts %+v", name, f)
		}
		if f.Manifest && f.References[0].Path != filepath.Base(name) {
			t.Errorf("%s: facts of %q", name, f.References[0].Path)
		}
	}
}

// Facts are remembered by base name and content, failures by us are not.
func TestScanRemembers(t *testing.T) {
	p := pool(t, nil)
	paths := []string{"a/x.yaml", "b/x.yaml", "c/y.yaml"}
	tree := newTree(map[string]string{"a/x.yaml": "x", "b/x.yaml": "x", "c/y.yaml": "x"})
	if _, err := p.Scan(t.Context(), tree, paths); err != nil {
		t.Fatal(err)
	}
	facts, err := p.Scan(t.Context(), tree, paths)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range facts {
		// The fake says how many files came along: the two that differ, in
		// the first scan.
		if f.References[0].Line != 2 || f.References[0].Path != filepath.Base(paths[i]) {
			t.Errorf("%s: %+v", paths[i], f)
		}
	}
	tree.files["a/x.yaml"] = "exit"
	for range 2 {
		facts, err := p.Scan(t.Context(), tree, paths[:1])
		if err != nil || facts[0].Problem == nil {
			t.Fatal(facts, err)
		}
	}
	if _, known := p.known.recall(key{"x.yaml", id("exit")}); known {
		t.Error("the end of a child was remembered as the content's")
	}
}

func TestMemoryOfFactsIsBounded(t *testing.T) {
	var m memory
	for i := range 3 * remembered {
		m.remember(key{base: "x", id: fmt.Sprint(i)}, render.FileFacts{})
		m.recall(key{base: "x", id: "0"})
	}
	if n := len(m.new) + len(m.old); n > 2*remembered {
		t.Errorf("%d facts are remembered", n)
	}
	if _, ok := m.recall(key{base: "x", id: "0"}); !ok {
		t.Error("what is asked for all the time was forgotten")
	}
}
