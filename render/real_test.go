package render_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/render/worker"
)

// childArg makes this test's program the render child.
const childArg = "render-test-child"

func TestMain(m *testing.M) {
	child.Enter(childArg)
	os.Exit(m.Run())
}

func pool(t *testing.T) *worker.Pool {
	t.Helper()
	p, err := worker.New(t.Context(), worker.Options{
		Args: []string{childArg}, Key: []byte(strings.Repeat("k", 32)), KeyID: "id",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func onDisk(t *testing.T, dir string) render.Tree {
	t.Helper()
	tree, err := git.Folder(dir, git.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func write(t *testing.T, files map[string]string) render.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.Symlink(target, full); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return onDisk(t, dir)
}

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\ndata:\n  v: \"" + value + "\"\n"
}

// everything uses each way that a kustomization has to read a file.
func everything() map[string]string {
	return map[string]string{
		"o/kustomization.yaml": "resources: [../base, own.yaml, link.yaml]\ncomponents: [../component]\n" +
			"patches: [{path: patch.yaml}]\nconfigMapGenerator:\n- {name: g, files: [k=v.txt], envs: [../e.env]}\n" +
			"replacements: [{path: r.yaml}]\ntransformers: [t.yaml, ../transformers]\nconfigurations: [c.yaml]\n" +
			"crds: [crd.json]\n",
		"o/own.yaml":   configMap("own", "1"),
		"o/link.yaml":  "-> ../shared/linked.yaml",
		"o/patch.yaml": configMap("base", "patched"),
		"o/v.txt":      "1", "e.env": "A=1",
		"o/r.yaml": "source: {kind: ConfigMap, name: own, fieldPath: data.v}\n" +
			"targets: [{select: {name: base}, fieldPaths: [data.w], options: {create: true}}]\n",
		"o/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: ../shared/p.yaml\n" +
			"target: {name: own}\n",
		"shared/p.yaml":                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {t: \"1\"}\n",
		"shared/linked.yaml":             configMap("linked", "1"),
		"transformers/kustomization.yml": "resources: [l.yaml]\n",
		"transformers/l.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\n" +
			"fieldSpecs: [{path: metadata/labels, create: true}]\n",
		"o/c.yaml":           "nameReference: []\n",
		"o/crd.json":         "{}",
		"base/Kustomization": "resources: [b.yaml]\n",
		"base/b.yaml":        configMap("base", "1"),
		"component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
			"commonAnnotations: {c: d}\n",
		"plain/p.yaml":             configMap("plain", "1"),
		"other/kustomization.yaml": "resources: [o.yaml]\n",
		"other/o.yaml":             configMap("other", "1"),
		"README.md":                "x",
	}
}

// checkLooks checks that whatever a build really looked at is in the lexical
// closure of its root: then no change can escape it.
func checkLooks(t *testing.T, set *render.RootSet, tree render.Tree, builds map[string]render.Build) {
	t.Helper()
	for name, build := range builds {
		for _, probe := range build.Probes {
			if _, err := tree.ReadDir(t.Context(), probe.Path); err == nil || probe.Dir {
				continue
			}
			if !slices.ContainsFunc(set.Why(probe.Path), func(c render.Chain) bool { return c.Root == name }) {
				t.Errorf("root %q looked at %q (found %q), outside its closure", name, probe.Path, probe.ID)
			}
		}
	}
}

func TestRealBuildsStayInTheirClosure(t *testing.T) {
	p, tree := pool(t), write(t, everything())
	c, err := render.Audit(t.Context(), p, tree, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Affected, []string{"o", "other", "plain"}) || len(c.UnknownHead) > 0 {
		t.Fatalf("roots %v, failed %v: %+v", c.Affected, c.UnknownHead, c.Head.Builds["o"].Problem)
	}
	set, err := render.Roots(t.Context(), p, tree, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkLooks(t, set, tree, c.Head.Builds)
}

// Each file removed in turn: what a full build of both sides tells apart is
// what Compare calls affected, and its changes are the same.
func TestAffectedAgreesWithFullBuilds(t *testing.T) {
	p, files := pool(t), everything()
	base := write(t, files)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		edited := maps.Clone(files)
		delete(edited, name)
		head := write(t, edited)
		some, err := render.Compare(t.Context(), p, base, head, render.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := render.Compare(t.Context(), p, base, head, render.Options{All: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(some.Changes) != len(all.Changes) || !slices.Equal(some.UnknownHead, all.UnknownHead) {
			t.Errorf("without %s: %d changes and %v, of all roots %d and %v",
				name, len(some.Changes), some.UnknownHead, len(all.Changes), all.UnknownHead)
		}
		for path, before := range all.Base.Builds {
			after := all.Head.Builds[path]
			same := before.Status == after.Status && reflect.DeepEqual(before.Resources, after.Resources)
			if !same && !slices.Contains(some.Affected, path) {
				t.Errorf("without %s: root %q differs and is not affected", name, path)
			}
		}
	}
}

// Every root of real repositories: found without an error, built, and within
// its closure.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("COUNTERSIGN_CORPUS")
	if corpus == "" {
		t.Skip("COUNTERSIGN_CORPUS names no folder of repositories")
	}
	repositories, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	p := pool(t)
	for _, repository := range repositories {
		if !repository.IsDir() {
			continue
		}
		t.Run(repository.Name(), func(t *testing.T) {
			tree := onDisk(t, filepath.Join(corpus, repository.Name()))
			c, err := render.Audit(t.Context(), p, tree, render.Options{})
			if err != nil {
				t.Fatal(err)
			}
			set, err := render.Roots(t.Context(), p, tree, render.Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkLooks(t, set, tree, c.Head.Builds)
			t.Logf("%d roots, %d failed, %d duplicates, %d notices",
				len(c.Head.Roots), len(c.UnknownHead), len(c.Duplicates), len(c.Head.Notices))
		})
	}
}
