package countersign.rules.gen.twice_test

import data.countersign.rules.gen.twice as rule

twin := {"group": "cluster.x-k8s.io", "kind": "Cluster", "namespace": "fleet", "name": "eu", "destination": "mgmt"}

duplicate(spec) := {"resource": {"kind": "Duplicate", "object": {"spec": spec}}}

hits(doc) := found if found := rule.findings with input as doc

test_in_two_roots if {
	some hit in hits(duplicate({"object": twin, "roots": ["b", "a"], "files": ["b/x.yaml", "a/x.yaml"]}))
	hit.message == "Cluster eu is there twice in the roots a, b"
	hit.related == [object.remove(twin, {"destination"})]
}

test_in_one_root if {
	some hit in hits(duplicate({"object": twin, "roots": ["a"]}))
	hit.message == "Cluster eu is there twice in root a"
}

test_roots_unknown if {
	some hit in hits(duplicate({"object": twin, "roots": null}))
	hit.message == "Cluster eu is there twice in one destination"
}
