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

# sources are [path, documents] of RBAC: the object itself, and those in each of
# its strings.
sources contains [[], {input.resource.object}] if of_rbac(input.resource.object)

sources contains [n.path, documents] if {
	some n in input.resource.nested
	documents := {doc |
		some outer in field.list(n.documents)
		some doc in array.concat([outer], field.list(field.get(outer, ["items"])))
		of_rbac(doc)
	}
	count(documents) > 0
}

of_rbac(doc) if startswith(field.text(field.get(doc, ["apiVersion"])), "rbac.authorization.k8s.io/")

# right is what a document gives: [its field, words, severity].
right(doc) := ["rules", words, severity] if {
	powers := rbac.powers(doc)
	count(powers) > 0
	not rbac.known_role(doc)
	name := field.word(field.get(doc, ["metadata", "name"]))
	words := sprintf("%s %s %s", [doc.kind, name, concat(", ", sort(powers))])
	severity := role_severity(doc, powers)
} else := ["roleRef", words, severity] if {
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

role_severity(doc, powers) := "critical" if {
	doc.kind == "ClusterRole"
	count(powers & rbac.worst) > 0
} else := "high"

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
	"severity": worst({severity | some [_, _, severity] in rights}),
	"measure": words,
} if {
	some [path, documents] in sources
	rights := {right(doc) | some doc in documents}
	words := {w | some [_, w, _] in rights}
	some place in {place_of(path, name) | some [name, _, _] in rights}
}

worst(severities) := "critical" if {
	"critical" in severities
} else := "high"

place_of([], name) := [name]

place_of(path, _) := path if count(path) > 0
