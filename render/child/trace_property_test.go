package child

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/api/types"

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
	check := func(t *rapid.T) {
		writeRandomRoot(t, dir)
		got, noted, failure := origins(disk{dir}, "", true)
		want, _, problem := origins(disk{dir}, "", false)
		if (problem == nil) != (failure == nil) {
			t.Fatalf("with origins: %+v\nwithout: %+v", failure, problem)
		}
		if diff := cmp.Diff(objectsOf(want), objectsOf(got)); problem == nil && diff != "" {
			t.Fatalf("-without +with origins:\n%s", diff)
		}
		if noted && problem == nil {
			asked++
		}
	}
	// A short run draws few roots, and few roots need to be traced: more are drawn
	// until there was one.
	for round := 0; round == 0 || asked == 0 && round < 10; round++ {
		rapid.Check(t, check)
	}
	if asked == 0 {
		t.Error("no root was traced")
	}
}

func writeRandomRoot(t *rapid.T, dir string) {
	var k strings.Builder
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

// origins builds a root with or without our request for origins; noted says
// whether there was one.
func origins(files disk, root string, ask bool) (built []render.Resource, noted bool, problem *render.Problem) {
	b := &builder{tree: closure.NewTree(files), limits: usual, key: testKey}
	c, problem := closure.Read(b.tree, usual, root)
	if problem != nil {
		return nil, false, problem
	}
	injection := injection{asked: slices.Contains(c.Top().BuildMetadata, types.OriginAnnotations)}
	if ask && !injection.asked {
		injection = b.inject(c, c.Top())
	}
	results, err := runKustomize(b.tree, c.Top().Dir)
	if err != nil {
		return nil, injection.ours, b.explain(c, err)
	}
	problem = b.collect(c, results, injection)
	return b.build.Resources, injection.ours, problem
}

// The pieces of names: some are also what is put around names.
var someNames = []string{"a", "b", "a-b", "b-a", "a-a", "x", "a-b-a", "x-a"}

// TestNamesTellWhatOriginsTell: whatever prefixes and suffixes do to names, the
// places of all objects and fields are those that kustomize's own note leads to.
func TestNamesTellWhatOriginsTell(t *testing.T) {
	dir := t.TempDir()
	cheap, costly := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for _, folder := range []string{"one", "two", "part", ""} {
			writeNaming(t, dir, folder)
		}
		want, noted, failure := origins(disk{dir}, "", true)
		b := &builder{tree: closure.NewTree(disk{dir}), limits: usual, key: testKey}
		b.build.Root = render.Root{Kind: render.RootKustomize}
		b.run()
		if (b.build.Problem == nil) != (failure == nil) {
			t.Fatalf("with origins: %+v\nhere: %+v", failure, b.build.Problem)
		}
		if failure != nil {
			return
		}
		if !noted {
			t.Fatal("kustomize was not asked")
		}
		slices.SortStableFunc(want, func(x, y render.Resource) int { return compareIdentity(x.Identity, y.Identity) })
		if diff := cmp.Diff(want, b.build.Resources); diff != "" {
			t.Fatalf("-with origins +here:\n%s", diff)
		}
		if seen, err := b.tree.ReadFile(closure.Outside("kustomization.yaml")); err != nil {
			t.Fatal(err)
		} else if strings.Contains(string(seen), "originAnnotations") {
			costly++
		} else {
			cheap++
		}
	})
	t.Logf("%d roots were told by names, %d by origins", cheap, costly)
	if cheap == 0 || costly == 0 {
		t.Error("want some of both")
	}
}

// writeNaming writes a folder of objects that puts something around their
// names; the top one is made of the others.
func writeNaming(t *rapid.T, dir, folder string) {
	k := "resources: [own.yaml]\n"
	switch folder {
	case "part":
		k = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + k
	case "":
		k = "resources: [one, own.yaml, two]\ncomponents: [part]\n"
	case "two":
		k = rapid.SampledFrom([]string{k, "resources: [own.yaml, ../one]\n"}).Draw(t, "resources of two")
	}
	for _, around := range [][]string{
		{"namePrefix", "", "", "a-", "b-", "x-", "a-b-"}, {"nameSuffix", "", "", "-a", "-b", "-a-b"},
	} {
		if value := rapid.SampledFrom(around[1:]).Draw(t, around[0]+" of "+folder); value != "" {
			k += around[0] + ": " + value + "\n"
		}
	}
	objects := ""
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(someNames), 1, 2, rapid.ID).Draw(t, "names in "+folder) {
		kind := rapid.SampledFrom([]string{"ConfigMap", "Service", "Namespace", "Role"}).Draw(t, "kind")
		objects += "---\napiVersion: v1\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n"
	}
	if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"kustomization.yaml": k, "own.yaml": objects} {
		if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
