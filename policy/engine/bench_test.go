package engine

import (
	"fmt"
	"testing"

	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// root16 is a cluster's root of 16 objects, as large as real ones are.
func root16() []Object {
	kinds := []string{
		"cluster.x-k8s.io/Cluster", "controlplane.cluster.x-k8s.io/KubeadmControlPlane",
		"infrastructure.cluster.x-k8s.io/AWSCluster", "infrastructure.cluster.x-k8s.io/AWSMachineTemplate",
		"infrastructure.cluster.x-k8s.io/AWSMachineTemplate", "bootstrap.cluster.x-k8s.io/KubeadmConfigTemplate",
		"cluster.x-k8s.io/MachineDeployment", "cluster.x-k8s.io/MachineHealthCheck",
		"addons.cluster.x-k8s.io/ClusterResourceSet", "/ConfigMap", "/ConfigMap", "/Secret",
		"rbac.authorization.k8s.io/ClusterRoleBinding", "apps/Deployment", "networking.k8s.io/NetworkPolicy", "/Namespace",
	}
	objects := make([]Object, len(kinds))
	for i, kind := range kinds {
		var id render.Identity
		for j := range kind {
			if kind[j] == '/' {
				id = render.Identity{Group: kind[:j], Kind: kind[j+1:], Namespace: "prod", Name: fmt.Sprint("object-", i)}
			}
		}
		fields := map[string]any{}
		for j := range 12 {
			fields[fmt.Sprint("field", j)] = map[string]any{"name": fmt.Sprint("n", j), "list": []any{"a", "b", true, nil}}
		}
		args := map[string]any{"audit-policy-file": "/etc/kubernetes/audit.yaml", "audit-log-path": "-"}
		config := map[string]any{
			"clusterConfiguration": map[string]any{"apiServer": map[string]any{"extraArgs": args}},
			"preKubeadmCommands":   []any{"apt-get update", "systemctl enable --now kubelet"},
			"files":                []any{map[string]any{"path": "/etc/a", "content": "x"}},
		}
		content := map[string]any{
			"apiVersion": id.Group + "/v1beta1", "kind": id.Kind,
			"metadata": map[string]any{"name": id.Name, "namespace": "prod", "labels": map[string]any{"a": "b"}},
			"spec": map[string]any{
				"kubeadmConfigSpec": config, "fields": fields,
				"template": map[string]any{"spec": map[string]any{"sshKeyName": "", "instanceType": "m7i.large", "f": fields}},
			},
		}
		objects[i] = Object{
			Resource: &render.Resource{Identity: id, Version: "v1beta1", Object: content},
			Root:     "clusters/a", Destination: "clusters/a", Resolved: content,
			Clusters: []Cluster{{Namespace: "prod", Name: "eu-1", Role: "workload", Labels: map[string]string{"env": "prod"}}},
			Links: []Link{{Path: render.Path{"spec", "ref"}, Target: id, Role: "infrastructure",
				Found: "destination", Object: content}},
		}
	}
	return objects
}

// BenchmarkObjects judges a root of 16 objects by all rules.
func BenchmarkObjects(b *testing.B) {
	e, err := New(rego.FS)
	if err != nil {
		b.Fatal(err)
	}
	objects := root16()
	b.ReportAllocs()
	for b.Loop() {
		report, err := e.Objects(b.Context(), objects, nil)
		if err != nil {
			b.Fatal(err)
		}
		if len(report.Errors) > 0 {
			b.Fatal(report.Errors)
		}
	}
	b.ReportMetric(float64(len(e.set.Rules)), "rules")
}

// BenchmarkConvert turns the same objects into OPA's values.
func BenchmarkConvert(b *testing.B) {
	objects := root16()
	b.ReportAllocs()
	for b.Loop() {
		c, err := newConverter(nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, object := range objects {
			if _, err := c.objectInput(object); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkNew loads all rules.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(rego.FS); err != nil {
			b.Fatal(err)
		}
	}
}
