package countersign.lib.version_test

import data.countersign.lib.version

test_ways if {
	ways := [
		["v1.33.2", "v1.34.1", "minor"], ["v1.33.2", "v1.33.4", "patch"], ["v1.34.0", "v1.33.9", "down"],
		["v1.33.4", "v1.33.2", "down"], ["v1.32.0", "v1.34.0", "skip"], ["1.29", "1.30", "minor"], ["1.30", "v1.29", "down"],
		["v1.29", "v1.29.4", "patch"], ["v1.30.1+k3s1", "v1.30.1+k3s2", "patch"],
		["v1.30.1+rke2r2", "v1.30.1+rke2r1", "down"],
		["v1.30.1+k3s2", "v1.31.0+k3s1", "minor"], ["v1.34.0-rc.1", "v1.34.0", "patch"], ["v1.34.0", "v1.34.0-rc.1", "down"],
		["v1.34.0-rc.1", "v1.34.0-rc.0", "down"], ["v1.9.0", "v1.10.0", "minor"], ["v1.33.2", "${V}", "unclear"],
		["v1.33.2", null, "unclear"], [null, "v1.33.2", "unclear"], ["latest", "stable", "unclear"],
		["4.14.5", "4.15.1", "minor"],
		["v1.33.2", {"a": "b"}, "unclear"], ["v1.33.2", "v1.33.2 ", "patch"], ["v2.0.0", "v1.40.0", "down"],
	]
	every w in ways {
		version.way(w[0], w[1]) == w[2]
	}
}

test_places if {
	thing := {"spec": {
		"version": "v1.30.0", "topology": {"version": null}, "template": {"spec": {"version": "v1.29.0"}},
		"resources": [{"spec": {"kubernetesVersion": "1.30"}}, "x", null],
	}}
	version.places(thing) == {
		["spec", "version"]: "v1.30.0", ["spec", "template", "spec", "version"]: "v1.29.0",
		["spec", "resources", 0, "spec", "kubernetesVersion"]: "1.30",
	}
	version.places({"spec": "x"}) == {}
}

spec(x) := {"spec": {"version": x}}

test_steps if {
	both := {"action": "update", "before": spec("v1.33.2"), "after": spec("v1.34.1")}
	steps := version.steps with input as {"change": both}
	steps == {{"path": ["spec", "version"], "before": "v1.33.2", "after": "v1.34.1", "way": "minor"}}
	created := version.steps with input as {"change": {"action": "create", "before": null, "after": spec("v1.34.1")}}
	created == set()
}
