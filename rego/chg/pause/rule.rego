# METADATA
# scope: package
# title: Pausing and going on
# description: |
#   What is paused is looked after by nobody: machines that fail stay so,
#   certificates run out, and what Git says has no effect until it goes on, and
#   then all at once.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-012
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.pause

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.value

# A pause says so by a field or by an annotation, whose value counts for some.
paused(x) if value.truthy(field.get(x, ["spec", "paused"]))

paused(x) if {
	some key in presence
	key in object.keys(change.annotations(x))
}

paused(x) if {
	some key, text in values
	lower(field.text(object.get(change.annotations(x), key, null))) == text
}

presence := {"cluster.x-k8s.io/paused", "baremetalhost.metal3.io/paused"}

values := {
	"crossplane.io/paused": "true", "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
	"serviceoperator.azure.com/reconcile-policy": "skip", "projectsveltos.io/paused": "true",
}

# A placeholder decides: it may be either.
unknown(x) if value.unknown(field.get(x, ["spec", "paused"]))

reasons contains {
	"message": sprintf("pauses %s: nobody looks after it, and changes have no effect", [change.named]),
} if {
	is_object(input.change.after)
	paused(change.after)
	not paused(change.before)
}

reasons contains {
	"message": sprintf("ends the pause of %s: all that has changed takes effect at once", [change.named]),
} if {
	change.stays
	paused(change.before)
	not paused(change.after)
}

reasons contains {"message": sprintf("a placeholder decides whether %s is paused", [change.named])} if {
	unknown(change.after)
	not unknown(change.before)
}
