package child

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

const someObject = `
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {k: v}
`

// TestProblems says for each mistake that people make what they are told.
func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		name, archive string
		cause         render.Cause
		at, says      string
	}{
		{"missing file", "-- app/kustomization.yaml --\nresources:\n- a.yaml\n- ../base/x.yaml\n" + someObject,
			render.CauseMissing, "app/kustomization.yaml:3", `resources names "../base/x.yaml", which is not in the tree`},
		{"missing patch", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- path: p.yaml\n" + someObject,
			render.CauseMissing, "app/kustomization.yaml:3", `patches names "p.yaml", which is not in the tree`},
		{"missing generator file", "-- app/kustomization.yaml --\nsecretGenerator:\n- name: s\n  files:\n  - k=secret.txt\n",
			render.CauseMissing, "app/kustomization.yaml:4", `secretGenerator.files names "secret.txt", which is not in the tree`},
		{"folder without kustomization", "-- app/kustomization.yaml --\nresources: [../b]\n-- b/x --\n",
			render.CauseMissing, "app/kustomization.yaml:1", `resources names "../b", a folder without a kustomization.yaml`},
		{"root without kustomization", someObject, render.CauseMissing, ":0", "the root, a folder without a kustomization.yaml"},
		{"unknown field", "-- app/kustomization.yaml --\nresources: [a.yaml]\nresorces: []\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:2", `a field "resorces" that kustomize does not know`},
		{"wrong type", "-- app/kustomization.yaml --\nresources: [a.yaml]\nnamePrefix: [x]\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:2", `"namePrefix" holds a value of type array`},
		{"wrong version", "-- app/kustomization.yaml --\napiVersion: kustomize.config.k8s.io/v9\nkind: Kustomization\nresources: [a.yaml]\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:1", "should be kustomize.config.k8s.io/v1beta1"},
		{"empty", "-- app/kustomization.yaml --\n# nothing\n", render.CauseSyntax, "app/kustomization.yaml:0", "is empty"},
		{"YAML", "-- app/kustomization.yaml --\nresources: [a.yaml]\n-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\n  x: y\n",
			render.CauseSyntax, "app/a.yaml:3", ""},
		{"duplicate key", "-- app/kustomization.yaml --\nresources: [a.yaml]\nresources: [b.yaml]\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:2", "duplicate key"},
		{"twice", "-- app/kustomization.yaml --\nresources:\n- a.yaml\n- b.yaml\n" + someObject + strings.ReplaceAll(someObject, "a.yaml", "b.yaml"),
			render.CauseSyntax, "app/b.yaml:1", `ConfigMap "a" comes twice into the same root: "app/a.yaml:1" and "app/b.yaml:1"`},
		{"two made one", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"x\"}]'\n" +
			someObject + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
			render.CauseSyntax, "app/kustomization.yaml:0", `ConfigMap "x" comes twice into the same root`},
		{"patch without target", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- path: p.yaml\n" + someObject +
			"-- app/p.yaml --\n# why\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n",
			render.CauseSyntax, "app/p.yaml:2", `a patch is for ConfigMap "other", which is not among the root's resources`},
		{"inline patch without target", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatchesStrategicMerge:\n- |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: other}\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:4", `a patch is for ConfigMap "other"`},
		{"JSON patch that does not fit", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    - {op: add, path: /data/x, value: y}\n    - {op: remove, path: /data/none}\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:6", `its path "/data/none" does not fit the object`},
		{"JSON patch below nothing", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    - {op: replace, path: /spec/none, value: y}\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:5", `its path "/spec/none" does not fit the object`},
		{"patch that is none", "-- app/kustomization.yaml --\nresources: [a.yaml]\npatches:\n- path: p.yaml\n" + someObject + "-- app/p.yaml --\njust: text\n",
			render.CauseSyntax, "app/p.yaml:0", "a patch is neither an object"},
		{"object without name", "-- app/kustomization.yaml --\nresources: [a.yaml]\n-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\ndata: {k: hunter2}\n",
			render.CauseSyntax, "app/a.yaml:1", "a document lacks metadata.name"},
		{"replacement without source", "-- app/kustomization.yaml --\nresources: [a.yaml]\nreplacements:\n- source: {kind: Secret, name: s}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.k]\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:2", "a replacement's source is not among the root's resources"},
		{"circle", "-- app/kustomization.yaml --\nresources: [..]\n-- kustomization.yaml --\nresources: [app]\n",
			render.CauseSyntax, "app/kustomization.yaml:1", "a circle"},
		{"itself", "-- app/kustomization.yaml --\nresources: [.]\n", render.CauseSyntax, "app/kustomization.yaml:1", "a circle"},
		{"component as resource", "-- app/kustomization.yaml --\nresources: [../c]\n-- c/kustomization.yaml --\nkind: Component\nresources: []\n",
			render.CauseSyntax, "app/kustomization.yaml:1", `resources names "../c", which is a Component`},
		{"resource as component", "-- app/kustomization.yaml --\ncomponents: [../c]\n-- c/kustomization.yaml --\nnamePrefix: x\n",
			render.CauseSyntax, "app/kustomization.yaml:1", `components names "../c", which is no Component`},
		{"file as component", "-- app/kustomization.yaml --\ncomponents: [a.yaml]\n" + someObject,
			render.CauseSyntax, "app/kustomization.yaml:1", "a component is a folder"},
		{"dots in a folder's name", "-- app/kustomization.yaml --\nresources: [../..x]\n-- ..x/kustomization.yaml --\nnamePrefix: x\n",
			render.CauseSyntax, "app/kustomization.yaml:1", "ran together"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := buildAt(plant(t, tc.archive), "app")
			if b.Problem == nil {
				t.Fatal("built")
			}
			p := b.Problem
			at := fmt.Sprintf("%s:%d", p.Source.File, p.Source.Line)
			if p.Cause != tc.cause || at != tc.at || !strings.Contains(p.Message, tc.says) {
				t.Errorf("%s at %s: %s\nwant %s at %s: %s", p.Cause, at, p.Message, tc.cause, tc.at, tc.says)
			}
			if text := p.Message + p.Remedy; strings.ContainsAny(text, "\n\r") || strings.Contains(text, "hunter2") ||
				strings.Contains(text, "/repository") || strings.Contains(text, "/tmp") {
				t.Errorf("not fit to be shown: %q", text)
			}
		})
	}
}
