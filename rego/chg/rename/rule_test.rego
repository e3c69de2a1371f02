package countersign.rules.chg.rename_test

import data.countersign.rules.chg.rename as rule

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

create(kind, old) := subject({
	"action": "create", "group": "controlplane.cluster.x-k8s.io", "kind": kind, "renamed_from": old, "after": {},
})

old(namespace, name) := {"group": "", "kind": "", "namespace": namespace, "name": name}

test_another_name if {
	hits(create("KubeadmControlPlane", old("fleet", "us"))) == {{
		"message": "renames fleet/us → KubeadmControlPlane fleet/eu: the old one is deleted, a new one is made",
		"severity": "critical",
	}}
}

test_another_namespace if {
	some words in said(create("Cluster", old("", "eu")))
	startswith(words, "moves to another namespace eu → Cluster fleet/eu")
}

test_templates_have_new_names_on_purpose if {
	said(create("AWSMachineTemplate", old("fleet", "us"))) == set()
}

test_a_plain_create if {
	said(create("Cluster", null)) == set()
	said(subject({"kind": "ConfigMap", "renamed_from": old("fleet", "us")})) == set()
}

moved(group, kind) := subject({"action": "move", "group": group, "kind": kind, "from": "a", "destination": "b"})

test_another_destination if {
	hits(moved("", "Namespace")) == {{
		"message": "moves Namespace fleet/eu from destination a to b: the first deletes what it no longer holds",
		"severity": "critical",
	}}
	{h.severity | some h in hits(moved("", "ConfigMap"))} == {"high"}
	{h.severity | some h in hits(moved("cluster.x-k8s.io", "MachinePool"))} == {"critical"}
}
