package child

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
)

// The pieces that random roots are made of: whatever touches an object's
// metadata, in all the ways that kustomize has.
var (
	somePatches = []string{
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations/x\", \"value\": \"y\"}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"remove\", \"path\": \"/metadata/annotations\"}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"copy\", \"from\": \"/metadata\", \"path\": \"/copied\"}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"copy\", \"from\": \"\", \"path\": \"/copied\"}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"test\", \"path\": \"/metadata/annotations\", \"value\": {}}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"move\", \"from\": \"/metadata/annotations\", \"path\": \"/moved\"}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"replace\", \"path\": \"/metadata\", \"value\": {\"name\": \"a\"}}]'\n",
		"- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"add\", \"path\": \"/data\", \"value\": {\"k\": \"w\"}}]'\n",
		"- target: {annotationSelector: \"!config.kubernetes.io/origin\"}\n  patch: '[{\"op\": \"add\", \"path\": \"/seen\", \"value\": \"y\"}]'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"annotations\": {\"p\": \"q\", \"b\": null}}}'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"annotations\": null}}'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"annotations\": {\"$patch\": \"replace\", \"r\": \"s\"}}}'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"annotations\": {\"$patch\": \"delete\"}}}'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"$patch\": \"replace\", \"labels\": {}}}'\n",
		"- patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b\"}, \"$patch\": \"delete\"}'\n",
	}
	someFields = []string{
		"commonAnnotations: {c: d}\n", "commonLabels: {l: m}\n", "namePrefix: p-\n", "nameSuffix: -s\n", "namespace: ns\n",
		"buildMetadata: [managedByLabel]\n", "buildMetadata: [transformerAnnotations]\n", "buildMetadata: [originAnnotations]\n",
		"replacements: [{source: {kind: ConfigMap, name: b, fieldPath: metadata}, targets: [{select: {kind: ConfigMap}, fieldPaths: [copied], options: {create: true}}]}]\n",
		"replacements: [{source: {kind: ConfigMap, name: b, fieldPath: metadata.name}, targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.annotations.x], options: {create: true}}]}]\n",
		"vars: [{name: V, objref: {apiVersion: v1, kind: ConfigMap, name: b}, fieldref: {fieldpath: metadata.name}}]\n",
		"configMapGenerator: [{name: g, literals: [a=b]}]\n",
		"configMapGenerator: [{name: b, behavior: merge, literals: [a=b], options: {annotations: {o: p}}}]\n",
		"generatorOptions: {annotations: {go: po}, labels: {x: \"y\"}}\n",
		"transformers:\n- '{apiVersion: builtin, kind: AnnotationsTransformer, metadata: {name: t}, annotations: {t: u}, fieldSpecs: [{path: metadata/annotations, create: true}]}'\n",
	}
	someAnnotations = []string{
		"", ", annotations: {}", ", annotations: {b: c}", ", annotations: {config.kubernetes.io/origin: mine}",
		", annotations: {internal.config.kubernetes.io/needsHashSuffix: enabled}", ", annotations: null", ", annotations: {n: 1}",
	}
)

// TestOriginsLeaveNoTrace: whatever a root is made of, it becomes the same
// objects, or fails as well, whether or not kustomize is asked for origins.
func TestOriginsLeaveNoTrace(t *testing.T) {
	dir := t.TempDir()
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		writeRandomRoot(t, dir)
		got := buildAt(dir, "")
		want, problem := withoutOrigins(dir)
		if (problem == nil) != (got.Problem == nil) {
			t.Fatalf("with origins: %+v\nwithout: %+v", got.Problem, problem)
		}
		if diff := cmp.Diff(objectsOf(want), objectsOf(got.Resources)); problem == nil && diff != "" {
			t.Fatalf("-without +with origins:\n%s", diff)
		}
		if problem == nil && len(got.Resources) > 0 && got.Resources[0].Source.File != "" {
			asked++
		}
	})
	if asked == 0 {
		t.Error("no root was traced")
	}
}

func writeRandomRoot(t *rapid.T, dir string) {
	var k strings.Builder
	// A suffix makes names ambiguous, so that origins are asked for.
	k.WriteString("resources: [base.yaml]\nnameSuffix: -z\n")
	used := map[string]bool{"nameSuffix": true}
	for _, field := range rapid.SliceOfNDistinct(rapid.SampledFrom(someFields), 0, 4, rapid.ID).Draw(t, "fields") {
		name, _, _ := strings.Cut(field, ":")
		if !used[name] {
			k.WriteString(field)
		}
		used[name] = true
	}
	if patches := rapid.SliceOfN(rapid.SampledFrom(somePatches), 0, 3).Draw(t, "patches"); len(patches) > 0 {
		k.WriteString("patches:\n" + strings.Join(patches, ""))
	}
	objects := ""
	for _, name := range []string{"a", "b"} {
		annotations := rapid.SampledFrom(someAnnotations).Draw(t, "annotations of "+name)
		objects += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + annotations + "}\ndata: {k: $(V)}\n"
	}
	for name, content := range map[string]string{"kustomization.yaml": k.String(), "base.yaml": objects} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutOrigins builds a root as kustomize does when nobody asks for origins
// but the root itself.
func withoutOrigins(dir string) ([]render.Resource, *render.Problem) {
	b := &builder{tree: closure.NewTree(disk{dir}), limits: usual, key: testKey}
	c, problem := closure.Read(b.tree, usual, "")
	if problem != nil {
		return nil, problem
	}
	results, err := runKustomize(b.tree, "")
	if err != nil {
		return nil, b.explain(c, err)
	}
	problem = b.collect(c, results, injection{})
	return b.build.Resources, problem
}
