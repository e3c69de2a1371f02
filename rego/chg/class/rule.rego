# METADATA
# scope: package
# title: Classes and what is made from them
# description: |
#   A ClusterClass, and the templates that it names, decide what all of its
#   clusters are made of: a change rolls through each of them. A cluster that
#   takes another class is made anew from it, as far as the API lets it.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-010
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/*
#     - "*.cluster.x-k8s.io/*"
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.class

import data.countersign.lib.change
import data.countersign.lib.field

users := sprintf(": %s", [change.listed(change.names)]) if count(change.names) > 0

users := ": no cluster in this repository uses it" if count(change.names) == 0

reasons contains {"message": sprintf("%s the class %s%s%s", [change.doing, change.place, parts, users])} if {
	input.change.kind == "ClusterClass"
	not input.change.action == "create"
}

parts := sprintf(" (%s)", [change.listed(words)]) if {
	words := {field.word(e.path[1]) | some e in change.edits; e.path[0] == "spec"; count(e.path) > 1}
	count(words) > 0
} else := ""

reasons contains {"message": sprintf("%s %s, of which the class %s makes clusters%s", [
	change.doing, change.named, classes, users,
])} if {
	not input.change.action == "create"
	classes != ""
}

classes := change.listed({change.placed(user) |
	some user in input.referenced_by
	user.kind == "ClusterClass"
	user.role in {"infrastructure", "control-plane", "machine-template", "bootstrap", "remediation"}
})

class_of(object) := [
	field.text(field.get(object, ["spec", "topology", "class"])),
	field.text(field.get(object, ["spec", "topology", "classRef", "name"])),
	field.text(field.get(object, ["spec", "topology", "classNamespace"])),
	field.text(field.get(object, ["spec", "topology", "classRef", "namespace"])),
]

# shape says the class in one way for both shapes.
shape(x) := [concat("", [x[0], x[1]]), concat("", [x[2], x[3]])]

reasons contains {
	"path": ["spec", "topology"],
	"message": sprintf("the cluster %s takes another class: %s", [change.place, change.turns(b[0], a[0])]),
} if {
	input.change.kind == "Cluster"
	change.stays
	b := shape(class_of(change.before))
	a := shape(class_of(change.after))
	b != a
}
