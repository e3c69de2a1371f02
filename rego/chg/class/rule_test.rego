package countersign.rules.chg.class_test

import data.countersign.rules.chg.class as rule

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

class(x) := subject(object.union({"group": "cluster.x-k8s.io", "kind": "ClusterClass"}, x))

used := {"clusters": [{"namespace": "fleet", "name": "a"}, {"namespace": "fleet", "name": "b"}]}

test_classes if {
	edits := {"fields": [edit(["spec", "patches", 0, "name"], "a", "b"), edit(["metadata", "name"], "a", "b")]}
	said(object.union(class(edits), used)) == {"changes the class fleet/eu (patches): fleet/a, fleet/b"}
	said(class({"action": "delete"})) == {"deletes the class fleet/eu: no cluster in this repository uses it"}
	said(class({"action": "create"})) == set()
}

part(kind, role, action) := object.union(
	subject({
		"kind": "AWSMachineTemplate", "action": action,
	}),
	{"referenced_by": [
		{"group": "cluster.x-k8s.io", "kind": kind, "namespace": "fleet", "name": "standard", "role": role},
	]},
)

test_templates_of_a_class if {
	said(object.union(part("ClusterClass", "machine-template", "update"), used)) == {
		"changes AWSMachineTemplate fleet/eu, of which the class fleet/standard makes clusters: fleet/a, fleet/b",
	}
	every role in ["bootstrap", "infrastructure", "control-plane"] {
		count(said(part("ClusterClass", role, "delete"))) == 1
	}
	said(part("ClusterClass", "machine-template", "create")) == set()
	said(part("MachineDeployment", "machine-template", "update")) == set()
}

topology(b, a) := subject({
	"kind": "Cluster", "before": {"spec": {"topology": b}}, "after": {"spec": {"topology": a}},
})

test_another_class if {
	said(topology({"class": "a"}, {"class": "b"})) == {"the cluster fleet/eu takes another class: a → b"}
	said(topology({"class": "a"}, {"classRef": {"name": "b"}})) == {
		"the cluster fleet/eu takes another class: a → b",
	}
	count(said(topology({"class": "a"}, {"classRef": {"name": "a", "namespace": "b"}}))) == 1
	count(said(topology(null, {"class": "a"}))) == 1
}

test_another_shape if {
	said(topology({"class": "a"}, {"classRef": {"name": "a"}})) == set()
	said(topology({"class": "a", "classNamespace": "b"}, {"classRef": {"name": "a", "namespace": "b"}})) == set()
	said(topology({"class": "a", "version": "1"}, {"class": "a", "version": "2"})) == set()
}
