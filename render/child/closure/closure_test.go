package closure

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// files is a tree in memory that counts how it is asked.
type files struct {
	content map[string]string
	reads   int
}

func (f *files) Stat(name string) (wire.Kind, string, error) {
	if _, ok := f.content[name]; ok {
		return wire.KindFile, name, nil
	}
	for other := range f.content {
		if name == "" || strings.HasPrefix(other, name+"/") {
			return wire.KindDir, name, nil
		}
	}
	return 0, "", &wire.FSError{Op: wire.OpStat, Path: name, Code: wire.CodeMissing}
}

func (f *files) ReadFile(name string) ([]byte, error) {
	f.reads++
	if content, ok := f.content[name]; ok {
		return []byte(content), nil
	}
	return nil, &wire.FSError{Op: wire.OpReadFile, Path: name, Code: wire.CodeMissing}
}

func (f *files) ReadDir(name string) ([]wire.DirEntry, error) {
	var entries []wire.DirEntry
	for _, other := range slices.Sorted(maps.Keys(f.content)) {
		if dir, base := path.Split(other); strings.TrimSuffix(dir, "/") == name {
			entries = append(entries, wire.DirEntry{Name: base})
		}
	}
	return entries, nil
}

var usual = wire.Limits{File: 1 << 20, Bytes: 64 << 20, Objects: 20_000}

func read(content map[string]string, root string) (*Closure, *files, *render.Problem) {
	f := &files{content: content}
	c, problem := Read(NewTree(f), usual, root)
	return c, f, problem
}

const aMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

// TestFanOut (AC-056): twenty-two layers, each of which loads the next twice,
// are four million loads. They are counted without being made.
func TestFanOut(t *testing.T) {
	content := map[string]string{"l0/a.yaml": aMap, "l0/kustomization.yaml": "resources: [a.yaml]\n"}
	for i := 1; i <= 22; i++ {
		content[fmt.Sprintf("l%d/kustomization.yaml", i)] = "resources: [left, right]\n"
		for _, side := range []string{"left", "right"} {
			content[fmt.Sprintf("l%d/%s/kustomization.yaml", i, side)] =
				fmt.Sprintf("namePrefix: %s-\nresources: [../../l%d]\n", side, i-1)
		}
	}
	start := time.Now()
	_, f, problem := read(content, "l22")
	if problem == nil || problem.Cause != render.CauseLimit {
		t.Fatalf("%+v", problem)
	}
	if f.reads > 400 || time.Since(start) > 5*time.Second {
		t.Errorf("%d reads in %v", f.reads, time.Since(start))
	}
}

func TestComponentFanOut(t *testing.T) {
	content := map[string]string{"c0/kustomization.yaml": "kind: Component\nnamePrefix: a\n"}
	for i := 1; i <= 12; i++ {
		content[fmt.Sprintf("c%d/kustomization.yaml", i)] =
			fmt.Sprintf("kind: Component\ncomponents: [../c%d, ../c%d]\n", i-1, i-1)
	}
	content["app/kustomization.yaml"] = "components: [../c12]\n"
	if _, _, problem := read(content, "app"); problem == nil || problem.Cause != render.CauseLimit {
		t.Fatalf("%+v", problem)
	}
}

func TestDepth(t *testing.T) {
	chain := func(layers int) map[string]string {
		content := map[string]string{"l0/a.yaml": aMap, "l0/kustomization.yaml": "resources: [a.yaml]\n"}
		for i := 1; i < layers; i++ {
			content[fmt.Sprintf("l%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../l%d]\n", i-1)
		}
		return content
	}
	if _, _, problem := read(chain(maxDepth), fmt.Sprintf("l%d", maxDepth-1)); problem != nil {
		t.Errorf("%d layers: %+v", maxDepth, problem)
	}
	_, _, problem := read(chain(maxDepth+1), fmt.Sprintf("l%d", maxDepth))
	if problem == nil || problem.Cause != render.CauseLimit {
		t.Errorf("%d layers: %+v", maxDepth+1, problem)
	}
}

func TestAccumulationsAtTheLimit(t *testing.T) {
	root := func(n int) map[string]string {
		content := map[string]string{}
		var list strings.Builder
		list.WriteString("resources:\n")
		for i := range n {
			fmt.Fprintf(&list, "- f%d.yaml\n", i)
			content[fmt.Sprintf("f%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n%d}\n", i)
		}
		content["kustomization.yaml"] = list.String()
		return content
	}
	if _, _, problem := read(root(maxAccumulations-1), ""); problem != nil {
		t.Errorf("at the limit: %+v", problem)
	}
	if _, _, problem := read(root(maxAccumulations), ""); problem == nil || problem.Cause != render.CauseLimit {
		t.Errorf("beyond the limit: %+v", problem)
	}
}

// TestObjectsMultiply: a few files that are loaded many times.
func TestObjectsMultiply(t *testing.T) {
	content := map[string]string{
		"base/kustomization.yaml": "resources: [a.yaml]\n",
		"base/a.yaml":             strings.Repeat("---\n"+aMap, 3000),
	}
	var list strings.Builder
	list.WriteString("resources:\n")
	for i := range 10 {
		fmt.Fprintf(&list, "- o%d\n", i)
		content[fmt.Sprintf("app/o%d/kustomization.yaml", i)] = fmt.Sprintf("namePrefix: o%d-\nresources: [../../base]\n", i)
	}
	content["app/kustomization.yaml"] = list.String()
	_, _, problem := read(content, "app")
	if problem == nil || problem.Cause != render.CauseLimit || !strings.Contains(problem.Message, "20000 objects") {
		t.Fatalf("%+v", problem)
	}
}

func TestCollisions(t *testing.T) {
	c, _, problem := read(map[string]string{
		"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": aMap, "A.yaml": aMap,
		"caf\u00e9.yaml": aMap, "cafe\u0301.yaml": aMap, "stra\u00dfe": "", "STRASSE": "", "b.yaml": aMap,
	}, "")
	if problem != nil {
		t.Fatal(problem)
	}
	if len(c.Notices) != 3 {
		t.Errorf("%+v", c.Notices)
	}
}

// TestPathsOut: nothing outside the mount is a path of the tree, and the mount
// itself is none either.
func TestPathsOut(t *testing.T) {
	for _, name := range []string{"/", "/etc/passwd", "/repositoryx", "/repository/..", "/repository/../repositoryx/a", "repo"} {
		if inside, err := Inside(name); err == nil {
			t.Errorf("%q is %q in the tree", name, inside)
		}
	}
	for name, want := range map[string]string{
		"/repository": "", "/repository/a": "a", "/repository/..x": "..x", "/repository/a/../b": "b", "/repository//a/": "a",
	} {
		if inside, err := Inside(name); err != nil || inside != want {
			t.Errorf("%q is %q in the tree, %v", name, inside, err)
		}
	}
}

// TestReadOnly: kustomize can write nowhere.
func TestReadOnly(t *testing.T) {
	tree := NewTree(&files{content: map[string]string{"a": "b"}})
	_, create := tree.Create("/repository/x")
	_, open := tree.Open("/repository/a")
	for _, err := range []error{
		create, open, tree.Mkdir("/x"), tree.MkdirAll("/x"), tree.RemoveAll("/repository/a"), tree.WriteFile("/repository/a", nil),
	} {
		if err == nil {
			t.Error("allowed")
		}
	}
	if content, err := tree.ReadFile("/repository/a"); err != nil || string(content) != "b" {
		t.Errorf("%q, %v", content, err)
	}
}

// FuzzRead: no kustomization makes the closure panic, and one that names a URL
// under resources is never read without a problem.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"resources: [a.yaml]", "{resources: [a.yaml], patches: [{patch: '[{op: add}]'}]}", "generators:\n- |\n  kind: x\n",
		"configMapGenerator: [{files: [a=b=c]}]", "vars: [{name: x}]", "replacements: [{source: {fieldPath: a}}]",
		"openapi: {path: a.yaml}", "transformers: [t]", "resources: [https://example.com/x]", "a: &a [*a]",
		"patches: [{path: a.yaml, target: {kind: x}}]", "images: [{name: x}]\nbases: [..]", "helmCharts: [{name: x}]",
	} {
		f.Add(seed, aMap)
	}
	f.Fuzz(func(t *testing.T, kustomization, other string) {
		c, _, problem := read(map[string]string{"app/kustomization.yaml": kustomization, "app/a.yaml": other}, "app")
		if problem != nil {
			return
		}
		for _, name := range c.Top().Resources {
			if remoteFile(name) {
				t.Errorf("%q was not refused", name)
			}
		}
	})
}
