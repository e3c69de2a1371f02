package countersign.rules.aud.policy_missing_test

import data.countersign.rules.aud.policy_missing as rule

control_plane(version, spec) := {"resource": {
	"kind": "KubeadmControlPlane", "version": version, "nested": [],
	"object": {"spec": {"kubeadmConfigSpec": spec}},
}}

arguments(args) := {"clusterConfiguration": {"apiServer": {"extraArgs": args}}}

hits(doc) := found if found := rule.findings with input as doc

test_absent_at_any_depth_is_a_finding_at_the_arguments if {
	specs := [
		null, {}, {"clusterConfiguration": null}, {"clusterConfiguration": {"apiServer": null}},
		{"clusterConfiguration": {"apiServer": {}}}, arguments(null),
	]
	every spec in specs {
		some hit in hits(control_plane("v1beta1", spec))
		hit.path == ["spec", "kubeadmConfigSpec", "clusterConfiguration", "apiServer", "extraArgs"]
		hit.absent == true
		hit.confidence == "certain"
	}
}

test_other_arguments_do_not_count_and_are_there if {
	others := [
		{}, {"v": "2"}, [], [{"name": "v", "value": "2"}],
		{"audit-policy-file": ""}, {"audit-policy-file": null},
	]
	every args in others {
		some hit in hits(control_plane("v1beta2", arguments(args)))
		hit.absent == false
	}
}

test_both_shapes_of_arguments if {
	every args in [
		{"audit-policy-file": "/etc/audit.yaml"},
		[{"name": "v", "value": "2"}, {"name": "audit-policy-file", "value": "/etc/audit.yaml"}],
	] {
		count(hits(control_plane("v1beta2", arguments(args)))) == 0
	}
}

test_the_last_of_two_values_counts if {
	args := [{"name": "audit-policy-file", "value": "/a"}, {"name": "audit-policy-file", "value": ""}]
	count(hits(control_plane("v1beta2", arguments(args)))) == 1
}

test_a_placeholder_is_set if {
	count(hits(control_plane("v1beta1", arguments({"audit-policy-file": "${POLICY}"})))) == 0
}

test_a_template_is_one_level_deeper if {
	some hit in rule.findings with input as {"resource": {
		"kind": "KubeadmControlPlaneTemplate", "nested": [],
		"object": {"spec": {"template": {"spec": {"kubeadmConfigSpec": {}}}}},
	}}
	array.slice(hit.path, 0, 4) == ["spec", "template", "spec", "kubeadmConfigSpec"]
}

patched(file) := {
	"initConfiguration": {"patches": {"directory": "/etc/kubernetes/patches"}},
	"files": [file],
}

test_a_kubeadm_patch_sets_the_policy if {
	file := {"path": "/etc/kubernetes/patches/kube-apiserver0.yaml", "content": "- --audit-policy-file=/a"}
	count(hits(control_plane("v1beta1", patched(file)))) == 0
}

test_a_patch_of_another_component_does_not if {
	file := {"path": "/etc/kubernetes/patches/kube-scheduler.yaml", "content": "- --audit-policy-file=/a"}
	count(hits(control_plane("v1beta1", patched(file)))) == 1
}

test_a_patch_without_the_policy_does_not if {
	file := {"path": "/etc/kubernetes/patches/kube-apiserver.yaml", "content": "audit: restricted"}
	count(hits(control_plane("v1beta1", patched(file)))) == 1
}

test_a_patch_from_a_secret_is_unknown if {
	file := {"path": "/etc/kubernetes/patches/kube-apiserver.yaml", "contentFrom": {"secret": {"name": "p"}}}
	some hit in hits(control_plane("v1beta2", patched(file)))
	hit.confidence == "unknown"
}
