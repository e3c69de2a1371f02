package countersign.rules.chg.rbac_test

import data.countersign.rules.chg.rbac as rule

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

role(kind, rules) := {"kind": kind, "metadata": {"labels": {}}, "rules": rules}

all := [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]

some_rules := [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]

turned(kind, b, a) := subject({"kind": kind, "namespace": "", "before": b, "after": a})

test_powers_that_are_new if {
	said(turned("ClusterRole", role("ClusterRole", []), role("ClusterRole", some_rules))) == {
		"ClusterRole eu now reaches kubelets",
	}
	some words in said(turned("ClusterRole", null, role("ClusterRole", all)))
	contains(words, "does everything")
	count(said(turned("Role", role("Role", []), role("Role", some_rules)))) == 1
}

test_powers_that_were if {
	said(turned("ClusterRole", role("ClusterRole", all), role("ClusterRole", some_rules))) == set()
	said(turned("ClusterRole", role("ClusterRole", all), null)) == set()
	said(turned("ClusterRole", role("ClusterRole", []), role("ClusterRole", null))) == set()
}

test_aggregation if {
	labelled := {
		"kind": "ClusterRole",
		"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}},
	}
	ruled := {"kind": "ClusterRole", "aggregationRule": {"clusterRoleSelectors": []}}
	every a in [labelled, ruled] {
		said(turned("ClusterRole", {"kind": "ClusterRole"}, a)) == {
			"ClusterRole eu takes in other roles, or is taken in by them",
		}
	}
	said(turned("ClusterRole", labelled, labelled)) == set()
	said(object.union(turned("ClusterRole", labelled, null), {"change": {"action": "delete"}})) == set()
}

binding(name, subjects) := {"kind": "ClusterRoleBinding", "roleRef": {"name": name}, "subjects": subjects}

eve := {"kind": "User", "name": "eve"}

flux := {"kind": "ServiceAccount", "namespace": "flux-system", "name": "kustomize-controller"}

bound(b, a) := said(turned("ClusterRoleBinding", b, a))

test_bindings if {
	bound(null, binding("cluster-admin", [eve, flux])) == {
		"ClusterRoleBinding eu gives the role cluster-admin to ServiceAccount flux-system kustomize-controller, User eve",
	}
	every name in ["admin", "edit", "capi-manager-role", "${ROLE}"] {
		count(bound(null, binding(name, [eve]))) == 1
	}
	bound(null, binding("view", [eve])) == set()
	count(said(turned("RoleBinding", null, binding("edit", [eve])))) == 1
}

test_anybody if {
	every name in ["system:anonymous", "system:unauthenticated", "system:authenticated", "system:masters"] {
		count(bound(null, binding("view", [eve, {"kind": "Group", "name": name}]))) == 1
	}
}

test_what_was_given_before if {
	bound(binding("cluster-admin", [eve]), binding("cluster-admin", [eve])) == set()
	bound(binding("cluster-admin", [eve]), binding("cluster-admin", [])) == set()
	some words in bound(binding("cluster-admin", [eve]), binding("cluster-admin", [eve, flux]))
	not contains(words, "eve")
	count(bound(binding("view", [eve]), binding("cluster-admin", [eve]))) == 1
}
