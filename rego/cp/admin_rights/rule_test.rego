package countersign.rules.cp.admin_rights_test

import data.countersign.rules.cp.admin_rights as rule

resource(object) := {"resource": {"object": object, "nested": []}}

role(kind, name, labels, rules) := {
	"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
	"metadata": {"name": name, "labels": labels}, "rules": rules,
}

binding(kind, name, subjects) := {
	"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "b"},
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}, "subjects": subjects,
}

allow(group, resource, verb) := [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}]

hits(doc) := found if found := rule.findings with input as doc

measure(object) := union({hit.measure | some hit in hits(resource(object))})

test_each_power_of_a_cluster_role if {
	powers := [
		["*", "*", "*", "critical"], ["rbac.authorization.k8s.io", "clusterroles", "escalate", "critical"],
		["rbac.authorization.k8s.io", "roles", "bind", "critical"], ["", "users", "impersonate", "critical"],
		["", "nodes/proxy", "get", "high"], ["", "secrets", "list", "high"],
		["", "serviceaccounts/token", "create", "high"],
		["certificates.k8s.io", "certificatesigningrequests/approval", "update", "high"],
		["admissionregistration.k8s.io", "validatingwebhookconfigurations", "patch", "high"],
		["cluster.x-k8s.io", "clusters", "delete", "high"],
		["infrastructure.cluster.x-k8s.io", "*", "*", "high"], ["", "*/proxy", "get", "high"],
	]
	every power in powers {
		[group, name, verb, severity] := power
		some hit in hits(resource(role("ClusterRole", "r", {}, allow(group, name, verb))))
		hit.path == ["rules"]
		hit.severity == severity
	}
}

test_harmless_rights if {
	every power in [
		["", "pods", "*"], ["", "secrets", "create"], ["cluster.x-k8s.io", "clusters", "watch"],
		["cluster.x-k8s.io", "clusters/status", "patch"], ["rbac.authorization.k8s.io", "roles", "get"],
	] {
		measure(role("ClusterRole", "r", {}, allow(power[0], power[1], power[2]))) == set()
	}
	named := [object.union(allow("", "secrets", "get")[0], {"resourceNames": ["one"]})]
	measure(role("ClusterRole", "r", {}, named)) == set()
}

test_secrets_of_one_namespace_are_another_matter if {
	measure(role("Role", "r", {}, allow("", "secrets", "*"))) == set()
	some hit in hits(resource(role("Role", "r", {}, allow("*", "*", "*"))))
	hit.severity == "high"
}

test_absent_and_odd_rules if {
	every rules in [null, [], "text", [null], [{}], [{"apiGroups": null, "resources": 1, "verbs": "*"}]] {
		measure(role("ClusterRole", "r", null, rules)) == set()
	}
}

test_a_providers_own_role if {
	provider := {"cluster.x-k8s.io/provider": "infrastructure-aws"}
	all := allow("*", "*", "*")
	measure(role("ClusterRole", "capa-manager-role", provider, all)) == set()
	count(measure(role("ClusterRole", "capa-manager-role", {}, all))) == 1
	count(measure(role("ClusterRole", "capa-manager-role", {"cluster.x-k8s.io/provider": "eve"}, all))) == 1
	count(measure(role("ClusterRole", "eve", provider, all))) == 1
	measure(role("ClusterRole", "argocd-application-controller", {}, all)) == set()
	count(measure(role("ClusterRole", "cluster-admin", {}, all))) == 1
}

user(name) := {"kind": "User", "name": name}

account(namespace, name) := {"kind": "ServiceAccount", "namespace": namespace, "name": name}

test_bindings_to_cluster_admin if {
	subjects := [user("eve"), {"kind": "Group", "name": "devs"}, account("default", "app"), account("capa-system", "m")]
	every subject in subjects {
		some hit in hits(resource(binding("ClusterRoleBinding", "cluster-admin", [subject])))
		hit.path == ["roleRef"]
		hit.severity == "critical"
	}
	some hit in hits(resource(binding("RoleBinding", "cluster-admin", [user("eve")])))
	hit.severity == "high"
}

test_bindings_of_known_controllers if {
	flux := [account("flux-system", "kustomize-controller"), account("flux-system", "helm-controller")]
	measure(binding("ClusterRoleBinding", "cluster-admin", flux)) == set()
	argo := [account("argocd", "argocd-application-controller")]
	measure(binding("ClusterRoleBinding", "argocd-application-controller", argo)) == set()
	measure(binding("ClusterRoleBinding", "cluster-admin", array.concat(flux, [user("eve")]))) != set()
	images := [account("flux-system", "image-automation-controller")]
	measure(binding("ClusterRoleBinding", "crd-controller-flux-system", images)) == set()
}

test_bindings_of_providers if {
	manager := account("capz-system", "capz-manager")
	measure(binding("ClusterRoleBinding", "capz-manager-role", [manager])) == set()
	measure(binding("ClusterRoleBinding", "capz-manager-role", [account("default", "eve")])) != set()
	labelled := object.union(
		binding("ClusterRoleBinding", "cluster-admin", [manager]),
		{"metadata": {"labels": {"cluster.x-k8s.io/provider": "core-x"}}},
	)
	measure(labelled) == set()
}

test_other_bindings if {
	measure(binding("ClusterRoleBinding", "view", [user("eve")])) == set()
	every subjects in [null, [], "x"] {
		measure(binding("ClusterRoleBinding", "cluster-admin", subjects)) == set()
	}
	measure({"apiVersion": "example.org/v1", "kind": "ClusterRole", "rules": allow("*", "*", "*")}) == set()
}

test_documents_in_a_payload if {
	docs := [
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}},
		role("ClusterRole", "r\ns", {}, allow("*", "*", "*")),
		{"apiVersion": "v1", "kind": "List", "items": [binding("ClusterRoleBinding", "cluster-admin", [user("eve")])]},
	]
	nested := [{"path": ["data", "x.yaml"], "documents": docs, "encoding": "", "name": "", "text": ""}]
	found := hits({"resource": {"object": {"apiVersion": "v1", "kind": "ConfigMap"}, "nested": nested}})
	{hit.path | some hit in found} == {["data", "x.yaml"]}
	some hit in found
	hit.severity == "critical"
	"User eve gains the role cluster-admin" in hit.measure
	some words in hit.measure
	startswith(words, "ClusterRole r s acts as others, approves certificates, commands clusters, does everything")
}
