package countersign.rules.chg.ownership_test

import data.countersign.rules.chg.ownership as rule

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

meta(name, x) := {"metadata": {name: x}}

turned(b, a) := said(subject({"before": b, "after": a}))

test_each_field if {
	every name in ["finalizers", "ownerReferences", "deletionTimestamp"] {
		every pair in [[{}, meta(name, ["a"])], [meta(name, ["a"]), {}], [meta(name, ["a"]), meta(name, ["b"])]] {
			count(turned(pair[0], pair[1])) == 1
		}
		count(said(subject({"action": "create", "after": meta(name, "x")}))) == 1
		turned(meta(name, ["a"]), meta(name, ["a"])) == set()
		turned({}, meta(name, [])) == set()
		said(subject({"action": "delete", "before": meta(name, ["a"])})) == set()
	}
}

test_words if {
	turned({}, meta("finalizers", ["a"])) == {
		"finalizers of Thing fleet/eu come: it decides whether anything is cleaned up when it goes",
	}
	some gone in turned(meta("finalizers", ["a"]), meta("finalizers", null))
	contains(gone, "finalizers of Thing fleet/eu go")
	some other in turned(meta("ownerReferences", ["a"]), meta("ownerReferences", ["b"]))
	contains(other, "ownerReferences of Thing fleet/eu turn")
}

test_argo_has_its_own if {
	said(subject({"group": "argoproj.io", "after": meta("finalizers", ["a"])})) == set()
	count(said(subject({"group": "argoproj.io", "after": meta("ownerReferences", ["a"])}))) == 1
}
