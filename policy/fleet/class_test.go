package fleet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

const classBase = `
apiVersion: cluster.x-k8s.io/v1beta1
kind: ClusterClass
metadata: {name: k, namespace: ns}
spec:
  infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, name: i}}
  controlPlane:
    ref: {apiVersion: controlplane.cluster.x-k8s.io/v1beta1, kind: KubeadmControlPlaneTemplate, name: cp}
    machineInfrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate,
        name: m}}
  workers:
    machineDeployments:
    - class: small-a
      template: {infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
          kind: AWSMachineTemplate, name: w}}}
    - class: big
      template: {infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
          kind: AWSMachineTemplate, name: w}}}
  variables:
  - {name: identityRef, required: false, schema: {openAPIV3Schema: {type: object}}}
  - {name: empty, schema: {openAPIV3Schema: {type: string, default: ""}}}
  patches:
  PATCHES
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterTemplate
metadata: {name: i, namespace: ns}
spec: {template: {spec: {labels: {"0": zero}, subnets: [{id: a}]}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: m, namespace: ns}
spec: {template: {spec: {}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: w, namespace: ns}
spec: {template: {spec: {}}}
`

// patch writes one patch of the class with a selector and steps.
func patch(head, kind, match, steps string) string {
	return "- " + head + "\n    definitions:\n    - selector: {apiVersion: infrastructure.cluster.x-k8s.io/v1alpha9, " +
		"kind: " +
		kind + ", matchResources: {" + match + "}}\n      jsonPatches: [" + steps + "]\n"
}

func TestClassWrites(t *testing.T) {
	const infraCluster = "infrastructureCluster: true"
	add := func(value string) string { return "{op: add, path: /spec/template/spec/identityRef, " + value + "}" }
	tests := []struct {
		name, patches, template string
		want                    []string
	}{
		{"a variable without default always sets something",
			patch("name: p", "AWSClusterTemplate", infraCluster, add("valueFrom: {variable: identityRef}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p"}},
		{"a variable with an empty default may not",
			patch("name: p", "AWSClusterTemplate", infraCluster, add("valueFrom: {variable: empty}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p conditional"}},
		{"an empty value sets nothing",
			patch("name: p", "AWSClusterTemplate", infraCluster, add("value: {}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p conditional"}},
		{"enabledIf decides",
			patch("name: p\n    enabledIf: '{{ .on }}'", "AWSClusterTemplate", infraCluster, add("value: {name: x}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p conditional"}},
		{"a template with branches may render to nothing",
			patch("name: p", "AWSClusterTemplate", infraCluster,
				add("valueFrom: {template: '{{ if .x }}{name: x}{{ end }}'}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p conditional"}},
		{"a plain template sets something",
			patch("name: p", "AWSClusterTemplate", infraCluster, add("valueFrom: {template: '{name: {{ .x }}}'}")), "i",
			[]string{"add spec.template.spec.identityRef ns/k p"}},
		{"another kind", patch("name: p", "AWSMachineTemplate", infraCluster, add("value: 1")), "i", nil},
		{"another seat", patch("name: p", "AWSMachineTemplate", "controlPlane: true", add("value: 1")), "w", nil},
		{"control plane machines", patch("name: p", "AWSMachineTemplate", "controlPlane: true", add("value: 1")), "m",
			[]string{"add spec.template.spec.identityRef ns/k p"}},
		{"one of two worker classes of a template is not all",
			patch("name: p", "AWSMachineTemplate", "machineDeploymentClass: {names: [small-*]}", add("value: 1")), "w",
			[]string{"add spec.template.spec.identityRef ns/k p conditional"}},
		{"all worker classes", patch("name: p", "AWSMachineTemplate", "machineDeploymentClass: {names: ['*']}", add(
			"value: 1")), "w",
			[]string{"add spec.template.spec.identityRef ns/k p"}},
		{"suffix", patch("name: p", "AWSMachineTemplate", "machineDeploymentClass: {names: ['*ig', '*-a']}", add(
			"value: 1")), "w",
			[]string{"add spec.template.spec.identityRef ns/k p"}},
		{"pool classes are other classes",
			patch("name: p", "AWSMachineTemplate", "machinePoolClass: {names: ['*']}", add("value: 1")), "w", nil},
		{"escapes, indices and ends of lists",
			patch("name: p", "AWSClusterTemplate", infraCluster,
				"{op: replace, path: /spec/template/spec/a~1b~0c, value: 1},"+
					"{op: add, path: /spec/template/spec/subnets/0/id, value: 1},"+
					"{op: add, path: /spec/template/spec/subnets/-, value: 1},"+
					"{op: add, path: /spec/template/spec/labels/0, value: 1}"), "i",
			[]string{
				`replace spec.template.spec["a/b~c"] ns/k p`,
				"add spec.template.spec.subnets[0].id ns/k p",
				"add spec.template.spec.subnets.- ns/k p",
				"add spec.template.spec.labels.0 ns/k p",
			}},
		{"what a later patch removes is not certain",
			patch("name: p", "AWSClusterTemplate", infraCluster, add("value: 1")) +
				"  " + patch("name: q", "AWSClusterTemplate", infraCluster,
				"{op: remove, path: /spec/template/spec/identityRef}"), "i",
			[]string{"add spec.template.spec.identityRef ns/k p conditional", "remove spec.template.spec.identityRef ns/k q"}},
		{"an external patch may write anything", "- {name: e, external: {generatePatchesExtension: x}}\n", "m",
			[]string{"external spec.template.spec ns/k e conditional"}},
		{"no shape", "- 7\n  - {definitions: [x]}\n  - {definitions: {}}\n", "m", nil},
		{"a path without end", patch("name: p", "AWSClusterTemplate", infraCluster,
			"{op: add, path: "+strings.Repeat("/a", 1000)+", value: 1}"), "i",
			[]string{"external spec.template.spec ns/k p conditional"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ix := New([]render.Build{built(t, "r", strings.Replace(classBase, "PATCHES", test.patches, 1))}, noConfig)
			kind := "AWSMachineTemplate"
			if test.template == "i" {
				kind = "AWSClusterTemplate"
			}
			var got []string
			for _, w := range object(t, ix, "r", kind, test.template).ClassWrites {
				text := strings.Join([]string{w.Op, w.Path.String(), w.Class, w.Patch}, " ")
				if w.Conditional {
					text += " conditional"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClassWritesAcrossUses(t *testing.T) {
	text := strings.Replace(classBase, "PATCHES", patch("name: p", "AWSMachineTemplate", "controlPlane: true",
		"{op: add, path: /spec/template/spec/sshKeyName, value: x}"), 1)
	class := built(t, "classes", text)
	user := built(t, "direct", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: cp, namespace: ns}
spec: {machineTemplate: {infrastructureRef: {kind: AWSMachineTemplate, name: m,
    apiVersion: infrastructure.cluster.x-k8s.io/v1beta2}}}`)
	alone := object(t, New([]render.Build{class}, noConfig), "classes", "AWSMachineTemplate", "m").ClassWrites
	both := object(t, New([]render.Build{class, user}, noConfig), "classes", "AWSMachineTemplate", "m").ClassWrites
	if len(alone) != 1 || alone[0].Conditional {
		t.Errorf("class alone: got %+v, want one certain write", alone)
	}
	if len(both) != 1 || !both[0].Conditional {
		t.Errorf("also used without the class: got %+v, want one conditional write", both)
	}
}

// TestManyPatches would see a class whose patches cost more than they can say.
func TestManyPatches(t *testing.T) {
	steps := strings.TrimSuffix(strings.Repeat("{op: add, path: /spec/template/spec/a, value: 1}, ", 3000), ", ")
	ix := New([]render.Build{built(t, "r", strings.Replace(classBase, "PATCHES",
		patch("name: p", "AWSClusterTemplate", "infrastructureCluster: true", steps), 1))}, noConfig)
	writes := object(t, ix, "r", "AWSClusterTemplate", "i").ClassWrites
	if last := writes[len(writes)-1]; len(writes) > maxWrites+2 || last.Op != "external" {
		t.Errorf("%d writes, the last %q: want a bounded list that ends with one that may write anything",
			len(writes), last.Op)
	}
}
