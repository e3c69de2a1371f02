# METADATA
# scope: package
# title: Definitions of kinds
# description: |
#   Deleting a CustomResourceDefinition deletes every object of its kind, which
#   may be all clusters. Its versions, what is stored, and how versions are
#   converted decide whether objects can still be read.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-015
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds: [apiextensions.k8s.io/CustomResourceDefinition]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.crd

import data.countersign.lib.change
import data.countersign.lib.field

kind := field.word(field.get(change.thing, ["spec", "names", "kind"]))

reasons contains {
	"message": sprintf("deletes the definition of %s, and with it every object of that kind", [kind]),
} if {
	input.change.action == "delete"
}

versions(x) := {field.text(field.get(v, ["name"])) | some v in field.list(field.get(x, ["spec", "versions"]))}

flags(x) := {[field.text(field.get(v, ["name"])), field.get(v, ["served"]), field.get(v, ["storage"])] |
	some v in field.list(field.get(x, ["spec", "versions"]))
}

what contains sprintf("versions %s → %s", [list(versions(change.before)), list(versions(change.after))]) if {
	versions(change.before) != versions(change.after)
}

what contains "which versions are served and stored" if {
	versions(change.before) == versions(change.after)
	flags(change.before) != flags(change.after)
}

what contains name if {
	some name in ["conversion", "scope", "names", "group", "preserveUnknownFields"]
	change.was(["spec", name]) != change.now(["spec", name])
}

what contains "schemas" if {
	some e in change.edits
	array.slice(e.path, 0, 2) == ["spec", "versions"]
	count(e.path) > 3
	not e.path[3] in {"name", "served", "storage"}
}

list(found) := change.listed({field.word(x) | some x in found})

reasons contains {"message": sprintf("changes the definition of %s: %s", [kind, change.listed(what)])} if {
	change.stays
	count(what) > 0
}
