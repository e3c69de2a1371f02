package countersign.rules.cred.clear_secret_test

import data.countersign.rules.cred.clear_secret as rule

secret(masked) := {"resource": {"masked": masked}}

hits(doc) := found if found := rule.findings with input as doc

test_each_class_that_speaks if {
	every class, word in {
		"literal": "a secret value", "private-key": "a private key", "token": "a token or password",
		"kubeconfig": "a kubeconfig with credentials",
	} {
		found := hits(secret([{"path": ["data", "x"], "class": class}]))
		{[hit.path, hit.measure] | some hit in found} == {[["data", "x"], {word}]}
	}
}

test_each_class_that_is_silent if {
	every class in ["empty", "placeholder", "sops", "ca-cert"] {
		count(hits(secret([{"path": ["data", "x"], "class": class}]))) == 0
	}
	count(hits(secret([]))) == 0
}

test_what_lies_in_a_document_is_said_of_the_string if {
	masked := [
		{"path": ["data", "x.yaml", "#", 0, "stringData", "password"], "class": "token"},
		{"path": ["data", "x.yaml", "#", 1, "data", "y.yaml", "#", 0, "data", "key"], "class": "private-key"},
	]
	some hit in hits(secret(masked))
	hit.path == ["data", "x.yaml"]
	hit.message == "a private key and a token or password is committed in clear text"
}

test_another_secret_is_other_evidence if {
	of := {text: hit.evidence |
		some text in ["masked:token:aa", "x masked:token:aa masked:literal:bb", "masked:token:cc"]
		doc := {"resource": {"masked": [{"path": ["a"], "class": "token"}], "object": {"a": text}}}
		some hit in hits(doc)
	}
	of == {
		"masked:token:aa": ["masked:token:aa"],
		"x masked:token:aa masked:literal:bb": ["masked:literal:bb", "masked:token:aa"],
		"masked:token:cc": ["masked:token:cc"],
	}
}
