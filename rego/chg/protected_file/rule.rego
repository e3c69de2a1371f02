# METADATA
# scope: package
# title: What deployers and Countersign obey is protected
# description: |
#   The config, waivers and attestations of Countersign, who must review what,
#   CI, and files by which a deployer changes what it applies: whoever may edit
#   these alone can switch the second pair of eyes off. Kustomizations are
#   judged by what they render.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-023
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds: [countersign.dev/File]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.protected_file

import data.countersign.lib.change
import data.countersign.lib.field

# Protected unless every side says that it is not.
reasons contains {"message": sprintf("%s %s: %s", [change.doing, field.word(input.change.name), meaning])} if {
	some side in change.sides
	not field.get(side, ["spec", "protected"]) == false
}

path := lower(input.change.name)

parts := split(path, "/")

base := parts[count(parts) - 1]

meaning := "settings, waivers or attestations of Countersign" if {
	startswith(path, ".countersign")
} else := "it says who must review what" if {
	base == "codeowners"
} else := "GitHub runs or obeys it" if {
	parts[0] == ".github"
} else := "deployers obey it, and no render shows it" if {
	startswith(base, ".")
} else := "the config protects it"
