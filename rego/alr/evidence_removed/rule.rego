# METADATA
# scope: package
# title: Alerts, trails and log forwarders go or say less
# description: |
#   Alert rules, receivers, detection rules, cloud audit trails and log
#   forwarders are what tells of an attack. Deleted, switched off or with rules
#   taken away, nobody hears of the next one.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-ALR-021
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: implement-comprehensive-alerting/security-event-monitoring
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.alr.evidence_removed

import data.countersign.lib.change
import data.countersign.lib.evidence
import data.countersign.lib.field
import data.countersign.lib.value

reasons contains {"message": sprintf("%s goes: nobody hears of what it told", [change.named])} if {
	input.change.action == "delete"
	evidence.told
}

# Documents in a ConfigMap are Falco's rules by their fields.
rule_names(nested, object) := {name |
	some group in field.list(field.get(object, ["spec", "groups"]))
	some rule in field.list(field.get(group, ["rules"]))
	name := field.text(field.get(rule, ["alert"]))
	name != ""
} | {name |
	some n in nested
	some doc in field.list(n.documents)
	some rule in falco(doc)
	name := field.text(field.get(rule, ["rule"]))
	name != ""
	field.get(rule, ["condition"]) != null
	not value.falsy(field.get(rule, ["enabled"]))
}

falco(doc) := [rule | some rule in doc] if is_array(doc)

falco(doc) := [doc] if not is_array(doc)

gone := rule_names(input.change.nested_before, change.before) - rule_names(input.change.nested_after, change.after)

reasons contains {
	"message": sprintf("%s no longer tells of %s", [change.named, change.listed({field.word(name) | some name in gone})]),
} if {
	count(gone) > 0
	input.change.action != "delete"
}

reasons contains {
	"message": sprintf("rules of %s go: %s", [change.named, change.listed({field.word(name) | some name in gone})]),
} if {
	count(gone) > 0
	input.change.action == "delete"
	not evidence.told
}

# What goes away in it, is switched off, or is asked of fewer.
weaker := {e |
	some e in change.tops(change.edits)
	e.path[0] in {"spec", "data"}
	weakens(e)
}

weakens(e) if e.after == null

weakens(e) if {
	value.truthy(e.before)
	not value.truthy(e.after)
}

weakens(e) if {
	e.path[count(e.path) - 1] in {
		"suspend", "expr", "for", "replicas", "severity", "eventSeverity", "filter", "disabled",
	}
}

reasons contains {
	"message": sprintf("%s may tell less: %s", [
		change.named, change.listed({change.dotted(array.slice(e.path, 1, count(e.path))) | some e in weaker}),
	]),
} if {
	change.stays
	evidence.told
	count(gone) == 0
	count(weaker) > 0
}
