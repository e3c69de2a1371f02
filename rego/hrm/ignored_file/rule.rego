# METADATA
# scope: package
# title: Files that need no eyes
# description: |
#   The config's ignore list matches the file: by default documentation,
#   licences and pictures. What deployers or Countersign obey is never ignored,
#   and a submodule is more than a file.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-HRM-001
#   kind: harmless
#   scope: change
#   guideline: second-pair-of-eyes
#   kinds: [countersign.dev/File]
#   providers: [all]
#   since: 0.1.0
package countersign.rules.hrm.ignored_file

import data.countersign.lib.change
import data.countersign.lib.field

reasons contains {"message": "the ignore list of the config matches this file"} if {
	count(change.sides) > 0
	every side in change.sides {
		spec := field.get(side, ["spec"])
		field.get(spec, ["ignored"]) == true
		field.get(spec, ["protected"]) == false
		field.get(spec, ["mode"]) in {"file", "executable", "symlink"}
	}
}
