package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

// root is a folder whose kustomization takes one file.
func root(folder, content string) tree {
	return below(folder, tree{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": content})
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: apps}\n"

// AC-054: a value that contains itself, in 60 bytes, wherever YAML is read.
func abuseAliasCycle(t *testing.T) {
	s := besiege(t, nil, join(
		root("evil", configMap+"data: &a {k: *a}\n"),
		below("entry", tree{"kustomization.yaml": "resources: &a [*a]\n"}),
		below("plain", tree{"a.yaml": configMap + "data: &a\n  k: [1, *a]\n"}),
		below("patch", tree{"kustomization.yaml": `resources: [a.yaml]
patches:
- target: {kind: ConfigMap}
  patch: |
    - {op: add, path: /data, value: &a {k: *a}}
`, "a.yaml": configMap})))
	a := s.review()
	wantProblem(t, a, "evil/a.yaml:4", "refers to the value that it is part of")
	wantProblem(t, a, "entry/kustomization.yaml:1", "refers to the value that it is part of")
	wantProblem(t, a, "plain/a.yaml:5", "refers to the value that it is part of")
	wantProblem(t, a, "patch/kustomization.yaml", "refers to the value that it is part of")
}

// AC-055: less than a kilobyte of aliases that stands for millions of values.
func abuseAliasBomb(t *testing.T) {
	bomb := "data:\n  l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n"
	for n := range 9 {
		bomb += fmt.Sprintf("  l%d: &l%d [%s]\n", n+1, n+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d,", n), 10), ","))
	}
	s := besiege(t, nil, join(root("evil", configMap+bomb), below("plain", tree{"a.yaml": configMap + bomb}),
		below("values", tree{"kustomization.yaml": "commonAnnotations:\n" + strings.ReplaceAll(bomb, "data:\n", "")})))
	a := s.review()
	wantProblem(t, a, "evil/a.yaml", "alias")
	wantProblem(t, a, "plain/a.yaml", "alias")
	wantProblem(t, a, "values/kustomization.yaml", "alias")
}

// AC-056: few files that take each other twice, so that the work doubles with
// each of them.
func abuseFanOut(t *testing.T) {
	files := tree{"leaf/kustomization.yaml": "resources: [a.yaml]\n", "leaf/a.yaml": configMap,
		"part/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncommonAnnotations: {a: b}\n"}
	next, part := "../leaf", "../part"
	for n := range 11 {
		for _, side := range []string{"a", "b"} {
			files[fmt.Sprintf("%s%02d/kustomization.yaml", side, n)] =
				fmt.Sprintf("namePrefix: %s\nresources: [%s]\n", side, next)
			files[fmt.Sprintf("p%s%02d/kustomization.yaml", side, n)] =
				fmt.Sprintf("kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncomponents: [%s]\n", part)
		}
		next = fmt.Sprintf("../a%02d, ../b%02d", n, n)
		part = fmt.Sprintf("../pa%02d, ../pb%02d", n, n)
	}
	files["bases/kustomization.yaml"] = "resources: [" + next + "]\n"
	files["parts/kustomization.yaml"] = "resources: [../leaf]\ncomponents: [" + part + "]\n"
	s := besiege(t, nil, below("evil", files))
	a := s.review()
	if a.exit != exitUnjudged || len(a.Problems) != 2 || a.Problems[0].Root != "evil/bases" || a.Problems[1].Root != "evil/parts" {
		t.Errorf("exit %d, problems %+v", a.exit, a.Problems)
	}
	for _, p := range a.Problems {
		if !strings.Contains(p.Message, "more than 2000 files") || p.Remedy == "" || p.Source.File == "" {
			t.Errorf("%s:%d: %s; %s", p.Source.File, p.Source.Line, p.Message, p.Remedy)
		}
	}
}

// AC-057: a schema that makes containers merge wrongly, in more roots than
// there are children, to catch whoever is built after them.
func abuseSchema(t *testing.T) {
	files := tree{}
	for n := range 6 {
		files = join(files, below(fmt.Sprintf("evil%d", n), tree{
			"kustomization.yaml": `resources: [a.yaml]
openapi: {path: schema.json}
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: a}
    spec: {template: {spec: {containers: [{name: one, image: "other:1"}]}}}
`,
			"a.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec: {template: {spec: {containers: [{name: one, image: "one:1"}, {name: two, image: "two:1"}]}}}
`,
			"schema.json": `{"definitions": {"v1.Deployment": {"properties": {"spec": {"properties": {"template": {"properties":
 {"spec": {"properties": {"containers": {"type": "array", "items": {"type": "object"}}}}}}}}}},
 "x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Deployment", "version": "v1"}]}}}`,
		}))
	}
	s := besiege(t, nil, files)
	alone := s.run("build", "--repo", s.dir, "app")
	a := s.review()
	if a.exit == exitPass {
		t.Error("a schema of the change's own passes")
	}
	if !strings.Contains(a.stdout, "schema of its own") {
		t.Errorf("nobody says that a root brings a schema: %+v %+v", a.Notices, a.Findings)
	}
	again := s.run("build", "--repo", s.dir, "app")
	if alone.exit != exitPass || alone.stdout != again.stdout || strings.Count(alone.stdout, "image:") != 3 {
		t.Errorf("the innocent root became\n%s\nthen\n%s", alone.stdout, again.stdout)
	}
}

// AC-058: every way to name something outside of the repository.
func abuseRemote(t *testing.T) {
	remote := map[string]string{
		"http": "resources:\n- http://HOST/a.yaml\n", "https": "resources:\n- https://HOST/a.yaml\n",
		"getter": "resources:\n- git::http://HOST/org/repo.git\n", "ssh": "resources:\n- ssh://git@HOST/org/repo\n",
		"scp": "resources:\n- git@github.com:org/repo.git\n", "short": "resources:\n- github.com/org/repo//deploy?ref=main\n",
		"ref": "resources:\n- http://HOST/org/repo?ref=main\n", "bases": "bases:\n- http://HOST/org/repo?ref=main\n",
		"option": "resources:\n- git@--upload-pack=evil:org/repo\n", "file": "resources:\n- file:///etc/repo\n",
		"schema": "openapi:\n  path: http://HOST/latest/meta-data\n", "crds": "crds:\n- http://HOST/crd.yaml\n",
		"parts":    "components:\n- http://HOST/org/repo?ref=main\n",
		"patch":    "patches:\n- path: http://HOST/patch.yaml\n",
		"merge":    "patchesStrategicMerge:\n- http://HOST/patch.yaml\n",
		"settings": "configurations:\n- http://HOST/settings.yaml\n",
		"replace":  "replacements:\n- path: http://HOST/replacement.yaml\n",
		"files":    "configMapGenerator:\n- name: a\n  files: [\"http://HOST/a\"]\n",
		"env":      "secretGenerator:\n- name: a\n  envs: [\"http://HOST/a\"]\n",
	}
	files := tree{}
	for name, content := range remote {
		files["evil/"+name+"/kustomization.yaml"] = content
	}
	s := besiege(t, nil, files)
	a := s.review()
	for name := range remote {
		wantProblem(t, a, "evil/"+name+"/kustomization.yaml", "")
	}
	for _, p := range a.Problems {
		if p.Cause != "remote" || p.Source.Line == 0 || p.Remedy == "" {
			t.Errorf("%s:%d: %s: %s; %s", p.Source.File, p.Source.Line, p.Cause, p.Message, p.Remedy)
		}
	}
}

// AC-059: links to the machine, out of the tree, to themselves and to each other.
func abuseSymlinks(t *testing.T) {
	kustomization := "resources:\n- a.yaml\n"
	files := tree{
		"environ/kustomization.yaml": "configMapGenerator:\n- name: a\n  files: [environ]\n", "environ/environ (symlink)": "/proc/self/environ",
		"passwd/kustomization.yaml": kustomization, "passwd/a.yaml (symlink)": "/etc/passwd",
		"folder/kustomization.yaml": "resources:\n- etc/passwd\n", "folder/etc (symlink)": "/etc",
		"above/kustomization.yaml": kustomization, "above/a.yaml (symlink)": "../../../../../../etc/passwd",
		"self/kustomization.yaml": kustomization, "self/a.yaml (symlink)": "a.yaml",
		"loop/kustomization.yaml": kustomization, "loop/a.yaml (symlink)": "b.yaml", "loop/b.yaml (symlink)": "a.yaml",
		"whole/kustomization.yaml (symlink)": "/etc/hosts",
		"dotgit/kustomization.yaml":          kustomization, "dotgit/a.yaml (symlink)": "../../.git/config",
		"inside/kustomization.yaml": kustomization, "inside/a.yaml (symlink)": "../shared/../shared/a.yaml",
		"shared/kustomization.yaml": "resources: [a.yaml]\n", "shared/a.yaml": configMap,
	}
	s := besiege(t, nil, below("evil", files))
	a := s.review()
	for _, name := range []string{"environ", "passwd", "folder", "above", "self", "loop", "dotgit"} {
		wantProblem(t, a, "evil/"+name+"/kustomization.yaml", "")
	}
	if !entry(a, policy.EntryFile, "evil/whole/kustomization.yaml") {
		t.Error("a kustomization that is a link to the machine needs nobody's eyes")
	}
	for _, r := range a.Roots {
		if r.Path == "evil/inside" && (r.Status != "built" || r.Objects != 1) {
			t.Errorf("a link inside the tree is as good as the file: %+v", r)
		}
	}
	for _, p := range a.Problems {
		if p.Source.Line == 0 || p.Remedy == "" {
			t.Errorf("%s:%d: %s; %s", p.Source.File, p.Source.Line, p.Message, p.Remedy)
		}
	}
}

// AC-060: what would run a program on the renderer's machine.
func abusePlugins(t *testing.T) {
	function := func(how string) string {
		return "apiVersion: example.com/v1\nkind: Evil\nmetadata:\n  name: a\n  annotations:\n    config.kubernetes.io/function: |\n      " + how + "\n"
	}
	files := tree{
		"charts/kustomization.yaml":  "helmCharts:\n- {name: a, repo: \"http://HOST\", version: 1.0.0}\n",
		"inflate/kustomization.yaml": "helmChartInflationGenerator:\n- {chartName: a, chartRepoUrl: \"http://HOST\"}\n",
		"exec/kustomization.yaml":    "generators:\n- a.yaml\n", "exec/a.yaml": function("exec: {path: evil}"),
		"image/kustomization.yaml": "transformers:\n- a.yaml\n", "image/a.yaml": function("container: {image: evil}"),
		"check/kustomization.yaml": "validators:\n- a.yaml\n", "check/a.yaml": function("starlark: {path: evil.star}"),
		"plugin/kustomization.yaml": "generators:\n- a.yaml\n", "plugin/a.yaml": "apiVersion: someteam.example.com/v1\nkind: Evil\nmetadata: {name: a}\n",
		"inline/kustomization.yaml": "transformers:\n- |-\n  apiVersion: example.com/v1\n  kind: Evil\n  metadata: {name: a}\n",
	}
	s := besiege(t, nil, below("evil", files))
	a := s.review()
	for _, name := range []string{"charts", "inflate", "exec", "image", "check", "plugin", "inline"} {
		found := false
		for _, p := range a.Problems {
			if p.Root == "evil/"+name {
				found = true
				if p.Cause != "function" || p.Source.Line == 0 || p.Message == "" {
					t.Errorf("%s:%d: %s: %s; %s", p.Source.File, p.Source.Line, p.Cause, p.Message, p.Remedy)
				}
			}
		}
		if !found {
			t.Errorf("evil/%s passes", name)
		}
	}
	if a.exit != exitUnjudged {
		t.Errorf("exit %d, want 2", a.exit)
	}
}
