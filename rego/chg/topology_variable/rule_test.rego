package countersign.rules.chg.topology_variable_test

import data.countersign.rules.chg.topology_variable as rule

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

cluster(topology) := {"spec": {"topology": topology}}

turned(b, a) := subject({"kind": "Cluster", "before": cluster(b), "after": cluster(a)})

variables(value) := {"variables": [{"name": "replicas", "value": value}]}

test_variables if {
	said(turned(variables(1), variables(3))) == {"variables of the cluster fleet/eu: replicas 1 → 3"}
	said(turned(variables({"a": 1}), {})) == {
		"variables of the cluster fleet/eu: replicas other content → nothing",
	}
	said(turned({}, variables("masked:token:00"))) == {
		"variables of the cluster fleet/eu: replicas nothing → a secret",
	}
}

overrides(value) := {"variables": {"overrides": [{"name": "size", "value": value}]}}

test_overrides if {
	said(turned({"controlPlane": overrides("a")}, {"controlPlane": overrides("b")})) == {
		"variables of the cluster fleet/eu: size of control plane a → b",
	}
	every list in ["machineDeployments", "machinePools"] {
		b := {"workers": {list: [object.union({"name": "md"}, overrides("a"))]}}
		said(turned(b, {"workers": {list: [{"name": "md"}]}})) == {
			"variables of the cluster fleet/eu: size of pool md a → nothing",
		}
	}
}

with_default(doc) := object.union(doc, {"related": [{"role": "class", "object": {"spec": {"variables": [
	{"name": "replicas", "schema": {"openAPIV3Schema": {"default": 1}}}, {"name": "other"},
]}}}]})

test_what_is_the_default_anyway if {
	said(with_default(turned({}, variables(1)))) == set()
	said(with_default(turned(variables(1), {}))) == set()
	said(with_default(turned({}, variables(2)))) == {"variables of the cluster fleet/eu: replicas 1 → 2"}
}

test_silent if {
	said(turned(variables(1), variables(1))) == set()
	order := {"variables": [{"name": "a", "value": 1}, {"name": "b", "value": 2}]}
	said(turned(order, {"variables": array.reverse(order.variables)})) == set()
	said(subject({"action": "create", "kind": "Cluster", "after": cluster(variables(1))})) == set()
	said(turned({"variables": "x", "workers": {"machinePools": [null, "x"]}}, {"variables": [null]})) == set()
}
