package countersign.lib.pools_test

import data.countersign.lib.pools

test_numbers if {
	pools.number(3) == 3
	pools.number(" 3 ") == 3
	every x in ["${X}", "", "-1", "3.5", null, true, [3], "99999999999999999999"] {
		not pools.number(x)
	}
}

test_sizes if {
	thing := {
		"metadata": {"annotations": {
			"cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size": "1",
			"cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "9",
		}},
		"spec": {"replicas": 3, "topology": {"workers": {
			"machineDeployments": [{"name": "a", "replicas": 2}, {"name": "b"}, null],
			"machinePools": [{"name": "c", "metadata": {"annotations": {
				"cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "5",
			}}}],
		}}},
	}
	pools.sizes(thing) == {
		["", "machines"]: 3, ["", "autoscaler minimum"]: "1", ["", "autoscaler maximum"]: "9",
		["a", "machines"]: 2, ["c", "autoscaler maximum"]: "5",
	}
	bounds := {["", "autoscaler minimum"]: 1, ["", "autoscaler maximum"]: 4}
	pools.sizes({"spec": {"scaling": {"minSize": 1, "maxCount": 4}}}) == bounds
	every odd in [null, "x", {"spec": "x"}, {"spec": {"topology": {"workers": {"machinePools": "x"}}}}] {
		pools.sizes(odd) == {}
	}
}

test_steps if {
	b := {"spec": {"replicas": 3, "minSize": 2}}
	a := {"spec": {"replicas": 1, "maxSize": "${X}"}}
	steps := pools.steps with input as {"change": {"action": "update", "before": b, "after": a}}
	some lower in steps
	pools.less(lower)
	lower == {"pool": "", "counts": "machines", "words": "machines", "before": 3, "after": 1}
	{[s.words, s.before, s.after] | some s in steps} == {
		["machines", 3, 1], ["autoscaler minimum", 2, null], ["autoscaler maximum", null, "${X}"],
	}
	[step.words | some step in steps; pools.less(step)] == ["machines"]
	[step.words | some step in steps; pools.counted(step)] == ["machines"]
	[step | some step in steps; pools.more(step)] == []
}

test_pools_twice_and_odd_names if {
	twice := [{"name": "a\nb", "replicas": 1}, {"name": "a b", "replicas": 2}, {"name": "a b", "replicas": 3}, {}, null]
	x := {"spec": {"topology": {"workers": {"machineDeployments": twice}}}}
	pools.sizes(x) == {["a\nb", "machines"]: 1, ["a b", "machines"]: 2}
	pools.words(["a\nb", "machines"]) == "pool a b machines"
}
