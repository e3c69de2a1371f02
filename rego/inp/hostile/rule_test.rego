package countersign.rules.inp.hostile_test

import data.countersign.rules.inp.hostile as rule

notice(cause) := {"resource": {"kind": "Notice", "object": {"spec": {
	"cause": cause, "message": "confusable name", "file": "a.yaml", "line": 3,
}}}}

test_hostile_input if {
	some hit in rule.findings with input as notice("hostile")
	hit.message == "confusable name"
	hit.evidence == "a.yaml"
}

test_other_causes_are_another_rules_business if {
	every cause in ["limit", "unreadable", "", null] {
		count(rule.findings) == 0 with input as notice(cause)
	}
}
