package countersign.rules.chg.version_jump_test

import data.countersign.rules.chg.version_jump as rule

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

with_version(v) := {"spec": {"version": v}}

turned(kind, b, a) := subject({"kind": kind, "before": with_version(b), "after": with_version(a)})

test_downgrades if {
	every pair in [["v1.34.1", "v1.33.2"], ["v1.33.2", "v1.33.1"], ["v1.30.1+rke2r2", "v1.30.1+rke2r1"]] {
		every kind in ["KubeadmControlPlane", "MachineDeployment"] {
			some words in said(turned(kind, pair[0], pair[1]))
			endswith(words, "a downgrade")
		}
	}
}

test_skips if {
	said(turned("KubeadmControlPlane", "v1.32.0", "v1.34.1")) == {
		"Kubernetes v1.32.0 → v1.34.1 of KubeadmControlPlane fleet/eu skips a minor version",
	}
	said(turned("MachineDeployment", "v1.31.0", "v1.34.1")) == set()
}

test_upgrades_are_another_matter if {
	every pair in [
		["v1.33.2", "v1.34.1"], ["v1.33.2", "v1.33.4"], ["1.29", "v1.29.4"], ["v1.33.2", "${V}"],
		[null, "v1.33.2"],
	] {
		said(turned("KubeadmControlPlane", pair[0], pair[1])) == set()
	}
}

topology(v) := {"spec": {"topology": {"version": v}}}

classed(class) := object.union(
	subject({"kind": "Cluster", "before": topology("v1.31.0"), "after": topology("v1.33.0")}),
	{"related": [{"role": "class", "object": class}]},
)

test_classes_that_plan if {
	every spec in [
		{"kubernetesVersions": ["v1.31.0", "v1.32.4", "v1.33.0"]},
		{"upgrade": {"external": {"generateUpgradePlanExtension": "plan.example"}}},
	] {
		said(classed({"spec": spec})) == set()
	}
	every class in [
		null, {}, {"spec": {"kubernetesVersions": ["v1.31.0", "v1.33.0"]}},
		{"spec": {"kubernetesVersions": "x"}},
	] {
		count(said(classed(class))) == 1
	}
}

beside(action, own, role, plane) := object.union(
	subject({
		"action": action, "kind": "MachineDeployment",
		"after": {"spec": {"template": {"spec": {"version": own}}}},
	}),
	{"related": [{"role": role, "object": plane}]},
)

test_skew if {
	every pair in [["v1.34.1", "v1.33.2"], ["v1.29.0", "v1.33.2"], ["v1.24.0", "v1.27.0"], ["v1.33.3", "v1.33.2"]] {
		every action in ["create", "update"] {
			count(said(beside(action, pair[0], "control-plane", with_version(pair[1])))) == 1
		}
		count(said(beside("create", pair[0], "cluster", topology(pair[1])))) == 1
		count(said(beside("create", pair[0], "infrastructure", with_version(pair[1])))) == 0
	}
	said(beside("create", "v1.34.1", "control-plane", with_version("v1.33.2"))) == {
		"MachineDeployment fleet/eu at Kubernetes v1.34.1 does not fit the control plane at v1.33.2",
	}
}

test_no_skew if {
	every pair in [
		["v1.33.2", "v1.33.2"], ["v1.30.0", "v1.33.2"], ["v1.25.0", "v1.27.0"], ["1.33", "v1.33.2"], ["${V}", "v1.33.2"],
		["v1.33.2", "${V}"], ["v1.33.2", null],
	] {
		said(beside("update", pair[0], "control-plane", with_version(pair[1]))) == set()
	}
	said(beside("delete", "v1.34.1", "control-plane", with_version("v1.33.2"))) == set()
	said(beside("update", "v1.34.1", "control-plane", null)) == set()
}
