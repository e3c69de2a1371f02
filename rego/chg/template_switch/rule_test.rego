package countersign.rules.chg.template_switch_test

import data.countersign.rules.chg.template_switch as rule

blank := {
	"action": "update", "group": "", "kind": "Thing", "namespace": "fleet", "name": "eu",
	"version_before": "v1", "version_after": "v1", "destination": "mgmt", "from": "", "generated": false,
	"opaque": "", "renamed_from": null, "before": null, "after": null, "fields": [],
	"masked_before": [], "masked_after": [], "nested_before": [], "nested_after": [],
}

around := {"clusters": [], "referenced_by": [], "namespace_role": "", "failing": [], "related": [], "params": {}}

subject(change) := object.union(around, {"change": object.union(blank, change)})

edit(path, b, a) := {"path": path, "before": b, "after": a, "before_absent": b == null, "after_absent": a == null}

hits(doc) := found if found := rule.reasons with input as doc

said(doc) := {hit.message | some hit in hits(doc)}

old_ref(kind, name) := {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": kind, "name": name}

new_ref(kind, name) := {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": kind, "name": name}

between(kind, b, a) := subject({"kind": kind, "before": {"spec": b}, "after": {"spec": a}})

machines(ref) := {"template": {"spec": {"infrastructureRef": ref}}}

test_machine_templates_of_both_shapes if {
	b := old_ref("AWSMachineTemplate", "a")
	every a in [old_ref("AWSMachineTemplate", "b"), new_ref("AWSMachineTemplate", "b")] {
		said(between("MachineDeployment", machines(b), machines(a))) == {
			concat(" ", [
				"machine template AWSMachineTemplate a → AWSMachineTemplate b:",
				"all machines of MachineDeployment fleet/eu are replaced",
			]),
		}
	}
	every pair in [
		[
			{"machineTemplate": {"infrastructureRef": b}},
			{"machineTemplate": {"spec": {"infrastructureRef": new_ref("X", "a")}}},
		],
		[{"infrastructureTemplate": b}, {"infrastructureTemplate": old_ref("AWSMachineTemplate", "c")}],
	] {
		count(said(between("KubeadmControlPlane", pair[0], pair[1]))) == 1
	}
}

test_another_shape_is_no_other_reference if {
	b := old_ref("AWSMachineTemplate", "a")
	a := new_ref("AWSMachineTemplate", "a")
	said(between("MachineDeployment", machines(b), machines(a))) == set()
	kcp := {"machineTemplate": {"spec": {"infrastructureRef": a}}}
	said(between("KubeadmControlPlane", {"machineTemplate": {"infrastructureRef": b}}, kcp)) == set()
}

test_another_group_or_namespace if {
	b := new_ref("AWSMachineTemplate", "a")
	every x in [{"apiGroup": "example.org"}, {"namespace": "other"}] {
		count(said(between("MachineDeployment", machines(b), machines(object.union(b, x))))) == 1
	}
}

boot(x) := {"template": {"spec": {"bootstrap": x}}}

test_bootstrap if {
	b := boot({"configRef": old_ref("KubeadmConfigTemplate", "a")})
	count(said(between("MachinePool", b, boot({"configRef": old_ref("KubeadmConfigTemplate", "b")})))) == 1
	said(between("MachinePool", b, boot({"dataSecretName": "s"}))) == {
		"bootstrap configuration KubeadmConfigTemplate a → s: all machines of MachinePool fleet/eu are replaced",
	}
	some words in said(between("MachinePool", b, boot(null)))
	contains(words, "KubeadmConfigTemplate a → nothing")
	count(said(between("MachinePool", b, boot({"configRef": ""})))) == 1
}

test_clusters if {
	hits(between(
		"Cluster", {
			"infrastructureRef": old_ref("A", "a"),
		},
		{"infrastructureRef": old_ref("A", "b")},
	)) == {{
		"message": "infrastructure A a → A b: the cluster fleet/eu leaves what it has", "severity": "critical",
	}}
	count(said(between(
		"Cluster", {
			"controlPlaneRef": old_ref("K", "a"),
		},
		{"controlPlaneRef": old_ref("L", "a")},
	))) == 1
}

test_rollouts if {
	every spec in [{"rolloutAfter": "2030-01-01T00:00:00Z"}, {"rollout": {"after": "2030-01-01T00:00:00Z"}}] {
		some words in said(between("KubeadmControlPlane", {}, spec))
		startswith(words, "machines of KubeadmControlPlane fleet/eu are replaced: spec.rollout")
	}
}

test_silent if {
	said(between("MachineDeployment", {"replicas": 1}, {"replicas": 2})) == set()
	said(subject({
		"action": "create", "kind": "MachineDeployment", "after": {"spec": machines(old_ref("A", "a"))},
	})) == set()
}
