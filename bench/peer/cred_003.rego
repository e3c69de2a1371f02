package main

import rego.v1

identities := `^(AWSCluster.*Identity|AzureClusterIdentity|VSphereClusterIdentity)$`

deny contains named("CS-CRED-003", "the identity may be used from every namespace") if {
	regex.match(identities, input.kind)
	allowed := input.spec.allowedNamespaces
	is_object(allowed)
	count(object.get(allowed, "list", [])) == 0
	count(object.get(allowed, ["selector", "matchLabels"], {})) == 0
	count(narrowing(object.get(allowed, ["selector", "matchExpressions"], []))) == 0
}

# narrowing are the expressions that leave some namespace out.
narrowing(expressions) := [e |
	some e in expressions
	[e.key, e.operator] != ["kubernetes.io/metadata.name", "Exists"]
]
