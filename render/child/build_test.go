package child

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/wire"
)

// plant writes an archive's files to a folder.
func plant(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func buildAt(dir, root string) render.Build {
	return build(render.Root{Path: root, Kind: render.RootKustomize}, disk{dir}, usual, testKey).Build
}

func mustBuild(t *testing.T, archive string) render.Build {
	t.Helper()
	b := buildAt(plant(t, archive), "app")
	if b.Status != render.StatusBuilt {
		t.Fatalf("%+v", b.Problem)
	}
	return b
}

// lines writes the positions as "path file:line".
func lines(r *render.Resource) map[string]string {
	all := map[string]string{}
	for _, p := range r.Positions {
		all[p.Path.String()] = fmt.Sprintf("%s:%d", p.Source.File, p.Source.Line)
	}
	return all
}

func named(t *testing.T, b render.Build, kind, name string) *render.Resource {
	t.Helper()
	for i := range b.Resources {
		if r := &b.Resources[i]; r.Kind == kind && r.Name == name {
			return r
		}
	}
	t.Fatalf("no %s %s in %d resources", kind, name, len(b.Resources))
	return nil
}

const layered = `
-- base/kustomization.yaml --
resources:
- d.yaml
configMapGenerator:
- name: settings
  literals:
  - a=b
  files:
  - text=t.txt
-- base/t.txt --
hello
-- base/d.yaml --
apiVersion: v1
kind: Namespace
metadata:
  name: unrelated
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      hostNetwork: true
      containers:
      - name: one
        image: one:1
        args: [a, b]
      - name: two
        image: two:1
      volumes:
      - name: v
        configMap: {name: settings}
-- app/kustomization.yaml --
namespace: prod
namePrefix: my-
resources:
- ../base
commonAnnotations:
  note: here
labels:
- pairs:
    team: red
images:
- name: two
  newTag: "2"
replicas:
- name: web
  count: 3
patches:
- path: patch.yaml
- target:
    kind: Deployment
  patch: |
    - op: add
      path: /spec/template/spec/hostPID
      value: true
    - op: add
      path: /spec/template/spec/containers/0/args/-
      value: c
-- app/patch.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: one
        image: one:9
`

func TestPositions(t *testing.T) {
	b := mustBuild(t, layered)
	d := named(t, b, "Deployment", "my-web")
	if want := (render.Source{File: "base/d.yaml", Line: 6}); d.Source != want {
		t.Errorf("source %+v, want %+v", d.Source, want)
	}
	got := lines(d)
	for path, want := range map[string]string{
		"kind":                                     "base/d.yaml:7",
		"metadata.name":                            "base/d.yaml:9",
		"metadata.namespace":                       "app/kustomization.yaml:1",
		"metadata.labels.team":                     "app/kustomization.yaml:9",
		"metadata.annotations.note":                "app/kustomization.yaml:6",
		"spec.replicas":                            "app/kustomization.yaml:14",
		"spec.template.spec.hostNetwork":           "base/d.yaml:14",
		"spec.template.spec.hostPID":               "app/kustomization.yaml:23",
		"spec.template.spec.containers":            "base/d.yaml:15",
		"spec.template.spec.containers[0].image":   "app/patch.yaml:10",
		"spec.template.spec.containers[0].args[1]": "base/d.yaml:18",
		"spec.template.spec.containers[0].args[2]": "app/kustomization.yaml:26",
		"spec.template.spec.containers[1].image":   "app/kustomization.yaml:11",
		"spec.template.spec.volumes[0].name":       "base/d.yaml:22",
	} {
		if got[path] != want {
			t.Errorf("%s is at %q, want %q", path, got[path], want)
		}
	}
}

func TestGeneratedNames(t *testing.T) {
	b := mustBuild(t, layered)
	var found *render.Resource
	for i := range b.Resources {
		if b.Resources[i].Kind == "ConfigMap" {
			found = &b.Resources[i]
		}
	}
	if found == nil || found.Generated != "my-settings" || !strings.HasPrefix(found.Name, "my-settings-") {
		t.Fatalf("%+v", found)
	}
	if want := (render.Source{File: "base/kustomization.yaml", Line: 4}); found.Source != want {
		t.Errorf("source %+v, want %+v", found.Source, want)
	}
	got := lines(found)
	if got["data.a"] != "base/kustomization.yaml:6" || got["data.text"] != "base/t.txt:1" {
		t.Errorf("%v", got)
	}
	// The same object, written out: nothing was generated.
	plain := fmt.Sprintf(`
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: %s}
data: {a: b, text: "hello\n"}
`, found.Name)
	if r := named(t, mustBuild(t, plain), "ConfigMap", found.Name); r.Generated != "" {
		t.Errorf("an object that was written out counts as generated from %q", r.Generated)
	}
}

func TestGeneratedWithoutOrigins(t *testing.T) {
	// A JSON patch of annotations: the origin is not asked for.
	watched := strings.Replace(layered, "patches:\n", `patches:
- target: {kind: Namespace}
  patch: |
    - op: add
      path: /metadata/annotations
      value: {}
`, 1)
	b := mustBuild(t, watched)
	d := named(t, b, "Deployment", "my-web")
	if got := lines(d)["spec.template.spec.containers[0].image"]; got != "app/patch.yaml:10" {
		t.Errorf("image at %q", got)
	}
	if !slices.ContainsFunc(b.Resources, func(r render.Resource) bool { return r.Generated == "my-settings" }) {
		t.Error("no generated name")
	}
}

func TestDisabledHashIsNotGenerated(t *testing.T) {
	b := mustBuild(t, `
-- app/kustomization.yaml --
configMapGenerator:
- name: settings-abc
  literals: [a=b]
  options: {disableNameSuffixHash: true}
`)
	if r := named(t, b, "ConfigMap", "settings-abc"); r.Generated != "" {
		t.Errorf("generated from %q", r.Generated)
	}
}

// TestNoTrace builds roots with and without our request for origins: the
// objects are the same, and no annotation of ours is left.
func TestNoTrace(t *testing.T) {
	for name, archive := range map[string]string{
		"layered": layered,
		"annotations": `
-- app/kustomization.yaml --
resources: [a.yaml]
commonAnnotations: {x: "y"}
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: one, annotations: {b: null, c: d}}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one, annotations: {b: c}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, annotations: {}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: three
  annotations:
`,
		"copies metadata": `
-- app/kustomization.yaml --
resources: [a.yaml]
patches:
- target: {kind: ConfigMap}
  patch: |
    - {op: copy, from: /metadata, path: /copied}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
`,
		"replaces with metadata": `
-- app/kustomization.yaml --
resources: [a.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: metadata}
  targets:
  - select: {kind: ConfigMap}
    fieldPaths: [copied]
    options: {create: true}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
`,
		"selects by annotation": `
-- app/kustomization.yaml --
resources: [a.yaml]
patches:
- target: {annotationSelector: config.kubernetes.io/origin}
  patch: |
    - {op: add, path: /seen, value: "yes"}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
`,
		"hash of other kinds": `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml --
apiVersion: example.com/v1
kind: Thing
metadata: {name: one, annotations: {internal.config.kubernetes.io/needsHashSuffix: enabled}}
`,
		"flow style, own metadata": `
-- app/kustomization.yaml --
{resources: [a.yaml], BuildMetadata: [managedByLabel]}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, archive)
			got := buildAt(dir, "app")
			if got.Status != render.StatusBuilt {
				t.Fatalf("%+v", got.Problem)
			}
			files := closure.NewTree(disk{dir})
			want, err := runKustomize(files, "app")
			if err != nil {
				t.Fatal(err)
			}
			b := &builder{tree: files, limits: usual, key: testKey}
			c, problem := closure.Read(files, usual, "app")
			if problem != nil {
				t.Fatal(problem)
			}
			if problem := b.collect(c, want, injection{}); problem != nil {
				t.Fatal(problem)
			}
			if diff := cmp.Diff(objectsOf(b.build.Resources), objectsOf(got.Resources)); diff != "" {
				t.Errorf("-plain +with origins:\n%s", diff)
			}
			if text := fmt.Sprint(objectsOf(got.Resources)); strings.Contains(text, "config.kubernetes.io/origin") {
				t.Errorf("a trace: %s", text)
			}
		})
	}
}

func objectsOf(resources []render.Resource) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, r := range resources {
		all[fmt.Sprint(r.Identity)] = r.Object
	}
	return all
}

func TestOwnOriginsStay(t *testing.T) {
	b := mustBuild(t, `
-- app/kustomization.yaml --
resources: [a.yaml]
buildMetadata: [originAnnotations]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
`)
	r := named(t, b, "ConfigMap", "one")
	origin, _ := render.Lookup(r.Object, render.Path{"metadata", "annotations", "config.kubernetes.io/origin"})
	if origin != "path: a.yaml\n" {
		t.Errorf("origin %q", origin)
	}
}

func TestLocalConfigIsListed(t *testing.T) {
	b := mustBuild(t, `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: kept}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dropped, annotations: {config.kubernetes.io/local-config: "true"}}
`)
	if r := named(t, b, "ConfigMap", "dropped"); !r.Local || r.Source.Line != 5 {
		t.Errorf("%+v", r)
	}
	if r := named(t, b, "ConfigMap", "kept"); r.Local {
		t.Errorf("%+v", r)
	}
}

func TestPlainRoot(t *testing.T) {
	dir := plant(t, `
-- m/a.yaml --
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: two}
---
-- m/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {k: v}
---
just: text
`)
	root := render.Root{Path: "m", Kind: render.RootPlain, Files: []string{"m/a.yaml", "m/b.yaml"}}
	b := build(root, disk{dir}, usual, testKey).Build
	if b.Status != render.StatusBuilt || len(b.Resources) != 3 {
		t.Fatalf("%+v, %d resources", b.Problem, len(b.Resources))
	}
	var sources []render.Source
	for _, r := range b.Resources {
		sources = append(sources, r.Source)
	}
	want := []render.Source{{File: "m/a.yaml", Line: 4}, {File: "m/b.yaml", Line: 1}, {File: "m/a.yaml", Line: 7}}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Error(diff)
	}
	if got := lines(&b.Resources[1])["data.k"]; got != "m/b.yaml:4" {
		t.Errorf("data.k at %q", got)
	}
	if len(b.Notices) != 1 || b.Notices[0].Source != (render.Source{File: "m/b.yaml", Line: 6}) {
		t.Errorf("notices %+v", b.Notices)
	}
	one := build(render.Root{Path: "m/b.yaml", Kind: render.RootFile}, disk{dir}, usual, testKey).Build
	if one.Status != render.StatusBuilt || len(one.Resources) != 1 {
		t.Errorf("%+v", one)
	}
}

func TestSymlinkedFolder(t *testing.T) {
	dir := plant(t, `
-- app/kustomization.yaml --
resources: [link]
-- real/deep/kustomization.yaml --
resources: [../a.yaml]
-- real/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: right}
-- a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: wrong}
`)
	if err := os.Symlink("../real/deep", filepath.Join(dir, "app/link")); err != nil {
		t.Fatal(err)
	}
	b := buildAt(dir, "app")
	if b.Status != render.StatusBuilt {
		t.Fatalf("%+v", b.Problem)
	}
	if r := named(t, b, "ConfigMap", "right"); r.Source.File != "real/a.yaml" {
		t.Errorf("%+v", r.Source)
	}
}

func TestStrangeNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"with space.yaml", "line\nfeed.yaml", `back\slash.yaml`, "..x.yaml", "größe.yaml", "a=b.yaml", "%2e%2e.yaml", "CON.yaml", "dot..yaml"}
	var list strings.Builder
	list.WriteString("resources:\n")
	for i, name := range names {
		fmt.Fprintf(&list, "- %q\n", name)
		object := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n%d}\n", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(object), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	b := buildAt(dir, "")
	if b.Status != render.StatusBuilt || len(b.Resources) != len(names) {
		t.Fatalf("%+v, %d resources", b.Problem, len(b.Resources))
	}
	for i, name := range names {
		if r := named(t, b, "ConfigMap", fmt.Sprintf("n%d", i)); r.Source.File != name {
			t.Errorf("%q is said to come from %q", name, r.Source.File)
		}
	}
}

func TestDeprecatedFields(t *testing.T) {
	b := mustBuild(t, `
-- base/kustomization.yaml --
resources: [d.yaml]
vars:
- name: NAME
  objref: {apiVersion: apps/v1, kind: Deployment, name: web}
-- base/d.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: one, image: "one:1", args: ["$(NAME)"]}]}}}
-- app/kustomization.yaml --
bases: [../base]
commonLabels: {a: b}
imageTags: [{name: one, newTag: "2"}]
patchesStrategicMerge:
- |
  apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec: {replicas: 4}
patchesJson6902:
- target: {group: apps, version: v1, kind: Deployment, name: web}
  patch: '[{"op": "add", "path": "/spec/paused", "value": true}]'
`)
	d := named(t, b, "Deployment", "web")
	for path, want := range map[string]string{
		"spec.replicas":                          "app/kustomization.yaml:9",
		"spec.paused":                            "app/kustomization.yaml:12",
		"spec.selector.matchLabels.a":            "app/kustomization.yaml:2",
		"spec.template.spec.containers[0].image": "app/kustomization.yaml:3",
	} {
		if got := lines(d)[path]; got != want {
			t.Errorf("%s at %q, want %q", path, got, want)
		}
	}
	if !slices.Contains(b.Features, "vars") {
		t.Errorf("features %q", b.Features)
	}
}

func TestLimitsAreCounted(t *testing.T) {
	limits := usual
	limits.Objects = 2
	dir := plant(t, `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
`)
	for _, root := range []render.Root{
		{Path: "app", Kind: render.RootKustomize}, {Path: "app", Kind: render.RootPlain, Files: []string{"app/a.yaml"}},
	} {
		b := build(root, disk{dir}, limits, testKey).Build
		if b.Status != render.StatusFailed || b.Problem.Cause != render.CauseLimit {
			t.Errorf("%s: %+v", root.Kind, b.Problem)
		}
	}
}

// panicking is a tree whose reading panics, as a library might.
type panicking struct{ disk }

func (panicking) Stat(string) (wire.Kind, string, error) { panic("here") }

func TestPanicTaints(t *testing.T) {
	r := build(render.Root{Path: "app", Kind: render.RootKustomize}, panicking{}, usual, testKey)
	if !r.Tainted || r.Build.Status != render.StatusFailed || r.Build.Problem.Cause != render.CauseCrash {
		t.Errorf("%+v", r)
	}
}

func BenchmarkBuild(b *testing.B) {
	dir := b.TempDir()
	for _, file := range txtar.Parse([]byte(layered)).Files {
		name := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if got := buildAt(dir, "app"); got.Problem != nil {
			b.Fatal(got.Problem)
		}
	}
}
