package countersign.rules.alr.too_many_test

import data.countersign.rules.alr.too_many as rule

id := {"group": "cluster.x-k8s.io", "kind": "Cluster", "namespace": "fleet", "name": "a", "destination": "d"}

fleet(totals, limits) := {
	"clusters": [], "anchor": {"object": id},
	"totals": object.union(
		{"clusters": 0, "clusters_added": 0, "clusters_deleted": 0, "nodes_added": 0, "nodes_unknown": 0},
		totals,
	),
	"limits": object.union({"clusters": null, "nodes_added": null, "deletions": null}, limits),
}

hits(doc) := found if found := rule.findings with input as doc

test_no_limit_no_finding if {
	count(hits(fleet({"clusters": 1000, "clusters_added": 9, "nodes_added": 9999, "nodes_unknown": 3}, {}))) == 0
}

test_clusters_above_the_limit if {
	some hit in hits(fleet({"clusters": 51, "clusters_added": 1}, {"clusters": 50}))
	hit.object == id
	hit.measure == 51
	hit.message == "the fleet has 51 clusters, 1 of them new; the limit is 50"
}

test_clusters_within_the_limit_or_none_added if {
	count(hits(fleet({"clusters": 50, "clusters_added": 1}, {"clusters": 50}))) == 0
	count(hits(fleet({"clusters": 60, "clusters_added": 0}, {"clusters": 50}))) == 0
}

test_nodes_above_the_limit if {
	some hit in hits(fleet({"nodes_added": 101, "nodes_unknown": 1}, {"nodes_added": 100}))
	hit.measure == 101
	not hit.confidence
}

test_nodes_within_the_limit if {
	count(hits(fleet({"nodes_added": 100}, {"nodes_added": 100}))) == 0
}

test_pools_of_unknown_size_are_unknown if {
	some hit in hits(fleet({"nodes_unknown": 2}, {"nodes_added": 100}))
	hit.confidence == "unknown"
}

test_without_a_new_cluster_it_hangs_on_a_changed_one if {
	doc := object.union(fleet({"nodes_added": 1}, {"nodes_added": 0}), {
		"anchor": null,
		"clusters": [{"changed": false, "object": {}}, {"changed": true, "object": id}],
	})
	some hit in hits(doc)
	hit.object == id
}
