package countersign.rules.chg.crd_test

import data.countersign.rules.chg.crd as rule

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

crd(spec) := {"spec": object.union({"names": {"kind": "Cluster"}}, spec)}

turned(b, a, fields) := said(subject({"before": crd(b), "after": crd(a), "fields": fields}))

versions(list) := {"versions": list}

v1 := {"name": "v1beta1", "served": true, "storage": true}

test_deletion if {
	said(subject({"action": "delete", "before": crd({})})) == {
		"deletes the definition of Cluster, and with it every object of that kind",
	}
}

test_versions if {
	turned(versions([v1]), versions([v1, {"name": "v1beta2"}]), []) == {
		"changes the definition of Cluster: versions v1beta1 → v1beta1, v1beta2",
	}
	every x in [{"served": false}, {"storage": false}] {
		turned(versions([v1]), versions([object.union(v1, x)]), []) == {
			"changes the definition of Cluster: which versions are served and stored",
		}
	}
}

test_other_fields if {
	every name in ["conversion", "scope", "preserveUnknownFields"] {
		turned({}, {name: "x"}, []) == {sprintf("changes the definition of Cluster: %s", [name])}
	}
	turned({}, {}, [edit(["spec", "versions", 0, "schema", "openAPIV3Schema"], 1, 2)]) == {
		"changes the definition of Cluster: schemas",
	}
}

test_silent if {
	turned(versions([v1]), versions([v1]), [edit(["metadata", "labels", "a"], "b", "c")]) == set()
	said(subject({"action": "create", "after": crd({})})) == set()
}
