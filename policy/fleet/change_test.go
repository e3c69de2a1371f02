package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// changeOf makes the change of an object between two builds of one root.
func changeOf(base, head *render.Build, kind, name string) *render.Change {
	ch := &render.Change{Action: render.ActionUpdate}
	for _, side := range []struct {
		build *render.Build
		res   **render.Resource
	}{{base, &ch.Before}, {head, &ch.After}} {
		if side.build == nil {
			continue
		}
		ch.Destination = side.build.Root.Destination
		for i := range side.build.Resources {
			if r := &side.build.Resources[i]; r.Kind == kind && r.Name == name {
				*side.res = r
			}
		}
	}
	switch {
	case ch.Before == nil:
		ch.Action = render.ActionCreate
	case ch.After == nil:
		ch.Action = render.ActionDelete
	}
	return ch
}

func TestChange(t *testing.T) {
	before := built(t, "r", clusterText("a"))
	after := built(t, "r", strings.Replace(clusterText("a"), "replicas: 2", "replicas: '${N:=4}'", 1))
	base, head := New([]render.Build{before}, noConfig), New([]render.Build{after}, noConfig)
	got := head.Change(changeOf(&before, &after, "MachineDeployment", "a-md"), base)
	if n, _ := render.Lookup(got.After, render.Path{"spec", "replicas"}); n != json.Number("4") {
		t.Errorf("after: replicas %v, want the default of the placeholder", n)
	}
	if n, _ := render.Lookup(got.Before, render.Path{"spec", "replicas"}); n != json.Number("2") {
		t.Errorf("before: replicas %v, want 2", n)
	}
	if diff := cmp.Diff([]string{"default/a"}, clusterNames(got.Clusters)); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	roles := map[string]string{}
	for _, l := range got.Related {
		roles[l.Role] = l.Target.Kind
	}
	want := map[string]string{"cluster": "Cluster", "control-plane": "KubeadmControlPlane"}
	if diff := cmp.Diff(want, roles); diff != "" {
		t.Errorf("related (-want +got):\n%s", diff)
	}
}

func TestChangeSeesBothSides(t *testing.T) {
	before := built(t, "r", clusterText("a"))
	after := built(t, "r", strings.Replace(clusterText("a"), `name: "a-cp"`, `name: "b-cp"`, 1))
	base, head := New([]render.Build{before}, noConfig), New([]render.Build{after}, noConfig)
	got := head.Change(changeOf(&before, &after, "KubeadmControlPlane", "a-cp"), base)
	want := []engine.Referrer{{
		Identity: render.Identity{Group: "cluster.x-k8s.io", Kind: "Cluster", Name: "a"}, Role: "control-plane",
	}}
	if diff := cmp.Diff(want, got.ReferencedBy); diff != "" {
		t.Errorf("referenced by (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"default/a"}, clusterNames(got.Clusters)); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

func TestDeletedRoot(t *testing.T) {
	before := built(t, "r", clusterText("a"))
	base, head := New([]render.Build{before}, noConfig), New(nil, noConfig)
	got := head.Change(changeOf(&before, nil, "Cluster", "a"), base)
	if got.After != nil || got.Before == nil || !slices.Equal(clusterNames(got.Clusters), []string{"default/a"}) {
		t.Errorf("got %+v", got)
	}
	if len(got.Related) != 2 {
		t.Errorf("related: %q, want infrastructure and control plane of the base", linkTexts(got.Related))
	}
}

func TestNamespaceRole(t *testing.T) {
	operator := built(t, "o", "apiVersion: operator.cluster.x-k8s.io/v1alpha2\nkind: CoreProvider\n"+
		"metadata: {name: x, namespace: odd}\nspec: {}")
	labelled := built(t, "l", "apiVersion: apps/v1\nkind: Deployment\n"+
		"metadata: {name: x, namespace: strange, labels: {cluster.x-k8s.io/provider: infrastructure-x}}\nspec: {}")
	base, head := New([]render.Build{labelled}, noConfig), New([]render.Build{operator}, noConfig)
	for namespace, want := range map[string]string{
		"": "", "apps": "", "capital": "", "my-capi-system-tests": "", "cap-system": "",
		"capi-system": "provider", "capa-system": "provider", "capi-kubeadm-control-plane-system": "provider",
		"caaph-system": "provider", "cabpt-system": "provider", "rke2-bootstrap-system": "provider",
		"odd": "provider", "strange": "provider",
		"kube-system": "system", "kube-public": "system", "cert-manager": "system",
		"flux-system": "gitops", "argocd": "gitops",
	} {
		res := resource(map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": "c", "namespace": namespace}})
		got := head.Change(&render.Change{Action: render.ActionCreate, After: &res, Destination: "x"}, base)
		if got.NamespaceRole != want {
			t.Errorf("ConfigMap in %q: got %q, want %q", namespace, got.NamespaceRole, want)
		}
		itself := resource(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
			"name": namespace}})
		got = head.Change(&render.Change{Action: render.ActionDelete, Before: &itself, Destination: "x"}, base)
		if got.NamespaceRole != want {
			t.Errorf("Namespace %q: got %q, want %q", namespace, got.NamespaceRole, want)
		}
	}
}

func poolText(replicas int) string {
	return fmt.Sprintf("apiVersion: cluster.x-k8s.io/v1beta1\nkind: MachineDeployment\n"+
		"metadata: {name: p, namespace: d}\nspec: {clusterName: far, replicas: %d}", replicas)
}

func most(nodes string) string {
	return "{name: p, annotations: {" + reference.AnnotationMaxSize + ": '" + nodes + "'},"
}

func controlPlane(replicas int) string {
	return fmt.Sprintf("apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: KubeadmControlPlane\n"+
		"metadata: {name: c, namespace: d}\nspec: {replicas: %d}", replicas)
}

func TestFacts(t *testing.T) {
	plain := clusterText("a")
	class := strings.Replace(classBase, "PATCHES", "- 7", 1)
	tests := []struct {
		name, before, after string
		same                bool
	}{
		{"nothing", plain, plain, true},
		{"a workload", plain, plain + "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}", true},
		{"a version of a control plane that its own root uses", plain, strings.Replace(plain, "v1.30.0", "v1.31.0", 1),
			true},
		{"replicas", plain, strings.Replace(plain, "replicas: 2", "replicas: 3", 1), true},
		{"a placeholder for replicas", strings.Replace(plain, "replicas: 2", "replicas: '${N}'", 1),
			strings.Replace(plain, "replicas: 2", "replicas: '${M}'", 1), true},
		{"replicas of a pool whose cluster is in another root", poolText(2), poolText(3), false},
		{"an autoscaler's maximum of such a pool", strings.Replace(poolText(2), "{name: p,", most("5"), 1),
			strings.Replace(poolText(2), "{name: p,", most("9"), 1), false},
		{"a placeholder for replicas of such a pool", strings.Replace(poolText(2), "replicas: 2", "replicas: '${N}'", 1),
			strings.Replace(poolText(2), "replicas: 2", "replicas: '${M}'", 1), false},
		{"a control plane's replicas, used by another root", controlPlane(1), controlPlane(3), false},
		{"the cluster of a pool", poolText(2), strings.Replace(poolText(2), "clusterName: far", "clusterName: off", 1), false},
		{"a label of the cluster", plain, strings.Replace(plain, "cni: calico", "cni: cilium", 1), false},
		{"the class", class, strings.Replace(class, "small-a", "small-b", 1), false},
		{"a template of the class", class, strings.Replace(class, "labels: {", "labels: {x: z, ", 1), false},
		{"an identity", identityText1, strings.Replace(identityText1, "123456789012", "123456789013", 1), false},
		{"what is needed", plain, strings.Replace(plain, "name: shared", "name: other", 1), false},
		{"what is offered", plain, plain + "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: creds}", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, after := FactsDigest(built(t, "r", test.before)), FactsDigest(built(t, "r", test.after))
			if (before == after) != test.same {
				t.Errorf("equal: %t, want %t", before == after, test.same)
			}
		})
	}
	failed := render.Build{Root: render.Root{Path: "r", Destination: "r"}, Status: render.StatusFailed}
	if FactsDigest(failed) == FactsDigest(built(t, "r", plain)) {
		t.Error("a build that failed has the facts of one that did not")
	}
}

func TestNeeds(t *testing.T) {
	got := Needs(built(t, "r", clusterText("a")+`
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachinePool
metadata: {name: p}
spec: {clusterName: elsewhere}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: t, namespace: ns}
spec: {controlPlaneRef: {apiGroup: c, kind: K, name: "${CP}"},
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io,
    kind: AWSCluster, name: "${X:=x}"}}`))
	want := []render.Identity{
		{Group: "cluster.x-k8s.io", Kind: "Cluster", Name: "elsewhere"},
		{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSCluster", Namespace: "ns", Name: "x"},
		{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSClusterRoleIdentity", Name: "shared"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}
