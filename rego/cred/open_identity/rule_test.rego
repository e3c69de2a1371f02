package countersign.rules.cred.open_identity_test

import data.countersign.rules.cred.open_identity as rule

identity(allowed) := {"resource": {"kind": "AzureClusterIdentity", "object": {"spec": {"allowedNamespaces": allowed}}}}

hits(doc) := found if found := rule.findings with input as doc

test_present_and_empty if {
	every allowed in [
		{}, {"list": null}, {"list": []}, {"selector": {}}, {"selector": null, "list": []},
		{"selector": {"matchLabels": {}}}, {"selector": {"matchExpressions": []}}, {"list": [""]},
	] {
		some hit in hits(identity(allowed))
		hit.path == ["spec", "allowedNamespaces"]
	}
}

test_a_selector_that_every_namespace_fulfils if {
	every_one := {"key": "kubernetes.io/metadata.name", "operator": "Exists"}
	count(hits(identity({"selector": {"matchExpressions": [every_one]}}))) == 1
	some_only := {"key": "team", "operator": "In", "values": ["a"]}
	count(hits(identity({"selector": {"matchExpressions": [every_one, some_only]}}))) == 0
}

test_absent_means_none if {
	count(hits(identity(null))) == 0
	count(hits({"resource": {"kind": "AWSClusterRoleIdentity", "object": {"spec": {}}}})) == 0
	count(hits({"resource": {"kind": "AWSClusterRoleIdentity", "object": {"spec": null}}})) == 0
}

test_named_namespaces if {
	every allowed in [
		{"list": ["shop"]}, {"list": ["${NAMESPACE}"]}, {"list": "${NAMESPACES}"}, {"list": ["shop"], "selector": {}},
		{"list": [], "selector": {"matchLabels": {"team": "a"}}},
	] {
		count(hits(identity(allowed))) == 0
	}
}
