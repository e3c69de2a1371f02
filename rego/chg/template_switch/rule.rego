# METADATA
# scope: package
# title: Other templates replace machines
# description: |
#   A control plane or a pool that refers to another machine template or
#   bootstrap configuration replaces all of its machines; a cluster that refers
#   to another infrastructure or control plane leaves the old one. References
#   are compared by group, kind and name, so that their newer shape is no other
#   reference.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-008
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds: [cluster.x-k8s.io/Cluster, cluster.x-k8s.io/Machine*, controlplane.cluster.x-k8s.io/*]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.template_switch

import data.countersign.lib.change
import data.countersign.lib.field

slots := {
	"machine template": [
		["spec", "template", "spec", "infrastructureRef"], ["spec", "machineTemplate", "infrastructureRef"],
		["spec", "machineTemplate", "spec", "infrastructureRef"], ["spec", "infrastructureTemplate"],
		["spec", "infrastructureRef"],
	],
	"bootstrap configuration": [
		["spec", "template", "spec", "bootstrap", "configRef"], ["spec", "bootstrap", "configRef"],
		["spec", "template", "spec", "bootstrap", "dataSecretName"], ["spec", "bootstrap", "dataSecretName"],
	],
	"control plane": [["spec", "controlPlaneRef"]],
}

# refs are what an object refers to as something, by what makes them one, with
# the words to show.
refs(object, slot) := {[group(ref), words(ref), field.text(field.get(ref, ["namespace"]))] |
	some path in slots[slot]
	ref := field.get(object, path)
	ref != null
}

written(ref) := ["apiGroup"] if field.get(ref, ["apiGroup"]) != null

written(ref) := ["apiVersion"] if field.get(ref, ["apiGroup"]) == null

# The older shape writes a version behind the group.
group(ref) := split(field.text(field.get(ref, written(ref))), "/")[0]

words(ref) := field.word(ref) if not is_object(ref)

words(ref) := sprintf("%s %s", [
	field.word(field.get(ref, ["kind"])), field.word(field.get(ref, ["name"])),
]) if is_object(ref)

shown(found) := "nothing" if count(found) == 0

shown(found) := concat(", ", sort([w | some [_, w, _] in found])) if count(found) > 0

reasons contains {
	"message": sprintf("%s %s → %s: %s", [label(slot), shown(b), shown(a), effect]),
	"severity": severity,
} if {
	change.stays
	some slot, _ in slots
	b := refs(change.before, slot)
	a := refs(change.after, slot)
	b != a
}

label(slot) := "infrastructure" if {
	input.change.kind == "Cluster"
	slot == "machine template"
} else := slot

severity := "critical" if input.change.kind == "Cluster"

severity := "high" if input.change.kind != "Cluster"

effect := sprintf("the cluster %s leaves what it has", [change.place]) if input.change.kind == "Cluster"

effect := sprintf("all machines of %s are replaced", [change.named]) if input.change.kind != "Cluster"

rollouts := [
	["spec", "rolloutAfter"], ["spec", "rolloutBefore"], ["spec", "upgradeAfter"], ["spec", "rollout", "after"],
	["spec", "rollout", "before"], ["spec", "topology", "rolloutAfter"],
]

reasons contains {
	"path": path,
	"message": sprintf("machines of %s are replaced: %s %s", [
		change.named, change.dotted(path), change.turns(change.was(path), change.now(path)),
	]),
	"severity": "high",
} if {
	change.stays
	some path in rollouts
	change.was(path) != change.now(path)
}
