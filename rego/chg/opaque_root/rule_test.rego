package countersign.rules.chg.opaque_root_test

import data.countersign.rules.chg.opaque_root as rule

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

root(b, a) := subject({
	"kind": "Root", "group": "countersign.dev", "namespace": "", "name": "clusters/legacy",
	"before": side(b), "after": side(a),
})

side(x) := null if x == null

side(x) := {"spec": x} if x != null

judged := "the root clusters/legacy is judged by its files"

failed := {"status": "failed", "message": "line 3 is no YAML"}

built := {"status": "built", "message": ""}

test_the_head if {
	every before in [null, failed, built] {
		said(root(before, failed)) == {sprintf("%s: it cannot be rendered: line 3 is no YAML", [judged])}
	}
	said(root(null, {"status": "unsupported", "message": null})) == {sprintf("%s: it cannot be rendered", [judged])}
}

test_the_base if {
	some words in said(root(failed, built))
	contains(words, "before, it cannot be rendered: line 3 is no YAML; so all of it counts as new")
	some gone in said(root(failed, null))
	contains(gone, "it goes away, and before, it cannot be rendered")
}

test_odd if {
	every spec in [{}, {"status": []}, {"status": "built", "message": {"a": 1}}] {
		count(said(root(spec, spec))) == 1
	}
}
