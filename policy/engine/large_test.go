package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// many returns n elements.
func many(n int, element func(i int) any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = element(i)
	}
	return list
}

func named(n int, value func(i int) any) map[string]any {
	fields := make(map[string]any, n)
	for i := range n {
		fields[fmt.Sprint("name-", i)] = value(i)
	}
	return fields
}

type fields = map[string]any

// large are objects that an author made of n elements each, by what they are
// many of.
func large(n int) map[string]engine.Object {
	kcp := func(config fields) engine.Object {
		return thing("controlplane.cluster.x-k8s.io", "KubeadmControlPlane",
			fields{"spec": fields{"kubeadmConfigSpec": config}})
	}
	audited := func(more fields) fields {
		server := fields{"extraArgs": fields{
			"audit-policy-file": "/etc/kubernetes/audit/policy.yaml", "audit-log-path": "/var/log/audit.log"}}
		for key, value := range more {
			server[key] = value
		}
		return fields{"clusterConfiguration": fields{"apiServer": server}}
	}
	text := func(i int) any { return fmt.Sprint("systemctl enable --now unit-", i) }
	objects := map[string]engine.Object{
		"commands": kcp(fields{"preKubeadmCommands": many(n, text)}),
		"installing commands": kcp(fields{"preKubeadmCommands": many(n, func(i int) any {
			return fmt.Sprint("apt-get install -y package-", i)
		})}),
		"commands in words": kcp(fields{"preKubeadmCommands": many(n, func(i int) any {
			return []any{"apt-get", "install", fmt.Sprint("package-", i)}
		})}),
		"files": kcp(fields{"files": many(n, func(i int) any {
			return fields{"path": fmt.Sprint("/etc/kubernetes/pki/ca.", i), "content": "#!/bin/sh\napt install x"}
		})}),
		"users": kcp(fields{"users": many(n, func(i int) any {
			return fields{"name": fmt.Sprint("u", i), "sudo": "ALL=(ALL) NOPASSWD:ALL",
				"sshAuthorizedKeys": []any{fmt.Sprint("ssh-ed25519 ", i)}}
		})}),
		"volumes": kcp(audited(fields{"extraVolumes": many(n, func(i int) any {
			return fields{"mountPath": "/var/log", "hostPath": fmt.Sprint("/var/log/", i), "readOnly": true}
		})})),
		"listed arguments": kcp(audited(fields{"extraArgs": many(n, func(i int) any {
			return fields{"name": fmt.Sprint("arg-", i), "value": "x"}
		})})),
		"flags": thing("controlplane.cluster.x-k8s.io", "RKE2ControlPlane", fields{"spec": fields{"serverConfig": fields{
			"kubeAPIServer": fields{"extraArgs": many(n, func(i int) any { return fmt.Sprint("--arg-", i, "=x") })}}}}),
		"taints": kcp(fields{"initConfiguration": fields{"nodeRegistration": fields{
			"taints": many(n, func(i int) any { return fields{"key": fmt.Sprint(i), "effect": "NoSchedule"} })}}}),
		"role": thing("rbac.authorization.k8s.io", "ClusterRole", fields{"rules": many(n, func(i int) any {
			return fields{"apiGroups": []any{""}, "resources": []any{"secrets", fmt.Sprint(i)}, "verbs": []any{"*"}}
		})}),
		"binding": thing("rbac.authorization.k8s.io", "ClusterRoleBinding", fields{
			"roleRef":  fields{"kind": "ClusterRole", "name": "cluster-admin"},
			"subjects": many(n, func(i int) any { return fields{"kind": "User", "name": fmt.Sprint(i)} })}),
		"labels": thing("", "ConfigMap", fields{"metadata": fields{
			"labels": named(n, func(int) any { return "countersign" })}}),
		"patches": thing("cluster.x-k8s.io", "ClusterClass", fields{"spec": fields{
			"patches": many(n, func(i int) any {
				return fields{"definitions": []any{fields{"jsonPatches": []any{
					fields{"op": "add", "path": fmt.Sprint("/spec/users/", i), "value": "x"}}}}}
			})}}),
		"nodes": thing("infrastructure.cluster.x-k8s.io", "AWSCluster", fields{"spec": fields{
			"controlPlaneLoadBalancer": fields{"ingressRules": many(n, func(i int) any {
				return fields{"cidrBlocks": []any{"0.0.0.0/0"}}
			})}}}),
	}
	nested := kcp(fields{})
	for i := range n {
		nested.Resource.Nested = append(nested.Resource.Nested, render.Nested{
			Path: render.Path{"spec", "kubeadmConfigSpec", "files", i, "content"}, Text: "#!/bin/sh\nexit 0\n"})
	}
	nested.Resolved["spec"].(fields)["kubeadmConfigSpec"].(fields)["files"] = many(n, func(i int) any {
		return fields{"path": fmt.Sprint("/etc/kubernetes/patches/kube-apiserver", i), "content": "#!/bin/sh\nexit 0\n"}
	})
	nested.Resolved["spec"].(fields)["kubeadmConfigSpec"].(fields)["initConfiguration"] =
		fields{"patches": fields{"directory": "/etc/kubernetes/patches"}}
	objects["unpacked files"] = nested
	policy := kcp(audited(nil))
	policy.Resource.Nested = []render.Nested{{
		Path: render.Path{"spec", "kubeadmConfigSpec", "files", 0, "content"}, Documents: []any{fields{
			"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": many(n, func(i int) any {
				return fields{"level": "None", "resources": []any{fields{"group": "", "resources": []any{fmt.Sprint(i)}}}}
			})}}}}
	objects["audit rules"] = policy
	cloud := thing("bootstrap.cluster.x-k8s.io", "RKE2ConfigTemplate", fields{"spec": fields{}})
	cloud.Resource.Nested = []render.Nested{{
		Path: render.Path{"spec", "template", "spec", "agentConfig", "additionalUserData", "config"},
		Documents: []any{fields{"users": many(n, func(i int) any {
			return fields{"name": fmt.Sprint("u", i), "sudo": "ALL=(ALL) ALL", "ssh_authorized_keys": []any{"x"}}
		}), "runcmd": many(n, text)}}}}
	objects["users of cloud-init"] = cloud
	payload := thing("", "ConfigMap", fields{"data": fields{}})
	secret := thing("", "Secret", fields{"data": fields{}})
	links := thing("cluster.x-k8s.io", "MachineDeployment", fields{})
	for i := range n {
		payload.Resource.Nested = append(payload.Resource.Nested, render.Nested{
			Path: render.Path{"data", fmt.Sprint(i)}, Documents: []any{fields{
				"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []any{fields{
					"apiGroups": []any{"*"}, "resources": []any{"*"}, "verbs": []any{"*"}}}}}})
		secret.Resource.Masked = append(secret.Resource.Masked, render.Masked{
			Path: render.Path{"data", fmt.Sprint(i)}, Class: "literal"})
		links.Links = append(links.Links, engine.Link{
			Path: render.Path{"spec", i}, Role: "machine-template", Found: "missing",
			Target: render.Identity{Kind: "X", Name: fmt.Sprint(i)}})
	}
	objects["roles in a payload"], objects["masked values"], objects["links"] = payload, secret, links
	return objects
}

func thing(group, kind string, content fields) engine.Object {
	content["kind"], content["apiVersion"] = kind, group+"/v1"
	return engine.Object{
		Resource: &render.Resource{Identity: render.Identity{Group: group, Kind: kind, Namespace: "ns", Name: "n"},
			Object: content},
		Resolved: content, Root: "clusters/a", Destination: "clusters/a",
		Clusters: []engine.Cluster{{Namespace: "ns", Name: "n", Role: "workload"}},
	}
}

// TestCostIsLinear: what an object is made of costs about the same each. Where
// elements are compared with each other, an author can make an object that
// exceeds the engine's patience. Eight times as many elements may take three
// times as long each, which a busy machine needs.
func TestCostIsLinear(t *testing.T) {
	const few, most, slack = 500, 4000, 24
	e := builtIn(t)
	e.SetPatience(time.Minute)
	small, big := large(few), large(most)
	for name := range big {
		t.Run(name, func(t *testing.T) {
			cost(t, e, small[name])
			least := min(cost(t, e, small[name]), cost(t, e, small[name]))
			took := cost(t, e, big[name])
			if took > slack*least {
				took = min(took, cost(t, e, big[name]))
			}
			if took > slack*least && took > 100*time.Millisecond {
				t.Errorf("%d elements take %s, %d take %s", few, least, most, took)
			}
		})
	}
}

// cost judges an object and returns the processor time that it took.
func cost(t *testing.T, e *engine.Engine, object engine.Object) time.Duration {
	t.Helper()
	start := processor(t)
	report, err := e.Objects(t.Context(), []engine.Object{object}, nil)
	if err != nil || len(report.Errors) > 0 {
		t.Fatal(err, report.Errors)
	}
	return processor(t) - start
}
