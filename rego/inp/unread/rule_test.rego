package countersign.rules.inp.unread_test

import data.countersign.rules.inp.unread as rule

notice(cause) := {"resource": {"kind": "Notice", "object": {"spec": {
	"cause": cause, "message": "the file is a pointer", "file": "a.yaml", "line": 0,
}}}}

test_every_cause_but_one if {
	every cause in ["limit", "unreadable", "syntax", "missing", "a new one", "", null] {
		some hit in rule.findings with input as notice(cause)
		hit.message == "the file is a pointer"
	}
}

test_hostile_input_is_another_rules_business if {
	count(rule.findings) == 0 with input as notice("hostile")
}
