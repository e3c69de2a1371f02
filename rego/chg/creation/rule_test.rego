package countersign.rules.chg.creation_test

import data.countersign.rules.chg.creation as rule

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

test_what_is_made if {
	words := {
		"Cluster": "creates the cluster fleet/eu",
		"KubeadmControlPlane": "creates the control plane KubeadmControlPlane fleet/eu",
		"AWSCluster": "creates the infrastructure AWSCluster fleet/eu",
	}
	every kind, message in words {
		said(subject({"action": "create", "kind": kind})) == {message}
	}
}

test_others if {
	every kind in ["AWSClusterTemplate", "AWSMachineTemplate", "KubeadmControlPlaneTemplate"] {
		said(subject({"action": "create", "kind": kind})) == set()
	}
	every action in ["update", "delete", "move"] {
		said(subject({"action": action, "kind": "Cluster"})) == set()
	}
}
