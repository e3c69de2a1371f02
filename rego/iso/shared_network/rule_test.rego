package countersign.rules.iso.shared_network_test

import data.countersign.rules.iso.shared_network as rule

member(name, changed) := {
	"cluster": {"namespace": "fleet", "name": name}, "destination": "d", "changed": changed,
	"object": {"group": "g", "kind": "AWSCluster", "namespace": "fleet", "name": name, "destination": "d"},
	"path": ["spec", "network", "vpc", "id"],
}

shared(what, members) := {"shares": [{"what": what, "key": "AWS VPC vpc-1", "members": members}]}

hits(doc) := found if found := rule.findings with input as doc

test_a_changed_cluster_in_a_network_of_others if {
	some hit in hits(shared("network", [member("a", true), member("b", false)]))
	hit.object.name == "a"
	hit.message == "cluster fleet/a shares AWS VPC vpc-1 with fleet/b"
	hit.measure == {"fleet/b"}
	hit.clusters == {"fleet/a", "fleet/b"}
	count(hits(shared("network", [member("a", true), member("b", false)]))) == 1
}

test_both_changed if {
	{hit.object.name | some hit in hits(shared("network", [member("a", true), member("b", true)]))} == {"a", "b"}
}

test_unchanged_or_alone_or_something_else if {
	count(hits(shared("network", [member("a", false), member("b", false)]))) == 0
	count(hits(shared("network", [member("a", true), member("a", true)]))) == 0
	count(hits(shared("ca", [member("a", true), member("b", true)]))) == 0
	count(hits({"shares": []})) == 0
}

test_the_same_name_elsewhere_is_another_cluster if {
	other := object.union(member("a", false), {"destination": "e"})
	count(hits(shared("network", [member("a", true), other]))) == 1
}

test_many_are_counted if {
	others := [member(sprintf("c%d", [i]), false) | some i in numbers.range(1, 5)]
	some hit in hits(shared("network", array.concat([member("a", true)], others)))
	endswith(hit.message, "with fleet/c1, fleet/c2, fleet/c3 and 2 more")
	count(hit.related) == 5
}
