# METADATA
# scope: package
# title: Files that roots read are judged by what is rendered
# description: |
#   A root that was judged reads the file, so whatever it does shows in the
#   objects, which are judged themselves.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-HRM-002
#   kind: harmless
#   scope: change
#   guideline: second-pair-of-eyes
#   kinds: [countersign.dev/File]
#   providers: [all]
#   since: 0.1.0
package countersign.rules.hrm.rendered_file

import data.countersign.lib.change
import data.countersign.lib.field

reasons contains {"message": "judged roots read this file: its effect is judged by the objects"} if {
	count(change.sides) > 0
	every side in change.sides {
		spec := field.get(side, ["spec"])
		field.get(spec, ["protected"]) == false
		field.get(spec, ["mode"]) in {"file", "executable"}
		count(field.list(field.get(spec, ["read_by"]))) > 0
	}
}
