package countersign.rules.cp.taints_differ_test

import data.countersign.rules.cp.taints_differ as rule

control_plane(init, join) := {"resource": {"kind": "KubeadmControlPlane", "object": {"spec": {"kubeadmConfigSpec": {
	"initConfiguration": {"nodeRegistration": {"taints": init}},
	"joinConfiguration": {"nodeRegistration": {"taints": join}},
}}}}}

hits(doc) := found if found := rule.findings with input as doc

guard := {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

extra := {"key": "dedicated", "value": "etcd", "effect": "NoExecute"}

test_silent_without_lists_or_with_the_same if {
	every taints in [null, [], [guard], [guard, extra], [object.union(guard, {"value": null})]] {
		count(hits(control_plane(taints, taints))) == 0
	}
	count(hits(control_plane([guard], null))) == 0
	every spec in [null, {}, {"initConfiguration": null}] {
		count(hits({"resource": {"kind": "KubeadmControlPlane", "object": {"spec": {"kubeadmConfigSpec": spec}}}})) == 0
	}
}

test_the_older_key_and_the_stronger_effect_do if {
	every taint in [
		{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"},
		object.union(guard, {"effect": "NoExecute"}),
	] {
		count(hits(control_plane([taint], [taint]))) == 0
	}
}

test_what_does_not_keep_pods_away if {
	every taints in [[extra], [object.union(guard, {"effect": "PreferNoSchedule"})], [{}], [null], ["x"], [guard.key]] {
		found := hits(control_plane(taints, null))
		{hit.path[2] | some hit in found} == {"initConfiguration"}
		{hit.confidence | some hit in found} == {"certain"}
	}
}

test_each_open_stage_is_said if {
	{hit.path[2] | some hit in hits(control_plane([extra], [extra]))} == {"initConfiguration", "joinConfiguration"}
}

test_other_taints_on_those_that_join if {
	some hit in hits(control_plane([guard, extra], [guard]))
	hit.path[2] == "joinConfiguration"
	hit.severity == "medium"
	some lone in hits(control_plane([guard, extra], null))
	lone.path[2] == "initConfiguration"
}

test_an_empty_list_is_another_rules_business if {
	count(hits(control_plane([], [guard]))) == 0
}

test_a_placeholder_is_unknown if {
	some hit in hits(control_plane([{"key": "${KEY}", "effect": "NoSchedule"}], null))
	hit.confidence == "unknown"
}
