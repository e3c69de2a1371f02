package worker

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/sandbox"
)

// realPool is a pool of the real children under the usual limits.
func realPool(t *testing.T) *Pool {
	t.Helper()
	p, err := New(t.Context(), Options{
		Args: []string{realArg}, Key: bytes.Repeat([]byte("k"), 32), KeyID: "id",
		Limits: Limits{CPU: 2 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\ndata:\n  a: b\n"

const secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: hunter2-hunter2\n"

func TestRealChild(t *testing.T) {
	p := realPool(t)
	held := map[string]bool{}
	for _, w := range p.Walls() {
		held[w.Name] = w.Holds
		t.Logf("%s: %v %s", w.Name, w.Holds, w.Why)
	}
	for _, name := range []string{sandbox.WallHTTP, sandbox.WallEnvironment} {
		if !held[name] {
			t.Errorf("the real child has no wall %q", name)
		}
	}
	tree := newTree(map[string]string{
		"base/kustomization.yaml":    "resources: [cm.yaml]\n",
		"base/cm.yaml":               configMap,
		"overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: eu-\npatches:\n- path: patch.yaml\n",
		"overlay/patch.yaml":         strings.Replace(configMap, "a: b", "a: c", 1),
		"secret/kustomization.yaml":  "resources: [s.yaml]\n",
		"secret/s.yaml":              secret,
	})
	b, err := p.Build(t.Context(), tree, root("overlay"))
	if err != nil || b.Status != render.StatusBuilt || len(b.Resources) != 1 {
		t.Fatalf("%+v %v", b.Problem, err)
	}
	r := b.Resources[0]
	if r.Name != "eu-cm" || r.Source.File != "base/cm.yaml" {
		t.Errorf("resource %s at %+v", r.Name, r.Source)
	}
	if v, _ := render.Lookup(r.Object, render.Path{"data", "a"}); v != "c" {
		t.Errorf("patched to %v", v)
	}
	for want := range tree.files {
		if strings.HasPrefix(want, "secret") {
			continue
		}
		if !strings.Contains(strings.Join(probes(b), "\n"), want) {
			t.Errorf("no probe of %s in %q", want, probes(b))
		}
	}
	b, err = p.Build(t.Context(), tree, root("secret"))
	if err != nil || b.Status != render.StatusBuilt || len(b.Resources) != 1 || len(b.Resources[0].Masked) != 1 {
		t.Fatalf("%+v %v", b, err)
	}
	if text := fmt.Sprint(b); strings.Contains(text, "hunter2") {
		t.Errorf("a secret left the child: %s", text)
	}
	facts, err := p.Scan(t.Context(), tree, []string{"base/cm.yaml", "overlay/kustomization.yaml"})
	if err != nil || !facts[0].Manifest || !facts[1].Kustomization || len(facts[1].References) == 0 {
		t.Errorf("%+v %v", facts, err)
	}
	d, problem, err := p.Parse(t.Context(), ".countersign.yaml", []byte("a: [1]\n"))
	if err != nil || problem != nil || d.Value == nil {
		t.Errorf("%+v %+v %v", d, problem, err)
	}
	_, problem, err = p.Parse(t.Context(), "x.yaml", []byte("a: 1\na: 2\n"))
	if err != nil || problem == nil || problem.Source.File != "x.yaml" {
		t.Errorf("%+v %v", problem, err)
	}
}

// hostile is a tree with one good root and one for each way to break out, or
// to break the child.
func hostile(canary string) map[string]string {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		last := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+last+",", 9) + "*" + last + "]\n"
	}
	const function = `apiVersion: x/v1
kind: T
metadata:
  name: t
  annotations:
    config.kubernetes.io/function: |
      exec: {path: /bin/true}
`
	const schema = `resources: [../good]
openapi:
  path: s.json
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: cm}
    data: {a: z}
`
	const circular = `{"definitions": {"v1.ConfigMap": {
	"$ref": "#/definitions/v1.ConfigMap",
	"x-kubernetes-group-version-kind": [{"group": "", "kind": "ConfigMap", "version": "v1"}]}}}`
	const cycle = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: &a\n  a: *a\n"
	return map[string]string{
		"good/kustomization.yaml":   "resources: [cm.yaml]\n",
		"good/cm.yaml":              configMap,
		"cycle/kustomization.yaml":  "resources: [cm.yaml]\n",
		"cycle/cm.yaml":             cycle,
		"bomb/kustomization.yaml":   "resources: [cm.yaml]\n",
		"bomb/cm.yaml":              configMap + bomb,
		"url/kustomization.yaml":    "resources: [" + canary + "]\n",
		"patch/kustomization.yaml":  "resources: [../good]\npatches:\n- path: " + canary + "\n",
		"gen/kustomization.yaml":    "configMapGenerator:\n- name: x\n  files: [" + canary + "]\n",
		"open/kustomization.yaml":   "resources: [../good]\nopenapi:\n  path: " + canary + "\n",
		"git/kustomization.yaml":    "resources: [\"git@127.0.0.1:x/y?ref=main\"]\n",
		"helm/kustomization.yaml":   "helmCharts:\n- name: x\n  repo: " + canary + "\n",
		"exec/kustomization.yaml":   "resources: [../good]\ntransformers: [t.yaml]\n",
		"exec/t.yaml":               function,
		"out/kustomization.yaml":    "resources: [../../../etc]\n",
		"self/kustomization.yaml":   "resources: [../self]\n",
		"schema/kustomization.yaml": schema,
		"schema/s.json":             circular,
	}
}

// A custom schema without merge keys makes kustomize lose containers, in its
// own root and, were the child used again, in all that follow.
func TestRealChildSchemaDoesNotSpread(t *testing.T) {
	const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
      - {name: one, image: one}
      - {name: two, image: two}
`
	const patched = `resources: [d.yaml]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: d}
    spec: {template: {spec: {containers: [{name: one, image: new}]}}}
`
	const schema = `{"definitions": {"D": {"type": "object", "properties": {},
	"x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Deployment", "version": "v1"}]}}}`
	tree := newTree(map[string]string{
		"good/kustomization.yaml": patched, "good/d.yaml": deployment,
		"bad/kustomization.yaml": patched + "openapi: {path: s.json}\n", "bad/d.yaml": deployment, "bad/s.json": schema,
	})
	p, err := New(t.Context(), Options{Args: []string{realArg}, Key: bytes.Repeat([]byte("k"), 32), Children: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for _, name := range []string{"good", "bad", "good"} {
		b, err := p.Build(t.Context(), tree, root(name))
		if err != nil || b.Status != render.StatusBuilt {
			t.Fatalf("%s: %+v %v", name, b.Problem, err)
		}
		found, _ := render.Lookup(b.Resources[0].Object, render.Path{"spec", "template", "spec", "containers"})
		containers, _ := found.([]any)
		t.Logf("%s: %d containers, features %q", name, len(containers), b.Features)
		if name == "good" && len(containers) != 2 {
			t.Errorf("a root has %d containers after another one with its own schema", len(containers))
		}
		if name == "bad" && !slices.Contains(b.Features, "openapi") {
			t.Errorf("features %q do not say that the root has its own schema", b.Features)
		}
	}
}

// Hostile roots fail alone, with a sentence, and reach nothing.
func TestRealChildHostile(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	visits := make(chan int, 1)
	go func() {
		n := 0
		for {
			c, err := l.Accept()
			if err != nil {
				visits <- n
				return
			}
			n++
			_ = c.Close()
		}
	}()
	tree := newTree(hostile("http://" + l.Addr().String() + "/x.yaml"))
	p := realPool(t)
	for _, name := range strings.Fields("cycle bomb url patch gen open git helm exec out self schema") {
		start := time.Now()
		b, err := p.Build(t.Context(), tree, root(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s: %s %+v (%v)", name, b.Status, b.Problem, time.Since(start).Round(time.Millisecond))
		if name != "schema" && (b.Problem == nil || b.Problem.Message == "" || b.Problem.Source.File == "") {
			t.Errorf("%s: %+v", name, b)
		}
		if b.Problem != nil && b.Problem.Cause == render.CauseCrash {
			t.Errorf("%s crashed a child", name)
		}
		if b, err := p.Build(t.Context(), tree, root("good")); err != nil || b.Status != render.StatusBuilt {
			t.Errorf("after %s: %+v %v", name, b.Problem, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := <-visits; n > 0 {
		t.Errorf("the canary saw %d visits", n)
	}
}

func BenchmarkBuild(b *testing.B) {
	p, err := New(b.Context(), Options{Args: []string{realArg}, Key: bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	tree := newTree(map[string]string{"kustomization.yaml": "resources: [cm.yaml]\n", "cm.yaml": configMap})
	for b.Loop() {
		if _, err := p.Build(b.Context(), tree, root("")); err != nil {
			b.Fatal(err)
		}
	}
}
