# METADATA
# scope: package
# title: No object asks to be left alone
# description: |
#   Nothing in a manifest switches a rule off: exemptions are waivers on the
#   base branch. An annotation or label that pretends otherwise misleads those
#   who review the change.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-INP-004
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: hygiene
#   providers: [all]
#   remediation: remove it, and ask for a waiver where one is needed
#   since: 0.1.0
#   waivable: false
package countersign.rules.inp.inline_exemption

import data.countersign.lib.field

findings contains {
	"path": ["metadata", part, key],
	"message": "the object asks to be exempt, which has no effect",
	"evidence": value,
} if {
	input.resource.group != "countersign.dev"
	some part in ["annotations", "labels"]
	some key, value in field.map(field.at(["metadata", part]))
	regex.match(`(?i)(^|[./-])countersign([./-]|$)`, key)
}
