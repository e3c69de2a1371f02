# METADATA
# scope: package
# title: An identity serves named namespaces
# description: |
#   An identity whose allowedNamespaces is there and empty may be used by
#   whoever can create a cluster in any namespace. Absent means no namespace.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CRED-003
#   kind: finding
#   scope: object
#   severity: high
#   guideline: use-least-privileges
#   kinds:
#     - infrastructure.cluster.x-k8s.io/AWSCluster*Identity
#     - infrastructure.cluster.x-k8s.io/AzureClusterIdentity
#     - infrastructure.cluster.x-k8s.io/VSphereClusterIdentity
#   providers: [aws, azure, vsphere]
#   remediation: list the namespaces, or select them by a label
#   since: 0.1.0
#   waivable: true
package countersign.rules.cred.open_identity

import data.countersign.lib.field
import data.countersign.lib.value

path := ["spec", "allowedNamespaces"]

allowed := field.at(path)

findings contains {
	"path": path,
	"message": "the identity may be used from every namespace",
} if {
	is_object(allowed)
	not listed
	not selected
}

# listed reports whether namespaces are named; a placeholder names one.
listed if {
	some namespace in field.list(field.get(allowed, ["list"]))
	value.set(namespace)
}

listed if value.unknown(field.get(allowed, ["list"]))

# selected reports whether a selector leaves some namespace out.
selected if {
	some _, label in field.map(field.get(allowed, ["selector", "matchLabels"]))
	is_string(label)
}

selected if {
	some expression in field.list(field.get(allowed, ["selector", "matchExpressions"]))
	not everywhere(expression)
}

# everywhere reports whether every namespace fulfils an expression: each has
# its own name as a label.
everywhere(expression) if {
	field.get(expression, ["key"]) == "kubernetes.io/metadata.name"
	field.get(expression, ["operator"]) == "Exists"
}
