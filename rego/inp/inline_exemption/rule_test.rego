package countersign.rules.inp.inline_exemption_test

import data.countersign.rules.inp.inline_exemption as rule

of(group, metadata) := {"resource": {"group": group, "object": {"metadata": metadata}}}

hits(doc) := found if found := rule.findings with input as doc

test_names_of_ours_in_annotations_and_labels if {
	every key in ["countersign.dev/exempt", "ignore.countersign.dev", "x/Countersign-ignore", "countersign"] {
		every part in ["annotations", "labels"] {
			some hit in hits(of("", {part: {key: "true"}}))
			hit.path == ["metadata", part, key]
		}
	}
}

test_other_names if {
	every metadata in [null, {}, {"annotations": null}, {"labels": {"app": "countersign", "countersigned": "no"}}] {
		count(hits(of("", metadata))) == 0
	}
	count(hits(of("countersign.dev", {"labels": {"countersign.dev/x": "y"}}))) == 0
}
