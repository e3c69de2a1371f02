package countersign.rules.hrm.label_test

import data.countersign.rules.hrm.label as rule

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

f(path, b, a) := {"fields": [edit(path, b, a)]}

harmless(fields) if {
	count(hits(subject(fields))) == 1
}

test_quiet_keys if {
	every place in ["labels", "annotations"] {
		harmless(f(["metadata", place, "example.com/owner"], "a", "b"))
		harmless(f(["metadata", place, "owner"], null, "b"))
		harmless(f(["metadata", place], {"owner": "a"}, null))
		harmless(f(["metadata", place], null, {"owner": "a", "app.kubernetes.io/name": "x"}))
	}
}

test_other_keys_and_places if {
	every place in ["labels", "annotations"] {
		not harmless(f(["metadata", place, "cluster.x-k8s.io/paused"], null, ""))
		not harmless(f(["metadata", place, "argocd.argoproj.io/sync-wave"], "1", "2"))
		not harmless(f(["metadata", place], null, {"owner": "a", "cluster.x-k8s.io/paused": ""}))
		not harmless(f(["metadata", place], {"cluster.x-k8s.io/paused": ""}, null))
		not harmless(f(["metadata", place], null, "x"))
		not harmless(f(["metadata", place], null, {"owner": {"a": "b"}}))
		not harmless(f(["metadata", place, "owner"], null, {"a": "b"}))
		not harmless(f(["metadata", place, "owner", "deeper"], "a", "b"))
		not harmless(f(["spec", place, "owner"], "a", "b"))
		not harmless(f(["metadata", place, "owner"], "a", "masked:token:00"))
	}
	not harmless(f(["metadata", "finalizers"], null, {"a": "b"}))
	not harmless(f(["metadata"], null, {"labels": {}}))
	not harmless(f(["spec"], 1, 2))
	not harmless({"fields": []})
}

test_one_other_field_is_enough if {
	quiet := edit(["metadata", "labels", "owner"], "a", "b")
	harmless({"fields": [quiet, quiet]})
	not harmless({"fields": [quiet, edit(["spec", "replicas"], 1, 2)]})
}

test_what_else_must_hold if {
	quiet := f(["metadata", "annotations", "owner"], "a", "b")
	every x in [
		{"action": "create"}, {"action": "delete"}, {"action": "move"}, {"opaque": "sops"},
		{"renamed_from": {"group": "", "kind": "ConfigMap", "namespace": "", "name": "a"}},
	] {
		not harmless(object.union(quiet, x))
	}
}

test_labels_that_selectors_ask_for if {
	every kind in [
		"Cluster", "Namespace", "ClusterRole", "BareMetalHost", "MachineDeployment", "AWSClusterRoleIdentity", "Pod",
	] {
		not harmless(object.union({"kind": kind}, f(["metadata", "labels", "owner"], "a", "b")))
		not harmless(object.union({"kind": kind}, f(["metadata", "labels"], null, {"owner": "b"})))
		harmless(object.union({"kind": kind}, f(["metadata", "annotations", "owner"], "a", "b")))
	}
	every group in ["config.projectsveltos.io", "ec2.aws.upbound.io"] {
		not harmless(object.union({"group": group}, f(["metadata", "labels", "owner"], "a", "b")))
	}
}
