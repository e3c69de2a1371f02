package countersign.rules.chg.version_upgrade_test

import data.countersign.rules.chg.version_upgrade as rule

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

turned(b, a) := subject({
	"kind": "AWSManagedControlPlane", "before": {"spec": {"version": b}}, "after": {"spec": {"version": a}},
})

severity(b, a) := {h.severity | some h in hits(turned(b, a))}

test_severities if {
	severity("v1.33.2", "v1.33.4") == {"medium"}
	severity("1.29", "v1.29.4") == {"medium"}
	severity("v1.33.2", "v1.34.1") == {"high"}
	severity("v1.31.2", "v1.34.1") == {"high"}
	severity("v1.33.2", "${V}") == {"high"}
	severity("v1.33.2", null) == {"high"}
}

test_message if {
	said(turned("v1.33.2", "v1.34.1")) == {"Kubernetes v1.33.2 → v1.34.1 of AWSManagedControlPlane fleet/eu"}
	said(turned(null, "v1.34.1")) == {"Kubernetes nothing → v1.34.1 of AWSManagedControlPlane fleet/eu"}
}

test_silent if {
	severity("v1.33.2", "v1.33.2") == set()
	severity("v1.34.1", "v1.33.2") == set()
	said(subject({"action": "create", "after": {"spec": {"version": "v1.33.2"}}})) == set()
}
