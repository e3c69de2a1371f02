package child_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
)

func file(content string) leaf { return leaf{render.ModeFile, content} }

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {v: %q}\n", name, value)
}

// TestHostileAtScale runs attacks that are too large to be kept as files.
func TestHostileAtScale(t *testing.T) {
	if testing.Short() {
		t.Skip("large inputs against limits of CPU time: the race detector alone would exceed them")
	}
	arena := newArena(t)
	for _, tc := range []struct {
		name  string
		tree  func() forest
		cause render.Cause // "" where the root builds
		says  string
	}{
		{"fan-out AC-056", fanOut, render.CauseLimit, "files and folders"},
		{"700 legal objects AC-070", func() forest { return manyObjects(700) }, "", ""},
		{"200 objects, 80 patches, where noting origins would be dear", manyPatches, "", ""},
		// Kustomize's time grows with the square of the objects: these fit the count, not the time.
		{"9,000 legal objects AC-070", func() forest { return manyObjects(9_000) }, render.CauseDeadline, "of CPU"},
		{"20,001 objects AC-070", func() forest { return manyObjects(20_001) }, render.CauseLimit, "20000 objects"},
		{"a file of 2 MiB AC-070", func() forest {
			return forest{
				"app/kustomization.yaml": file("resources: [a.yaml]\n"),
				"app/a.yaml":             file(configMap("a", strings.Repeat("x", 2<<20))),
			}
		}, render.CauseLimit, "larger than the limit"},
		{"100 MiB in 110 files AC-070", manyBytes, render.CauseLimit, ""},
		{"a folder of 10,000 files R9", crowd, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			b := arena.build(t, tc.tree(), "app")
			switch {
			case tc.cause == "" && b.Problem != nil:
				t.Errorf("%+v", b.Problem)
			case tc.cause != "" && (b.Problem == nil || b.Problem.Cause != tc.cause || !strings.Contains(b.Problem.Message, tc.says)):
				t.Errorf("want %s, %q: %+v", tc.cause, tc.says, b.Problem)
			}
			t.Logf("%v: %+v", time.Since(start), b.Problem)
		})
	}
}

// fanOut is a doubling of bases by prefixes: 22 files would be four million
// loads.
func fanOut() forest {
	f := forest{"l0/a.yaml": file(configMap("a", "b")), "l0/kustomization.yaml": file("resources: [a.yaml]\n")}
	for i := 1; i <= 11; i++ {
		f[fmt.Sprintf("l%d/kustomization.yaml", i)] = file("resources: [one, two]\n")
		for _, side := range []string{"one", "two"} {
			f[fmt.Sprintf("l%d/%s/kustomization.yaml", i, side)] =
				file(fmt.Sprintf("namePrefix: %s-\nresources: [../../l%d]\n", side, i-1))
		}
	}
	f["app/kustomization.yaml"] = file("resources: [../l11]\n")
	return f
}

func manyObjects(n int) forest {
	f := forest{}
	var list strings.Builder
	list.WriteString("resources:\n")
	for at := 0; at < n; {
		var objects strings.Builder
		for range min(2000, n-at) {
			objects.WriteString("---\n" + configMap(fmt.Sprintf("n%d", at), "v"))
			at++
		}
		name := fmt.Sprintf("f%d.yaml", at)
		list.WriteString("- " + name + "\n")
		f["app/"+name] = file(objects.String())
	}
	f["app/kustomization.yaml"] = file(list.String())
	return f
}

func manyPatches() forest {
	f := manyObjects(200)
	k := f["app/kustomization.yaml"].content + "configMapGenerator: [{name: g, literals: [a=b]}]\npatches:\n"
	for i := range 80 {
		k += fmt.Sprintf("- target: {kind: ConfigMap, name: n%d}\n"+
			"  patch: '[{\"op\": \"add\", \"path\": \"/data/p%d\", \"value\": \"v\"}]'\n", i, i)
	}
	f["app/kustomization.yaml"] = file(k)
	return f
}

func manyBytes() forest {
	f := forest{}
	var list strings.Builder
	list.WriteString("resources:\n")
	for i := range 110 {
		name := fmt.Sprintf("f%d.yaml", i)
		list.WriteString("- " + name + "\n")
		f["app/"+name] = file(configMap(fmt.Sprintf("n%d", i), strings.Repeat("x", 1000<<10)))
	}
	f["app/kustomization.yaml"] = file(list.String())
	return f
}

func crowd() forest {
	f := forest{"app/kustomization.yaml": file("resources: [f7.yaml]\n")}
	for i := range 10_000 {
		f[fmt.Sprintf("app/f%d.yaml", i)] = file(configMap("a", "b"))
	}
	return f
}
