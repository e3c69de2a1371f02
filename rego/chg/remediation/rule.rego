# METADATA
# scope: package
# title: How machines are judged, drained and replaced
# description: |
#   A health check decides which machines are deleted without anybody asking,
#   and how many at once; drain rules and timeouts decide whether what runs on
#   them gets time to leave.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-021
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*Remediation*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.remediation

import data.countersign.lib.change
import data.countersign.lib.field

checks if input.change.kind in {"MachineHealthCheck", "MachineDrainRule"}

reasons contains {"message": sprintf("%s %s%s", [change.doing, change.named, effect])} if checks

effect := ": machines that fail are no longer replaced" if {
	input.change.kind == "MachineHealthCheck"
	input.change.action == "delete"
} else := ": all machines may be replaced at once" if {
	input.change.action != "delete"
	some x in bounds
	field.text(x) in {"100%", "100"}
} else := sprintf(": %s", [change.listed(words)]) if {
	words := {phrase(e) | some e in change.tops(change.edits); e.path[0] == "spec"}
	count(words) > 0
} else := ""

bounds := [x |
	some path in [
		["spec", "maxUnhealthy"], ["spec", "remediation", "triggerIf", "unhealthyLessThanOrEqualTo"],
	]
	x := change.now(path)
	x != change.was(path)
]

phrase(e) := sprintf("%s %s", [
	change.dotted(array.slice(e.path, 1, count(e.path))), change.turns(e.before, e.after),
])

# Fields that say so elsewhere, by their name in either shape.
names := {
	"nodeDrainTimeout", "nodeDrainTimeoutSeconds", "nodeVolumeDetachTimeout", "nodeVolumeDetachTimeoutSeconds",
	"nodeDeletionTimeout", "nodeDeletionTimeoutSeconds", "machineHealthCheck", "healthCheck", "remediationStrategy",
	"remediation", "remediationTemplate", "maxInFlight",
}

touched := {e |
	some e in change.edits
	some step in e.path
	step in names
}

reasons contains {
	"message": sprintf("how machines of %s are drained or replaced: %s", [
		change.named, change.listed({phrase(e) | some e in change.tops(touched)}),
	]),
} if {
	change.stays
	not checks
	count(touched) > 0
}
