# METADATA
# scope: package
# title: Renaming or moving is deleting and making anew
# description: |
#   An object is known by its namespace and name in one destination. Under
#   another name, in another namespace or in another destination it is a new
#   one: where it came from, it is deleted, with all that hangs on it.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-002
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.rename

import data.countersign.lib.change

# What takes machines with it when it goes.
heavy if {
	endswith(input.change.group, "cluster.x-k8s.io")
	regex.match(`(Cluster|ControlPlane|MachineDeployment|MachinePool|MachineSet|Machine)$`, input.change.kind)
}

heavy if input.change.kind in {"Namespace", "BareMetalHost"}

severity := "critical" if heavy

severity := "high" if not heavy

reasons contains {
	"message": sprintf("%s %s → %s: the old one is deleted, a new one is made", [
		verb, change.placed(old), change.named,
	]),
	"severity": severity,
} if {
	input.change.action == "create"
	heavy
	old := input.change.renamed_from
	old != null
}

verb := "moves to another namespace" if {
	input.change.renamed_from.namespace != input.change.namespace
	input.change.renamed_from.name == input.change.name
} else := "renames"

reasons contains {
	"message": sprintf("moves %s from destination %s to %s: the first deletes what it no longer holds", [
		change.named, change.show(input.change.from), change.show(input.change.destination),
	]),
	"severity": severity,
} if {
	input.change.action == "move"
}
