# METADATA
# scope: package
# title: Auditing is switched off or weakened
# description: |
#   The change makes an object fail a rule about auditing that it passed before,
#   or a policy records less: it is gone, a level is lower, or a new rule drops
#   events. Files with other names and the same effect are no loss.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-AUD-025
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: comprehensive-auditing/cluster-level-auditing
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.audit_off

import data.countersign.lib.change
import data.countersign.lib.field

failing contains id if {
	some id in input.failing
	regex.match(`^CS-AUD-0(0[1-9]|1[01])$`, id)
}

reasons contains {
	"message": sprintf("auditing of %s no longer holds to %s", [change.named, change.listed(failing)]),
} if {
	count(failing) > 0
}

# policies are the audit policies inside of the object, or the object itself.
policies(nested, object) := [doc |
	some doc in array.concat([object], [d | some n in nested; some d in field.list(n.documents)])
	field.get(doc, ["kind"]) == "Policy"
	startswith(field.text(field.get(doc, ["apiVersion"])), "audit.k8s.io/")
]

before := policies(input.change.nested_before, change.before)

after := policies(input.change.nested_after, change.after)

levels := {"None": 0, "Metadata": 1, "Request": 2, "RequestResponse": 3}

# rules are what a policy's rules ask for, with the level.
rules(docs) := {[object.remove(rule, ["level"]), level_of(rule)] |
	some doc in docs
	some rule in field.list(field.get(doc, ["rules"]))
	is_object(rule)
}

level_of(rule) := object.get(levels, field.text(field.get(rule, ["level"])), 0)

lost contains "a policy is gone" if {
	count(before) > 0
	count(after) == 0
	change.stays
}

lost contains "a rule records less" if {
	some [match, old] in rules(before)
	some [again, new] in rules(after)
	again == match
	new < old
	not [match, old] in rules(after)
}

lost contains "a rule that records is gone" if {
	count(after) > 0
	some [match, old] in rules(before)
	old > 0
	now := {m | some [m, _] in rules(after)}
	not match in now
}

lost contains "a new rule drops events" if {
	count(before) > 0
	some [match, 0] in rules(after)
	was := {m | some [m, _] in rules(before)}
	not match in was
}

lost contains "stages are left out" if {
	count(before) > 0
	count(after) > 0
	omitted(after) - omitted(before) != set()
}

omitted(docs) := {stage |
	some doc in docs
	some x in array.concat([doc], field.list(field.get(doc, ["rules"])))
	some stage in field.list(field.get(x, ["omitStages"]))
	stage != "RequestReceived"
}

reasons contains {
	"message": sprintf("the audit policy of %s records less: %s", [change.named, change.listed(lost)]),
} if {
	count(lost) > 0
}
