# METADATA
# scope: package
# title: The configuration is valid after merging
# description: |
#   A configuration that cannot be read would leave the next change without
#   judgement, so it must not come in.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-INP-003
#   kind: finding
#   scope: object
#   severity: high
#   guideline: hygiene
#   kinds: [countersign.dev/Config]
#   providers: [all]
#   remediation: correct the configuration; countersign config validate says the same
#   since: 0.1.0
#   waivable: false
package countersign.rules.inp.bad_config

import data.countersign.lib.field

findings contains {
	"path": ["spec", "mistakes", i],
	"message": sprintf("line %v: %s", [field.get(mistake, ["line"]), field.word(field.get(mistake, ["message"]))]),
} if {
	some i, mistake in field.list(field.at(["spec", "mistakes"]))
}
