package countersign.rules.hrm.ignored_file_test

import data.countersign.rules.hrm.ignored_file as rule

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

file(spec) := {
	"kind": "File", "group": "countersign.dev", "namespace": "", "name": "a", "before": {"spec": spec},
	"after": {"spec": spec},
}

base := {
	"path": "a", "mode": "file", "governed": true, "protected": false, "ignored": true, "read_by": ["clusters/eu"],
}

harmless(b, a) if {
	count(hits(subject(object.union(file(b), {"after": {"spec": a}})))) == 1
}

both(spec) if {
	harmless(spec, spec)
}

test_ignored if {
	both(base)
	both(object.union(base, {"mode": "symlink"}))
	every side in ["before", "after"] {
		doc := subject(object.union(file(base), {side: null}))
		count(hits(doc)) == 1
	}
}

test_each_condition_matters_on_each_side if {
	every other in [
		{"ignored": false}, {"ignored": null}, {"protected": true}, {"protected": null},
		{"mode": "submodule"}, {"mode": ""}, {"mode": null},
	] {
		not harmless(base, object.union(base, other))
		not harmless(object.union(base, other), base)
	}
}

test_nothing_known if {
	not both({})
	not both(null)
	count(hits(subject({}))) == 0
}
