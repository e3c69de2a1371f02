# METADATA
# scope: package
# title: Nobody gains the rights of an administrator
# description: |
#   Roles and bindings that lead to the whole cluster: everything, granting
#   rights, acting as others, secrets of all namespaces, tokens, certificates,
#   admission, kubelets, and writing Cluster API's objects. The controllers of
#   Cluster API's providers, of Flux and of Argo CD need them; their own roles
#   and accounts are left alone. Payloads for workload clusters count as well.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CP-008
#   kind: finding
#   scope: object
#   severity: critical
#   guideline: limit-access/control-plane-protection
#   kinds:
#     - rbac.authorization.k8s.io/*
#     - core/ConfigMap
#     - core/Secret
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#   providers: [all]
#   remediation: allow only the verbs and resources that are needed, in the namespaces where they are
#   since: 0.1.0
#   waivable: true
package countersign.rules.cp.admin_rights

import data.countersign.lib.field
import data.countersign.lib.rbac

# documents are [path, document] of RBAC: the object itself, and those in its
# strings.
documents contains [[], input.resource.object] if of_rbac(input.resource.object)

documents contains [n.path, doc] if {
	some n in input.resource.nested
	some doc in field.list(n.documents)
	of_rbac(doc)
}

documents contains [n.path, item] if {
	some n in input.resource.nested
	some doc in field.list(n.documents)
	some item in field.list(field.get(doc, ["items"]))
	of_rbac(item)
}

of_rbac(doc) if startswith(field.text(field.get(doc, ["apiVersion"])), "rbac.authorization.k8s.io/")

# rights are [path of the document, its field, words, severity].
rights contains [path, "rules", words, severity] if {
	some [path, doc] in documents
	powers := rbac.powers(doc)
	count(powers) > 0
	not rbac.known_role(doc)
	name := field.word(field.get(doc, ["metadata", "name"]))
	words := sprintf("%s %s %s", [doc.kind, name, concat(", ", sort(powers))])
	severity := role_severity(doc, powers)
}

role_severity(doc, powers) := "critical" if {
	doc.kind == "ClusterRole"
	count(powers & rbac.worst) > 0
} else := "high"

rights contains [path, "roleRef", words, severity] if {
	some [path, doc] in documents
	severity := {"ClusterRoleBinding": "critical", "RoleBinding": "high"}[doc.kind]
	role := field.text(field.get(doc, ["roleRef", "name"]))
	rbac.strong(role)
	strangers := {concat(" ", [field.word(field.get(subject, [name])) | some name in ["kind", "name"]]) |
		some subject in field.list(field.get(doc, ["subjects"]))
		gains(doc, subject)
	}
	count(strangers) > 0
	words := sprintf("%s gains the role %s", [concat(", ", sort(strangers)), field.word(role)])
}

gains(binding, subject) if {
	rbac.stranger(subject)
	not providers(binding, subject)
}

# providers reports whether a provider's account gets what it needs. Providers
# run in namespaces of their own.
providers(binding, subject) if {
	field.get(subject, ["kind"]) == "ServiceAccount"
	endswith(field.text(field.get(subject, ["namespace"])), "-system")
	rbac.of_provider(binding)
}

# One finding for each field: a payload may hold many documents.
findings contains {
	"path": place,
	"message": concat("; ", sort(words)),
	"severity": worst(place),
	"measure": words,
} if {
	some place in places
	words := {w | some [path, name, w, _] in rights; place_of(path, name) == place}
}

worst(place) := "critical" if {
	some [path, name, _, "critical"] in rights
	place_of(path, name) == place
} else := "high"

places contains place_of(path, name) if some [path, name, _, _] in rights

place_of([], name) := [name]

place_of(path, _) := path if count(path) > 0
