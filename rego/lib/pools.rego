# METADATA
# title: How many machines
# description: |
#   The numbers that decide how many workers there are: replicas, the bounds of
#   autoscalers, and the pools that a cluster's topology names. Each is known
#   by words that say what it counts.
package countersign.lib.pools

import data.countersign.lib.change
import data.countersign.lib.field

# number is a number, also where it is written as text.
number(x) := x if is_number(x)

number(x) := to_number(trim_space(x)) if {
	is_string(x)
	regex.match(`^[0-9]{1,9}$`, trim_space(x))
}

fields := {
	"machines": [["spec", "replicas"]],
	"autoscaler minimum": [
		["metadata", "annotations", "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"],
		["spec", "minSize"], ["spec", "scaling", "minSize"], ["spec", "scaling", "minCount"],
		["spec", "autoscaling", "minReplicas"],
	],
	"autoscaler maximum": [
		["metadata", "annotations", "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"],
		["spec", "maxSize"], ["spec", "scaling", "maxSize"], ["spec", "scaling", "maxCount"],
		["spec", "autoscaling", "maxReplicas"],
	],
}

# sizes are what an object asks for, by the pool of a topology ("" for the
# object itself) and what is counted.
sizes(x) := object.union(own(x), of_topology(x))

own(x) := {["", label]: v |
	some label, paths in fields
	values := [v | some path in paths; v := field.get(x, path); v != null]
	v := values[0]
}

in_pool := {
	"machines": ["replicas"],
	"autoscaler minimum": array.slice(fields["autoscaler minimum"][0], 0, 3),
	"autoscaler maximum": array.slice(fields["autoscaler maximum"][0], 0, 3),
}

of_topology(x) := {[name, label]: v |
	some name, pool in topology(x)
	some label, path in in_pool
	v := field.get(pool, path)
	v != null
}

# topology are the pools of a cluster's topology by name, the first of each.
topology(x) := {name: twins[0] |
	some name in {name_of(pool) | some pool in listed(x)}
	twins := [pool | some pool in listed(x); name_of(pool) == name]
}

name_of(pool) := field.text(field.get(pool, ["name"]))

listed(x) := array.concat(
	field.list(field.get(x, ["spec", "topology", "workers", "machineDeployments"])),
	field.list(field.get(x, ["spec", "topology", "workers", "machinePools"])),
)

words(key) := key[1] if key[0] == ""

words(key) := sprintf("pool %s %s", [field.word(key[0]), key[1]]) if key[0] != ""

# steps are the numbers that differ between the sides; null stands for a number
# that is not written.
steps contains {"pool": key[0], "counts": key[1], "words": words(key), "before": b, "after": a} if {
	change.stays
	was := sizes(change.before)
	now := sizes(change.after)
	some key in (object.keys(was) | object.keys(now))
	b := object.get(was, [key], null)
	a := object.get(now, [key], null)
	b != a
}

less(step) if number(step.after) < number(step.before)

more(step) if number(step.after) > number(step.before)

# counted reports whether both are numbers.
counted(step) if {
	is_number(number(step.before))
	is_number(number(step.after))
}
