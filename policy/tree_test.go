package policy

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/render/worker"
)

// TestMain lets the test binary be its own render child, as the program is.
func TestMain(m *testing.M) {
	child.Enter("render-child")
	os.Exit(m.Run())
}

// loaded are the rules as they are shipped, loaded once.
var loaded = sync.OnceValues(func() (*engine.Engine, error) { return engine.New(rego.FS) })

// assessor judges with real children and the real rules.
func assessor(t *testing.T) *Assessor {
	t.Helper()
	rules, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := worker.New(t.Context(), worker.Options{Key: []byte(strings.Repeat("k", 32)), KeyID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &Assessor{Builder: pool, Rules: rules, Version: "test", Renderer: "test", KeyID: "test"}
}

// files is a tree in memory: content by path. A content that begins with
// "-> " is a symlink, "submodule" is one.
type files map[string]string

// with is the same tree with some files changed; an empty content removes one.
func (f files) with(changed files) files {
	all := maps.Clone(f)
	maps.Copy(all, changed)
	maps.DeleteFunc(all, func(_, content string) bool { return content == "" })
	return all
}

func (f files) ID() string { return f.id("") }

func (f files) id(dir string) string {
	parts := []string{"tree"}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if dir == "" || strings.HasPrefix(name, dir+"/") {
			parts = append(parts, strings.TrimPrefix(name, dir), f[name])
		}
	}
	return digest.Of(parts...)[7:47]
}

func (f files) ReadDir(_ context.Context, dir string) ([]render.Entry, error) {
	entries := map[string]render.Entry{}
	for name, content := range f {
		rest := name
		if dir != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(name, dir+"/"); !ok {
				continue
			}
		}
		first, _, below := strings.Cut(rest, "/")
		entry := render.Entry{Name: first, Mode: render.ModeFile, ID: digest.Of(content)[7:47]}
		switch {
		case below:
			entry.Mode, entry.ID = render.ModeDir, f.id(path.Join(dir, first))
		case content == "submodule":
			entry.Mode = render.ModeSubmodule
		case strings.HasPrefix(content, "-> "):
			entry.Mode, entry.ID = render.ModeSymlink, digest.Of("link", content)[7:47]
		}
		entries[first] = entry
	}
	if len(entries) == 0 && dir != "" {
		return nil, fs.ErrNotExist
	}
	return slices.SortedFunc(maps.Values(entries), func(a, b render.Entry) int {
		return strings.Compare(a.Name, b.Name)
	}), nil
}

func (f files) ReadFile(_ context.Context, name string) ([]byte, error) {
	content, ok := f[name]
	switch {
	case ok && content == "submodule":
		return nil, render.ErrNotFile
	case ok:
		return []byte(strings.TrimPrefix(content, "-> ")), nil
	}
	if entries, err := f.ReadDir(context.Background(), name); err == nil && len(entries) > 0 {
		return nil, render.ErrNotFile
	}
	return nil, fs.ErrNotExist
}

// assess judges the change from one tree to another.
func assess(t *testing.T, base, head files) Assessment {
	t.Helper()
	a, err := assessor(t).Review(t.Context(), Sides{BaseTree: base, MergedTree: head})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// found are the findings of one rule.
func found(a Assessment, rule engine.RuleID) []Finding {
	var list []Finding
	for _, f := range a.Findings {
		if f.Rule == rule {
			list = append(list, f)
		}
	}
	return list
}
