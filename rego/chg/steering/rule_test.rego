package countersign.rules.chg.steering_test

import data.countersign.rules.chg.steering as rule

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

note(list, key, text) := {"metadata": {list: {key: text}}}

turned(b, a) := said(subject({"kind": "Machine", "before": b, "after": a}))

test_each_list if {
	every list in ["labels", "annotations"] {
		turned({}, note(list, "cluster.x-k8s.io/delete-machine", "")) == {concat(" ", [
			"cluster.x-k8s.io/delete-machine of Machine fleet/eu (nothing → set):",
			"it deletes the machine first when the pool shrinks",
		])}
		count(turned(note(list, "cluster.x-k8s.io/watch-filter", "a"), {})) == 1
		filter := "cluster.x-k8s.io/watch-filter"
		some words in turned(note(list, filter, "a"), note(list, filter, "b"))
		contains(words, "(a → b)")
	}
}

test_each_place if {
	metadata := {"labels": {"machine.cluster.x-k8s.io/exclude-node-draining": "true"}}
	every spec in [
		{"template": {"metadata": metadata}}, {"machineTemplate": {"metadata": metadata}},
		{"topology": {"controlPlane": {"metadata": metadata}}},
		{"topology": {"workers": {"machineDeployments": [{"metadata": metadata}]}}},
		{"topology": {"workers": {"machinePools": [{}, {"metadata": metadata}]}}},
	] {
		count(turned({"spec": {}}, {"spec": spec})) == 1
		count(turned({"spec": spec}, {})) == 1
	}
}

new(key) := subject({"action": "create", "after": note("labels", key, "x")})

test_what_comes_with_a_new_object if {
	count(said(new("cluster.x-k8s.io/managed-by"))) == 1
	said(new("cluster.x-k8s.io/cluster-name")) == set()
	said(subject({"action": "delete", "before": note("labels", "cluster.x-k8s.io/managed-by", "x")})) == set()
}

test_others if {
	every key in ["app", "example.com/owner", "cluster.x-k8s.io/other"] {
		turned({}, note("labels", key, "x")) == set()
	}
	same := note("labels", "cluster.x-k8s.io/cluster-name", "eu")
	turned(same, object.union(same, note("labels", "app", "x"))) == set()
	every odd in [null, "x", {"metadata": null}, {"metadata": {"labels": ["cluster.x-k8s.io/delete-machine"]}}] {
		turned({}, odd) == set()
	}
}
