package countersign.rules.aud.policy_useless_test

import data.countersign.rules.aud.policy_useless as rule

with_policy(policy) := {"resource": {
	"kind": "KubeadmControlPlane", "object": {"spec": {}},
	"nested": [{
		"path": ["spec", "kubeadmConfigSpec", "files", 0, "content"], "encoding": "", "text": "",
		"documents": [object.union({"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}, policy)],
	}],
}}

lost(policy) := union({hit.measure | some hit in found}) if found := rule.findings with input as with_policy(policy)

all := {"secrets", "pods/exec", "RBAC", "other resources"}

test_nothing_is_recorded if {
	every rules in [null, [], "text", [null], [{"level": "None"}]] {
		lost({"rules": rules}) == all
	}
}

test_a_catch_all if {
	every level in ["Metadata", "Request", "RequestResponse"] {
		lost({"rules": [{"level": level}]}) == set()
	}
}

test_the_first_match_decides if {
	secrets := [{"group": "", "resources": ["secrets"]}]
	lost({"rules": [{"level": "None", "resources": secrets}, {"level": "Metadata"}]}) == {"secrets"}
	lost({"rules": [{"level": "Metadata", "resources": secrets}, {"level": "None"}]}) == all - {"secrets"}
}

test_rules_for_some_do_not_decide_for_all if {
	some_only := [
		{"users": ["system:kube-proxy"]}, {"userGroups": ["system:nodes"]}, {"namespaces": ["kube-system"]},
		{"nonResourceURLs": ["/healthz*"]}, {"verbs": ["watch"]},
		{"resources": [{"group": "", "resources": ["secrets", "*"], "resourceNames": ["one"]}]},
	]
	every narrow in some_only {
		lost({"rules": [object.union({"level": "None"}, narrow), {"level": "Metadata"}]}) == set()
	}
}

test_rules_for_everyone_do if {
	lost({"rules": [{"level": "None", "userGroups": ["system:authenticated"]}, {"level": "Metadata"}]}) == all
}

test_a_pod_is_not_its_subresource if {
	lost({"rules": [
		{"level": "None", "resources": [{"group": "", "resources": ["pods"]}]},
		{"level": "Metadata"},
	]}) == set()
	lost({"rules": [
		{"level": "None", "resources": [{"group": "", "resources": ["pods/*"]}]},
		{"level": "Metadata"},
	]}) == {"pods/exec"}
}

test_omitted_stages if {
	lost({"omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}) == set()
	lost({"omitStages": ["RequestReceived"], "rules": [{"level": "Metadata", "omitStages": ["ResponseComplete"]}]}) == all
}

test_other_policies_are_none_of_ours if {
	lost({"apiVersion": "kyverno.io/v1", "rules": []}) == set()
}

file(entry) := {"resource": {"kind": "KubeadmControlPlane", "nested": [], "object": {"spec": {"kubeadmConfigSpec": {
	"clusterConfiguration": {"apiServer": {
		"extraArgs": {"audit-policy-file": "/a/policy.yaml"},
		"extraVolumes": [{"hostPath": "/a", "mountPath": "/a"}],
	}},
	"files": [object.union({"path": "/a/policy.yaml"}, entry)],
}}}}}

test_text_that_cannot_be_judged_is_unknown if {
	every entry in [{"contentFrom": {"secret": {"name": "s"}}}, {"content": "{{ x }}", "contentFormat": "go-template"}] {
		some hit in rule.findings with input as file(entry)
		hit.confidence == "unknown"
	}
}

test_an_absent_file_is_silent if {
	every entry in [{}, {"content": null}, {"path": "/b"}] {
		count(rule.findings) == 0 with input as file(entry)
	}
}

test_a_placeholder_for_a_level_is_unknown if {
	some hit in rule.findings with input as with_policy({"rules": [{"level": "${LEVEL}"}]})
	hit.confidence == "unknown"
}
