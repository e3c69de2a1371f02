# METADATA
# scope: package
# title: Providers of Cluster API
# description: |
#   A provider acts with all rights over the clusters of a fleet: its version,
#   where it comes from, its flags and its patches, and whatever else lives in
#   its namespace. Without it, nobody looks after its clusters.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-016
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.provider

import data.countersign.lib.change
import data.countersign.lib.field

operated if regex.match(`^(operator|clusterctl)\.cluster\.x-k8s\.io$`, input.change.group)

reasons contains {"message": sprintf("%s the provider %s%s", [change.doing, change.named, details])} if operated

details := sprintf(": %s", [change.turns(b, a)]) if {
	change.stays
	b := change.was(["spec", "version"])
	a := change.now(["spec", "version"])
	b != a
} else := sprintf(" %s", [change.show(a)]) if {
	input.change.action == "create"
	a := change.now(["spec", "version"])
	a != null
} else := ": its clusters are looked after by nobody" if {
	input.change.action == "delete"
} else := sprintf(": %s", [change.listed(words)]) if {
	words := {field.word(e.path[1]) | some e in change.edits; e.path[0] == "spec"; count(e.path) > 1}
	count(words) > 0
} else := ""

reasons contains {
	"message": sprintf("%s %s, in the namespace of a provider%s", [change.doing, change.named, images]),
	"severity": "high",
} if {
	input.namespace_role == "provider"
	not operated
	not object_of_fleet
}

# What belongs to clusters has reasons of its own.
object_of_fleet if endswith(input.change.group, "cluster.x-k8s.io")

images := sprintf(": %s", [change.listed(words)]) if {
	words := {change.turns(e.before, e.after) |
		some e in change.edits
		e.path[count(e.path) - 1] == "image"
	}
	count(words) > 0
} else := ""
