package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

// everyReference names a path in each field that can hold one.
const everyReference = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- a.yaml
- ../base
bases: [old]
components: [comp]
crds: [crd.yaml]
configurations: [conf.yaml]
generators: [gen.yaml, "kind: X\nname: y"]
transformers:
- trans.yaml
- |-
  apiVersion: builtin
  kind: PatchTransformer
  metadata: {name: x}
  path: inner.yaml
validators: [val.yaml]
patches:
- path: p1.yaml
  target: {kind: X}
- patch: "- op: remove\n  path: /spec"
patchesStrategicMerge:
- psm.yaml
- |-
  apiVersion: v1
  kind: X
patchesJson6902:
- path: j.yaml
  target: {name: x}
- patch: '[{"op": "remove", "path": "/a"}]'
replacements:
- path: r.yaml
- source: {kind: X}
configMapGenerator:
- name: x
  files: [f1.txt, key=f2.txt]
  envs: [e.env]
  env: old.env
  literals: [a=b]
secretGenerator:
- {name: y, files: [s=s.key]}
openapi: {path: schema.json}
helmCharts:
- name: c
  valuesFile: v.yaml
  additionalValuesFiles: [w.yaml]
helmGlobals: {chartHome: charts}
helmChartInflationGenerator:
- {chartName: c, values: old.yaml, chartHome: home}
`

const everyReferenceListed = `resources a.yaml 4
resources ../base 5
bases old 6
components comp 7
crds crd.yaml 8
configurations conf.yaml 9
generators gen.yaml 10
transformers trans.yaml 12
transformers inner.yaml 13
validators val.yaml 18
patchesStrategicMerge psm.yaml 24
patches p1.yaml 20
patchesJson6902 j.yaml 29
replacements r.yaml 33
configMapGenerator f1.txt 37
configMapGenerator f2.txt 37
configMapGenerator e.env 38
configMapGenerator old.env 39
secretGenerator s.key 42
openapi schema.json 43
helmCharts v.yaml 46
helmCharts w.yaml 47
helmChartInflationGenerator old.yaml 50
helmChartInflationGenerator home 50
helmGlobals charts 48
`

func TestScanListsEveryReference(t *testing.T) {
	facts := Scan("clusters/eu/kustomization.yaml", []byte(everyReference))
	if !facts.Kustomization || facts.Component || facts.Problem != nil {
		t.Errorf("%+v", facts)
	}
	if diff := cmp.Diff(everyReferenceListed, listed(facts.References)); diff != "" {
		t.Error(diff)
	}
}

func listed(references []render.Reference) string {
	var b strings.Builder
	for _, reference := range references {
		fmt.Fprintf(&b, "%s %s %d\n", reference.Field, reference.Path, reference.Line)
	}
	return b.String()
}

// Kustomize decodes its file without regard to the case of keys, and resolves
// merges: neither may hide a path.
func TestScanSeesWhatKustomizeWouldTake(t *testing.T) {
	facts := Scan("Kustomization", []byte(`x: &x
  resources: [merged]
RESOURCES: [loud]
Patches: [{PATH: p.yaml}]
OpenAPI: {Path: s.json}
<<: *x
Kind: Component
`))
	want := "resources loud 3\nresources merged 2\npatches p.yaml 4\nopenapi s.json 5\n"
	if diff := cmp.Diff(want, listed(facts.References)); diff != "" {
		t.Error(diff)
	}
	if !facts.Component {
		t.Error("no component")
	}
}

func TestScanNames(t *testing.T) {
	for name, want := range map[string]bool{
		"kustomization.yaml": true, "a/kustomization.yml": true, "Kustomization": true, "a/b/Kustomization": true,
		"Kustomization.yaml": false, "kustomization": false, "KUSTOMIZATION.YAML": false, "kustomization.yaml.bak": false,
		"kustomization.json": false,
	} {
		if got := Scan(name, []byte("resources: [a]\n")).Kustomization; got != want {
			t.Errorf("AC-061 %s: %v", name, got)
		}
	}
}

func TestScanManifests(t *testing.T) {
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	const local = "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/local-config: \"true\"}}\n"
	const kept = "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/local-config: \"false\"}}\n"
	for _, test := range []struct {
		name, text      string
		manifest, local bool
		problem         render.Cause
	}{
		{"a.yaml", object, true, false, ""},
		{"a.yml", "foo: bar\n---\n" + object, true, false, ""},
		{
			"a.json",
			`{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}}]}`,
			true,
			false,
			"",
		},
		{"metadata.yaml", "apiVersion: v1\nkind: Metadata\nmetadata: {}\n", false, false, ""},
		{"a.yaml", "apiVersion: v1\nkind: X\nmetadata: {generateName: x-}\n", true, false, ""},
		{"values.yaml", "image: x\n", false, false, ""},
		{"README.md", object, false, false, ""},
		{"a.yaml", "", false, false, ""},
		{"a.yaml", "- a\n- b\n", false, false, ""},
		{"a.yaml", local, true, true, ""},
		{"a.yaml", local + "---\n" + object, true, false, ""},
		{"a.yaml", kept, true, false, ""},
		{"a.yaml", object + "x: [${A}]\n", true, false, render.CauseSyntax},
		{"a.yaml", local + "x: [${A}]\n", true, false, render.CauseSyntax},
		{"a.yaml", "x: [${A}]\n", false, false, render.CauseSyntax},
		{"a.yaml", object + "---\na: [${A}]\n", true, false, render.CauseSyntax},
		{"a.yaml", object + "data: &a {k: *a}\n", true, false, render.CauseHostile},
		{"a.yaml", "apiVersion: v1\nkind: x\nkind: y\n", true, false, render.CauseSyntax},
		{"a.yaml", "version https://git-lfs.github.com/spec/v1\n", false, false, render.CauseUnreadable},
	} {
		facts := Scan(test.name, []byte(test.text))
		var cause render.Cause
		if facts.Problem != nil {
			cause = facts.Problem.Cause
			if facts.Problem.Source.File != test.name {
				t.Errorf("source %+v", facts.Problem.Source)
			}
		}
		if facts.Manifest != test.manifest || facts.LocalConfig != test.local || cause != test.problem {
			t.Errorf("%s %q: %+v %v", test.name, test.text, facts, facts.Problem)
		}
	}
}

func TestScanGitOps(t *testing.T) {
	facts := Scan("a.yaml", []byte(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./clusters/../clusters/eu/
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: remote, namespace: fleet}
spec:
  path: ../../etc
  kubeConfig: {secretRef: {name: eu-kubeconfig}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: top, namespace: fleet}
spec: {}
---
apiVersion: v1
kind: List
items:
- apiVersion: argoproj.io/v1alpha1
  kind: Application
  metadata: {name: app, namespace: argocd}
  spec:
    sources:
    - path: apps/one
    - chart: x
    destination: {name: eu}
- apiVersion: argoproj.io/v1alpha1
  kind: Application
  metadata: {name: here, namespace: argocd}
  spec:
    source: {path: apps/two}
    destination: {server: "https://kubernetes.default.svc"}
---
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
`))
	want := []render.GitOps{
		{Kind: "flux", Namespace: "flux-system", Name: "apps", Path: "clusters/eu", Line: 5},
		{Kind: "flux", Namespace: "fleet", Name: "remote", Path: "etc", Destination: "eu-kubeconfig", Line: 11},
		{Kind: "flux", Namespace: "fleet", Name: "top", Path: "", Line: 17},
		{Kind: "argo", Namespace: "argocd", Name: "app", Path: "apps/one", Destination: "eu", Line: 27},
		{Kind: "argo", Namespace: "argocd", Name: "here", Path: "apps/two", Line: 34},
	}
	if diff := cmp.Diff(want, facts.GitOps); diff != "" || facts.Problem != nil {
		t.Error(diff, facts.Problem)
	}
}

// A merge must not hide the items of a list.
func TestScanSeesMergedItems(t *testing.T) {
	facts := Scan("a.yaml", []byte(`x: &x
  items:
  - apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata: {name: a}
    spec: {path: hidden}
apiVersion: v1
kind: List
<<: *x
`))
	if !facts.Manifest || len(facts.GitOps) != 1 || facts.GitOps[0].Path != "hidden" {
		t.Errorf("%+v", facts)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("kustomization.yaml", []byte("resources: [a]\npatches: [{path: b}]\n<<: {bases: [c]}"))
	f.Add("a.yaml", []byte("apiVersion: argoproj.io/v1\nkind: Application\nspec: {source: {path: ..}}"))
	f.Add("a.json", []byte(`{"items": [{"kind": 1}], "kind": "List", "apiVersion": "v1"}`))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		facts := Scan(name, content)
		var seen Seen
		seen.Observe(content)
		for _, object := range facts.GitOps {
			if strings.HasPrefix(object.Path, "/") || strings.HasPrefix(object.Path, "../") || object.Path == ".." {
				t.Fatalf("escapes: %q", object.Path)
			}
		}
		for _, reference := range facts.References {
			if reference.Path == "" || reference.Line < 1 {
				t.Fatalf("%+v", reference)
			}
		}
		if facts.LocalConfig && !facts.Manifest {
			t.Fatal("local without manifest")
		}
	})
}
