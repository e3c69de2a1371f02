# METADATA
# scope: package
# title: Finalizers, owners and deletions in Git
# description: |
#   A finalizer keeps an object from going until somebody has cleaned up; an
#   owner takes it along when it goes. Written in Git, these leave cloud
#   resources behind or delete what nobody meant, as does a time of deletion.
#   Finalizers of Argo CD's own objects are CS-CHG-020's.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-014
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.ownership

import data.countersign.lib.change
import data.countersign.lib.value

effects := {
	"finalizers": "decides whether anything is cleaned up when it goes",
	"ownerReferences": "decides what takes it along when it goes",
	"deletionTimestamp": "says that it is being deleted",
	"deletionGracePeriodSeconds": "says that it is being deleted",
}

reasons contains {
	"path": path,
	"message": sprintf("%s of %s %s: it %s", [name, change.named, verb(path), effect]),
} if {
	input.change.action != "delete"
	some name, effect in effects
	path := ["metadata", name]
	change.was(path) != change.now(path)
	not both_empty(path)
	not of_argo(name)
}

both_empty(path) if {
	value.empty(change.was(path))
	value.empty(change.now(path))
}

of_argo("finalizers") if input.change.group == "argoproj.io"

verb(path) := "come" if {
	value.empty(change.was(path))
} else := "go" if {
	value.empty(change.now(path))
} else := "turn"
