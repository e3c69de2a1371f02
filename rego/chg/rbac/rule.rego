# METADATA
# scope: package
# title: Rights that grow
# description: |
#   A role that gains what leads to the whole cluster, a binding that hands such
#   a role or one of the built-in administrators' to somebody, and any right of
#   the anonymous or of everybody. Everything else about rights needs two people
#   as well, but does not lead so far.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-019
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds: [rbac.authorization.k8s.io/*]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.rbac

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.rbac

gained := rbac.powers(change.after) - lost if input.change.kind in {"Role", "ClusterRole"}

lost := rbac.powers(change.before) if is_object(input.change.before)

lost := set() if not is_object(input.change.before)

reasons contains {
	"path": ["rules"],
	"message": sprintf("%s now %s", [change.named, concat(", ", sort(gained))]),
} if {
	count(gained) > 0
}

# A label may add a role to those of administrators, or take all with a label in.
reasons contains {"message": sprintf("%s takes in other roles, or is taken in by them", [change.named])} if {
	input.change.kind == "ClusterRole"
	input.change.action != "delete"
	aggregation(change.before) != aggregation(change.after)
}

aggregation(object) := [field.get(object, ["aggregationRule"]), {key: text |
	some key, text in change.labels(object)
	startswith(key, "rbac.authorization.k8s.io/aggregate-to-")
}]

grants(object) := {[field.text(field.get(object, ["roleRef", "name"])), who] |
	some subject in field.list(field.get(object, ["subjects"]))
	who := [field.text(field.get(subject, [key])) | some key in ["kind", "namespace", "name"]]
}

anybody := {"system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"}

strong(role, _) if rbac.strong(role)

strong(role, _) if role in {"admin", "edit", "system:masters", "system:node"}

strong(role, _) if contains(role, "${")

strong(_, who) if who[2] in (anybody | {"system:masters"})

reasons contains {
	"path": ["subjects"],
	"message": sprintf("%s gives the role %s to %s", [change.named, change.show(role), change.listed(people)]),
} if {
	input.change.kind in {"RoleBinding", "ClusterRoleBinding"}
	new := grants(change.after) - grants(change.before)
	some [role, _] in new
	people := {concat(" ", [field.word(part) | some part in who; part != ""]) |
		some [r, who] in new
		r == role
		strong(r, who)
	}
	count(people) > 0
}
