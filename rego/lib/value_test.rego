package countersign.lib.value_test

import data.countersign.lib.value

test_unknown_is_an_unresolved_placeholder if {
	every x in ["${KEY}", "a-${KEY_2}-b", "${KEY:?must be set}", "$$${KEY}"] {
		value.unknown(x)
	}
}

test_unknown_is_nothing_else if {
	every x in ["", "KEY", "$KEY", "${}", "$${KEY}", "$$$${KEY}", "${1}", null, 1, true, ["${KEY}"], {"a": "${KEY}"}] {
		not value.unknown(x)
	}
}

test_empty if {
	every x in [null, "", " \n", [], {}] {
		value.empty(x)
		not value.set(x)
		not value.known(x)
	}
}

test_set if {
	every x in [false, true, 0, 1, "a", ["a"], [null], {"a": null}] {
		value.set(x)
		not value.empty(x)
		value.known(x)
		value.confidence(x) == "certain"
	}
}

test_placeholder_is_set_and_not_known if {
	value.set("${KEY}")
	not value.empty("${KEY}")
	not value.known("${KEY}")
	value.confidence("${KEY}") == "unknown"
}

test_truthy if {
	every x in [true, "true", "True", " true "] {
		value.truthy(x)
		not value.falsy(x)
	}
}

test_falsy if {
	every x in [false, "false", "FALSE"] {
		value.falsy(x)
		not value.truthy(x)
	}
}

test_neither_true_nor_false if {
	every x in [null, "", "${KEY}", 0, 1, [], {}] {
		not value.truthy(x)
		not value.falsy(x)
	}
}
