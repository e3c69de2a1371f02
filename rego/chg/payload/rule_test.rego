package countersign.rules.chg.payload_test

import data.countersign.rules.chg.payload as rule

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

test_addons if {
	doc := subject({"group": "addons.cluster.x-k8s.io", "kind": "ClusterResourceSet"})
	said(doc) == {"changes ClusterResourceSet fleet/eu"}
	reached := object.union(doc, {"clusters": [{"namespace": "fleet", "name": "us"}]})
	said(reached) == {"changes ClusterResourceSet fleet/eu, installed in fleet/us"}
	said(object.union(doc, {"change": {"action": "delete"}})) == {"deletes ClusterResourceSet fleet/eu"}
}

sent(kind, role, action) := object.union(subject({"kind": "ConfigMap", "action": action}), {"referenced_by": [
	{"group": "g", "kind": kind, "namespace": "fleet", "name": "cni", "role": role},
]})

test_payloads if {
	said(sent("HelmChartProxy", "payload", "update")) == {
		"changes ConfigMap fleet/eu, which is sent by HelmChartProxy fleet/cni",
	}
	some words in said(sent("ClusterResourceSet", "payload", "update"))
	endswith(words, "clusters that have it keep the old one")
	said(sent("ClusterResourceSet", "payload", "create")) == {
		"creates ConfigMap fleet/eu, which is sent by ClusterResourceSet fleet/cni",
	}
	said(sent("ClusterResourceSet", "secret", "update")) == set()
}

labelled(kind, b, a) := subject({
	"group": "cluster.x-k8s.io", "kind": kind, "before": {
		"metadata": {"labels": b},
	},
	"after": {"metadata": {"labels": a}},
})

test_labels_of_a_cluster if {
	said(labelled("Cluster", {"cni": "calico"}, {"cni": "cilium", "tier": "a"})) == {
		"labels of the cluster fleet/eu decide what is installed in it: cni calico → cilium, tier nothing → a",
	}
	count(said(labelled("Cluster", null, {"cni": "calico"}))) == 1
	count(said(labelled("Cluster", {"cni": "calico"}, null))) == 1
	said(labelled("Cluster", {"cni": "calico"}, {"cni": "calico"})) == set()
	said(labelled("MachineDeployment", {"cni": "calico"}, null)) == set()
	said(object.union(labelled("Cluster", null, {"a": "b"}), {"change": {"action": "create"}})) == set()
}
