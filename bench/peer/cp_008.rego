package main

import rego.v1

# documents are the object itself and those in its strings.
documents contains input

documents contains document if {
	input.kind == "ConfigMap"
	some text in input.data
	contains(text, "rbac.authorization.k8s.io/")
	some part in split(text, "\n---\n")
	yaml.is_valid(part)
	document := yaml.unmarshal(part)
}

deny contains named("CS-CP-008", sprintf("%s %s gives the rights of an administrator", [doc.kind, doc.metadata.name])) if {
	some doc in documents
	doc.kind in {"ClusterRole", "Role"}
	some rule in doc.rules
	powerful(doc.kind, rule)
	not startswith(doc.metadata.name, "system:")
}

powerful(_, rule) if {
	"*" in rule.apiGroups
	"*" in rule.resources
	"*" in rule.verbs
}

powerful(_, rule) if allows(rule, {"clusterroles", "roles"}, {"escalate", "bind"})

powerful(_, rule) if allows(rule, {"users", "groups", "serviceaccounts", "userextras"}, {"impersonate"})

powerful("ClusterRole", rule) if allows(rule, {"secrets"}, {"get", "list", "watch"})

powerful(_, rule) if allows(rule, {"serviceaccounts/token", "nodes/proxy"}, {"create", "get"})

powerful(_, rule) if allows(rule, {"certificatesigningrequests/approval", "signers"}, {"update", "patch", "approve", "sign"})

powerful(_, rule) if allows(rule, {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}, writes)

powerful(_, rule) if {
	some group in rule.apiGroups
	regex.match(`(^|\.)cluster\.x-k8s\.io$`, group)
	some verb in rule.verbs
	verb in (writes | {"*"})
}

writes := {"create", "update", "patch", "delete", "deletecollection"}

allows(rule, resources, verbs) if {
	count(object.get(rule, "resourceNames", [])) == 0
	some resource in rule.resources
	resource in (resources | {"*"})
	some verb in rule.verbs
	verb in (verbs | {"*"})
}

deny contains named("CS-CP-008", sprintf("%s gains the role %s", [subject.name, doc.roleRef.name])) if {
	some doc in documents
	doc.kind in {"ClusterRoleBinding", "RoleBinding"}
	doc.roleRef.name in {"cluster-admin", "admin", "edit"}
	some subject in doc.subjects
	not startswith(subject.name, "system:")
	not endswith(object.get(subject, "namespace", ""), "-system")
}
