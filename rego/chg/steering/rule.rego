# METADATA
# scope: package
# title: Labels and annotations that command controllers
# description: |
#   Some keys delete, orphan, skip or steer: they order machines deleted or not
#   remediated, hand an object to somebody else, hold upgrades, or decide what a
#   deployer applies. On a new object those count that are not what every such
#   object has.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-013
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.steering

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.keys

# Where an object holds labels and annotations: its own, those of what it
# makes, and those of the parts of a topology.
places := [
	["metadata"], ["spec", "template", "metadata"], ["spec", "machineTemplate", "metadata"],
	["spec", "topology", "controlPlane", "metadata"],
]

written(x) := {[place, key, field.text(text)] |
	some place, metadata in parts(x)
	some list in ["labels", "annotations"]
	some key, text in field.map(field.get(metadata, [list]))
	keys.steers(key)
}

parts(x) := object.union(
	{concat(".", place): field.get(x, place) | some place in places},
	{sprintf("pool %d of %s", [i, list]): field.get(pool, ["metadata"]) |
		some list in ["machineDeployments", "machinePools"]
		some i, pool in field.list(field.get(x, ["spec", "topology", "workers", list]))
	},
)

# Every machine and pool has these from the start.
common := {"cluster.x-k8s.io/cluster-name", "topology.cluster.x-k8s.io/owned", "helm.sh/resource-policy"}

turned contains key if {
	change.stays
	b := written(change.before)
	a := written(change.after)
	some [_, key, _] in ((a - b) | (b - a))
}

turned contains key if {
	input.change.action == "create"
	some [_, key, _] in written(change.after)
	not key in common
}

values(x, key) := change.show(concat(", ", sort(found))) if {
	found := {text | some [_, k, text] in written(x); k == key; text != ""}
	count(found) > 0
} else := "set" if {
	some [_, k, _] in written(x)
	k == key
} else := "nothing"

reasons contains {
	"path": ["metadata"],
	"message": sprintf("%s of %s (%s → %s): it %s", [
		field.word(key), change.named, values(change.before, key), values(change.after, key), keys.steers(key),
	]),
} if {
	some key in turned
}
