# METADATA
# scope: package
# title: What cannot be rendered is judged by its files
# description: |
#   A root that the config lists as opaque, or that only the head can render.
#   Nobody can say what changes in it, so people read the files.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-027
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds: [countersign.dev/Root]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.opaque_root

import data.countersign.lib.change
import data.countersign.lib.field

reasons contains {"message": sprintf("the root %s is judged by its files: %s", [root, why])}

root := field.word(input.change.name)

status(side) := field.text(field.get(side, ["spec", "status"]))

cause(side) := sprintf("cannot be rendered: %s", [field.word(field.get(side, ["spec", "message"]))]) if {
	value_of(side) != ""
}

cause(side) := "cannot be rendered" if value_of(side) == ""

value_of(side) := trim_space(field.word(field.get(side, ["spec", "message"])))

why := sprintf("it %s", [cause(change.after)]) if {
	is_object(input.change.after)
	status(change.after) != "built"
} else := sprintf("before, it %s; so all of it counts as new, and what it no longer holds is not known", [
	cause(change.before),
]) if {
	is_object(input.change.after)
} else := sprintf("it goes away, and before, it %s", [cause(change.before)])
