# METADATA
# scope: package
# title: Input means what it looks like
# description: |
#   Names that can be taken for others, invisible characters and files made to
#   break a renderer have no honest use in a repository of manifests.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-INP-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: hygiene
#   kinds: [countersign.dev/Notice]
#   providers: [all]
#   remediation: write names in plain characters, and remove what is not needed
#   since: 0.1.0
#   waivable: false
package countersign.rules.inp.hostile

import data.countersign.lib.field

findings contains {
	"path": ["spec", "message"],
	"message": field.line(field.at(["spec", "message"])),
	"evidence": field.text(field.at(["spec", "file"])),
} if {
	field.at(["spec", "cause"]) == "hostile"
}
