# METADATA
# scope: package
# title: Any other change needs two people
# description: |
#   Privilege is the default: a change that no other rule names, and that no
#   harmless rule explains, is read and approved like all others. This reason
#   speaks of every change and is shown where nothing better is known.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-028
#   kind: privilege
#   scope: change
#   severity: medium
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.any_other

import data.countersign.lib.change

reasons contains {"message": sprintf("%s %s, and nothing says that this is harmless", [change.doing, what])}

what := sprintf("the file %s", [change.place]) if {
	input.change.group == "countersign.dev"
	input.change.kind == "File"
} else := change.named
