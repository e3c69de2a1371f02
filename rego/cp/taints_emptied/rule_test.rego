package countersign.rules.cp.taints_emptied_test

import data.countersign.rules.cp.taints_emptied as rule

control_plane(stage, taints) := {"resource": {"kind": "KubeadmControlPlane", "object": {"spec": {"kubeadmConfigSpec": {
	stage: {"nodeRegistration": {"taints": taints}},
}}}}}

hits(doc) := found if found := rule.findings with input as doc

test_an_empty_list_at_each_stage if {
	every stage in ["initConfiguration", "joinConfiguration"] {
		some hit in hits(control_plane(stage, []))
		hit.path == ["spec", "kubeadmConfigSpec", stage, "nodeRegistration", "taints"]
	}
}

test_absent_is_kubeadms_own_taint if {
	every taints in [null, {}, "", "${TAINTS}", [{"key": "a", "effect": "NoSchedule"}]] {
		count(hits(control_plane("initConfiguration", taints))) == 0
	}
	every spec in [null, {}, {"initConfiguration": null}, {"initConfiguration": {"nodeRegistration": {}}}] {
		count(hits({"resource": {"kind": "KubeadmControlPlane", "object": {"spec": {"kubeadmConfigSpec": spec}}}})) == 0
	}
}

test_both_stages_of_a_template if {
	count(hits({"resource": {"kind": "KubeadmControlPlaneTemplate", "object": {"spec": {"template": {"spec": {
		"kubeadmConfigSpec": {
			"initConfiguration": {"nodeRegistration": {"taints": []}},
			"joinConfiguration": {"nodeRegistration": {"taints": []}},
		},
	}}}}}})) == 2
}
