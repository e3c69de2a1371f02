package countersign.rules.aud.policy_without_sink_test

import data.countersign.rules.aud.policy_without_sink as rule

kubeadm(args) := {"resource": {"kind": "KubeadmControlPlane", "object": {"spec": {"kubeadmConfigSpec": {
	"clusterConfiguration": {"apiServer": {"extraArgs": args}},
}}}}}

k3s(args) := {"resource": {"kind": "KThreesControlPlane", "object": {"spec": {"kthreesConfigSpec": {
	"serverConfig": {"kubeAPIServerArg": args},
}}}}}

rke2(args) := {"resource": {"kind": "RKE2ControlPlaneTemplate", "object": {"spec": {"template": {"spec": {
	"serverConfig": {"kubeAPIServer": {"extraArgs": args}},
}}}}}}

hits(doc) := found if found := rule.findings with input as doc

test_no_policy_is_not_this_rules_business if {
	every args in [null, {}, [], {"audit-policy-file": ""}, [{"name": "audit-policy-file"}]] {
		count(hits(kubeadm(args))) == 0
	}
}

test_a_policy_alone if {
	every args in [{"audit-policy-file": "/a"}, [{"name": "audit-policy-file", "value": "${POLICY}"}]] {
		some hit in hits(kubeadm(args))
		hit.path == ["spec", "kubeadmConfigSpec", "clusterConfiguration", "apiServer", "extraArgs"]
	}
}

test_an_empty_sink_is_none if {
	count(hits(kubeadm({"audit-policy-file": "/a", "audit-log-path": ""}))) == 1
}

test_each_sink if {
	every sink in ["audit-log-path", "audit-webhook-config-file"] {
		every target in ["/b", "-", "${SINK}"] {
			count(hits(kubeadm({"audit-policy-file": "/a", sink: target}))) == 0
			count(hits(kubeadm([{"name": "audit-policy-file", "value": "/a"}, {"name": sink, "value": target}]))) == 0
		}
	}
}

test_k3s_has_no_default_sink if {
	count(hits(k3s(["audit-policy-file=/a"]))) == 1
	count(hits(k3s(["audit-policy-file=/a", "audit-log-path=/b"]))) == 0
}

test_rke2_has_one_unless_told_otherwise if {
	count(hits(rke2(["audit-policy-file=/a"]))) == 0
	count(hits(rke2(["--audit-policy-file=/a", "--audit-log-path="]))) == 1
}

test_lists_of_another_type_are_read_as_nothing if {
	every args in ["text", 1, [1, null, {}], [[]]] {
		count(hits(kubeadm(args))) == 0
		count(hits(k3s(args))) == 0
	}
}
