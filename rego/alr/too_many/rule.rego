# METADATA
# scope: package
# title: A change stays within the limits of the fleet
# description: |
#   How many clusters there may be, and how many nodes one change may add.
#   Nothing is limited unless the configuration says so. Pools whose size a
#   placeholder decides are unknown, not zero.
# schemas:
#   - input: schema.fleet
# custom:
#   id: CS-ALR-020
#   kind: finding
#   scope: fleet
#   severity: high
#   guideline: implement-comprehensive-alerting/resource-limit-monitoring
#   providers: [all]
#   remediation: split the change, or raise the limit in a change of its own
#   since: 0.1.0
#   waivable: true
package countersign.rules.alr.too_many

# anchor is where the finding hangs: the first cluster that was added, else the
# first that changed.
anchor := input.anchor.object if {
	input.anchor != null
} else := changed[0] if {
	changed := [c.object | some c in input.clusters; c.changed]
}

# A finding about numbers concerns no field of the object.
findings contains {
	"path": ["spec"],
	"object": anchor,
	"message": sprintf("the fleet has %d clusters, %d of them new; the limit is %d", [
		input.totals.clusters,
		input.totals.clusters_added,
		input.limits.clusters,
	]),
	"measure": input.totals.clusters,
} if {
	input.totals.clusters_added > 0
	is_number(input.limits.clusters)
	input.totals.clusters > input.limits.clusters
}

findings contains {
	"path": ["spec", "replicas"],
	"object": anchor,
	"message": sprintf("the change adds %d nodes; the limit is %d", [input.totals.nodes_added, input.limits.nodes_added]),
	"measure": input.totals.nodes_added,
} if {
	is_number(input.limits.nodes_added)
	input.totals.nodes_added > input.limits.nodes_added
}

findings contains {
	"path": ["spec", "replicas"],
	"object": anchor,
	"message": sprintf("placeholders decide the size of %d pools; the limit is %d nodes", [
		input.totals.nodes_unknown,
		input.limits.nodes_added,
	]),
	"confidence": "unknown",
} if {
	is_number(input.limits.nodes_added)
	input.totals.nodes_added <= input.limits.nodes_added
	input.totals.nodes_unknown > 0
}
