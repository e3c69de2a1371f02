package countersign.rules.chg.immutable_edit_test

import data.countersign.rules.chg.immutable_edit as rule

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

edited(group, kind, b, a) := subject({"group": group, "kind": kind, "before": {"spec": b}, "after": {"spec": a}})

inside(x) := {"template": {"spec": x}}

infra := "infrastructure.cluster.x-k8s.io"

test_templates if {
	every kind in ["AWSMachineTemplate", "OpenStackMachineTemplate", "VSphereClusterTemplate"] {
		said(edited(infra, kind, inside({"a": 1}), inside({"a": 2}))) == {
			sprintf("edits %s fleet/eu in place, which the API refuses", [kind]),
		}
	}
	every kind in ["KubeadmControlPlaneTemplate", "TalosConfigTemplate"] {
		count(said(edited("x", kind, inside({"a": 1}), inside({"a": 2})))) == 1
	}
	count(said(edited("x", "TalosConfig", {"a": 1}, {"a": 2}))) == 1
}

test_conversion if {
	doc := edited(infra, "AWSMachineTemplate", inside({"a": 1}), inside({"a": 2}))
	some words in said(object.union(doc, {"change": {"version_after": "v2"}}))
	endswith(words, "part of it may be the conversion")
	same := edited(infra, "AWSMachineTemplate", inside({"a": 1}), inside({"a": 1}))
	said(object.union(same, {"change": {"version_after": "v2"}})) == set()
}

test_templates_that_drift if {
	said(edited(infra, "Metal3MachineTemplate", inside({"a": 1}), inside({"a": 2}))) == {
		"edits Metal3MachineTemplate fleet/eu in place: machines that it made stay as they were, new ones differ",
	}
}

config(x) := {"kubeadmConfigSpec": {"clusterConfiguration": x}}

test_fields if {
	said(edited("", "MachineDeployment", {"clusterName": "a"}, {"clusterName": "b"})) == {
		"edits spec.clusterName of MachineDeployment fleet/eu in place (a → b), which the API refuses",
	}
	count(said(edited("", "MachineHealthCheck", {"clusterName": "a"}, {"clusterName": "b"}))) == 1
	count(said(edited("", "MachineSet", {"selector": {"a": "b"}}, {"selector": {}}))) == 1
	count(said(edited("", "ClusterResourceSet", {"strategy": "ApplyOnce"}, {"strategy": "Reconcile"}))) == 1
	count(said(edited("", "KubeadmControlPlane", config({"certificatesDir": "a"}), config({})))) == 1
}

test_topology_taken_away if {
	said(edited("", "Cluster", {"topology": {"class": "a"}}, {})) == {
		"takes the topology from the cluster fleet/eu, which the API refuses",
	}
	said(edited("", "Cluster", {"topology": {"class": "a"}}, {"topology": {"class": "b"}})) == set()
}

test_silent if {
	said(edited("", "MachineDeployment", {"replicas": 1}, {"replicas": 2})) == set()
	said(edited("", "ClusterResourceSet", {}, {"strategy": "Reconcile"})) == set()
	said(edited("x", "AWSMachineTemplate", inside({"a": 1}), inside({"a": 2}))) == set()
	said(object.union(edited(infra, "AWSMachineTemplate", {}, inside({"a": 2})), {
		"change": {"action": "create"},
	})) == set()
}
