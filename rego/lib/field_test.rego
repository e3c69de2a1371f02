package countersign.lib.field_test

import data.countersign.lib.field

of(kind, object) := {"resource": {"kind": kind, "object": object}}

test_absent_and_null_are_one if {
	field.absent(["a", "b"]) == true with input as of("X", {"a": {"b": null}})
	field.absent(["a", "b"]) == true with input as of("X", {"a": 1})
	field.absent(["a", "b"]) == false with input as of("X", {"a": {"b": ""}})
}

test_at if {
	field.at(["a", 1]) == 2 with input as of("X", {"a": [1, 2]})
	field.at(["a", 2]) == null with input as of("X", {"a": [1, 2]})
}

test_get_of_anything if {
	field.get({"a": 1}, ["a"]) == 1
	every x in [{}, null, "a", 1, [], [1]] {
		field.get(x, ["a"]) == null
	}
}

test_list_and_map_of_anything if {
	field.list([1]) == [1]
	field.map({"a": 1}) == {"a": 1}
	every x in [null, "a", 1, true] {
		field.list(x) == []
		field.map(x) == {}
	}
	field.list({}) == []
	field.map([]) == {}
}

test_text_of_scalars if {
	every x in [["a", "a"], [30, "30"], [1.5, "1.5"], [true, "true"], [false, "false"], [null, ""]] {
		field.text(x[0]) == x[1]
	}
	every x in [[], {}, set()] {
		field.text(x) == ""
	}
}

test_a_word_is_one_short_line if {
	field.word("eu-1") == "eu-1"
	field.word(7) == "7"
	field.word("a\nb\tc\u2028d masked:e") == "a b c d  e"
	count(field.word(concat("", ["x" | some _ in numbers.range(1, 900)]))) == 100
	count(field.line(concat("", ["x" | some _ in numbers.range(1, 900)]))) == 500
}

test_the_specification_of_a_template if {
	field.spec == {"a": 1} with input as of("Machine", {"spec": {"a": 1}})
	field.spec == {"a": 1} with input as of("MachineTemplate", {"spec": {"template": {"spec": {"a": 1}}}})
	field.spec == {} with input as of("MachineTemplate", {"spec": null})
}
