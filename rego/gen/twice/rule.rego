# METADATA
# scope: package
# title: An object is written once
# description: |
#   The same object twice in one destination, from two roots or in two
#   versions: which one is applied last wins, and a review of one says nothing
#   of the other.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-GEN-004
#   kind: finding
#   scope: object
#   severity: high
#   guideline: hygiene
#   kinds: [countersign.dev/Duplicate]
#   providers: [all]
#   remediation: keep the object in one root, in one version
#   since: 0.1.0
#   waivable: true
package countersign.rules.gen.twice

import data.countersign.lib.field

twin := field.map(field.at(["spec", "object"]))

places := {field.word(root) | some root in field.list(field.at(["spec", "roots"]))}

where := sprintf("in the roots %s", [concat(", ", sort(places))]) if count(places) > 1

where := sprintf("in root %s", [concat(", ", places)]) if count(places) == 1

where := "in one destination" if count(places) == 0

findings contains {
	"path": ["spec", "object"],
	"message": sprintf("%s %s is there twice %s", [field.word(twin.kind), field.word(twin.name), where]),
	"related": [object.remove(twin, {"destination"})],
	"measure": places,
}
