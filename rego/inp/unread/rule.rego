# METADATA
# scope: package
# title: All input is read
# description: |
#   What could not be read, exceeds a limit or is missing beside what was
#   rendered: the rest was judged, this was not. A cause that the rule does not
#   know counts as well.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-INP-002
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: hygiene
#   kinds: [countersign.dev/Notice]
#   providers: [all]
#   remediation: make the file readable, or leave it out of the roots
#   since: 0.1.0
#   waivable: false
package countersign.rules.inp.unread

import data.countersign.lib.field

findings contains {
	"path": ["spec", "message"],
	"message": field.line(field.at(["spec", "message"])),
	"evidence": field.text(field.at(["spec", "file"])),
} if {
	field.at(["spec", "cause"]) != "hostile"
}
