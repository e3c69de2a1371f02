package countersign.rules.inp.bad_config_test

import data.countersign.rules.inp.bad_config as rule

config(mistakes) := {"resource": {"kind": "Config", "object": {"spec": {"mistakes": mistakes}}}}

hits(doc) := found if found := rule.findings with input as doc

test_each_mistake if {
	found := hits(config([{"message": "unknown key a", "line": 2}, {"message": "b", "line": 3}]))
	{[hit.path, hit.message] | some hit in found} == {
		[["spec", "mistakes", 0], "line 2: unknown key a"],
		[["spec", "mistakes", 1], "line 3: b"],
	}
}

test_none if {
	every mistakes in [null, []] {
		count(hits(config(mistakes))) == 0
	}
}
