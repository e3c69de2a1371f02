package countersign.rules.cred.clear_secret_test

import data.countersign.rules.cred.clear_secret as rule

secret(type, masked, nested) := {"resource": {"object": {"type": type}, "masked": masked, "nested": nested}}

hits(doc) := found if found := rule.findings with input as doc

test_each_class_that_speaks if {
	every class, word in {
		"literal": "a secret value", "private-key": "a private key", "token": "a token or password",
		"kubeconfig": "a kubeconfig with credentials",
	} {
		found := hits(secret("Opaque", [{"path": ["data", "x"], "class": class}], []))
		{[hit.path, hit.measure] | some hit in found} == {[["data", "x"], {word}]}
	}
}

test_each_class_that_is_silent if {
	every class in ["empty", "placeholder", "sops", "ca-cert"] {
		count(hits(secret("Opaque", [{"path": ["data", "x"], "class": class}], []))) == 0
	}
	count(hits(secret(null, [], []))) == 0
}

test_what_lies_in_a_document_is_said_of_the_string if {
	masked := [
		{"path": ["data", "x.yaml", "#", 0, "stringData", "password"], "class": "token"},
		{"path": ["data", "x.yaml", "#", 1, "data", "y.yaml", "#", 0, "data", "key"], "class": "private-key"},
	]
	some hit in hits(secret(null, masked, []))
	hit.path == ["data", "x.yaml"]
	hit.message == "a private key and a token or password is committed in clear text"
}

test_a_payload_of_manifests_is_no_secret_by_itself if {
	type := "addons.cluster.x-k8s.io/resource-set"
	entry := {"path": ["stringData", "x.yaml"], "class": "literal"}
	manifests := [{"path": ["stringData", "x.yaml"], "documents": [{"kind": "Secret"}]}]
	count(hits(secret(type, [entry], manifests))) == 0
	inner := {"path": ["stringData", "x.yaml", "#", 0, "data", "k"], "class": "literal"}
	count(hits(secret(type, [entry, inner], manifests))) == 1
	count(hits(secret(type, [entry], []))) == 1
	count(hits(secret("Opaque", [entry], manifests))) == 1
}
