package countersign.rules.chg.any_other_test

import data.countersign.rules.chg.any_other as rule

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

test_every_action_on_everything if {
	every action, verb in {"create": "creates", "update": "changes", "delete": "deletes", "move": "moves"} {
		said(subject({"action": action})) == {sprintf("%s Thing fleet/eu, and nothing says that this is harmless", [verb])}
	}
}

test_without_namespace if {
	said(subject({"namespace": ""})) == {"changes Thing eu, and nothing says that this is harmless"}
}

test_a_file if {
	file := {"group": "countersign.dev", "kind": "File", "namespace": "", "name": "a/b.yaml"}
	said(subject(file)) == {"changes the file a/b.yaml, and nothing says that this is harmless"}
}

test_hostile_names if {
	every name in ["a\nb", "a\u2028b", "amasked:b"] {
		doc := subject({"namespace": name, "name": name})
		said(doc) == {"changes Thing a b/a b, and nothing says that this is harmless"}
	}
}
