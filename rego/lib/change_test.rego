package countersign.lib.change_test

import data.countersign.lib.change

test_edits_reach_into_what_came_and_went if {
	fields := [
		{"path": ["spec", "a"], "before": null, "after": {"b": [1, {"c": 2}]}},
		{"path": ["spec", "d"], "before": "x", "after": "y"},
		{"path": ["spec", "e"], "before": {"f": null}, "after": null},
	]
	edits := change.edits with input as {"change": {"fields": fields}}
	{e.path | some e in edits} == {
		["spec", "a"], ["spec", "a", "b"], ["spec", "a", "b", 0], ["spec", "a", "b", 1], ["spec", "a", "b", 1, "c"],
		["spec", "d"], ["spec", "e"],
	}
	some e in edits
	e.path == ["spec", "a", "b", 1, "c"]
	e.after == 2
	e.before == null
	deep := change.edited([["spec", "*", "b", "*", "c"]]) with input as {"change": {"fields": fields}}
	count(deep) == 1
	{t.path | some t in change.tops(edits)} == {["spec", "a"], ["spec", "d"], ["spec", "e"]}
}

test_under if {
	change.under(["a", 0, "b"], ["a", "*"])
	change.under(["a"], [])
	not change.under(["a"], ["a", "b"])
	not change.under(["b", "b"], ["a", "b"])
}

test_what_is_shown if {
	shown := {
		"nothing": null, "a secret": "masked:token:0a1b", "v1.2": "v1.2", "3": 3, "true": true,
		"other content": {"a": 1}, "a b": "a\nb",
	}
	every text, x in shown {
		change.show(x) == text
	}
	change.show(["masked:token:0a1b"]) == "a secret"
	change.show([]) == "other content"
	long := change.show(concat("", [sprintf("%d", [i]) | some i in numbers.range(1, 90)]))
	endswith(long, "…")
	count(long) == 101
	change.turns(1, null) == "1 → nothing"
}

test_lists_are_short if {
	change.listed({"b", "a"}) == "a, b"
	change.listed({"a", "b", "c", "d", "e", "f", "g"}) == "a, b, c, d, e and 2 more"
}

test_sides if {
	gone := {"change": {"before": {"a": 1}, "after": null}}
	change.thing == {"a": 1} with input as gone
	change.after == {} with input as gone
	change.sides == [{"a": 1}] with input as gone
	came := {"change": {"before": null, "after": {"a": 2, "metadata": {"labels": null, "annotations": {"x": "y"}}}}}
	change.thing.a == 2 with input as came
	change.now(["a"]) == 2 with input as came
	change.was(["a"]) == null with input as came
	change.labels({"metadata": {"labels": null}}) == {}
	change.annotations({"metadata": {"annotations": {"x": "y"}}}) == {"x": "y"}
}

test_names if {
	change.names == {"fleet/eu", "us"} with input as {"clusters": [
		{"namespace": "fleet", "name": "eu"},
		{"namespace": "", "name": "us"},
	]}
	change.dotted(["spec", "a", 0, "b\nc"]) == "spec.a.0.b c"
}

test_stays if {
	every action in ["update", "move"] {
		change.stays with input as {"change": {"action": action}}
	}
	every action in ["create", "delete"] {
		not change.stays with input as {"change": {"action": action}}
	}
}

test_kept if {
	every key, text in {
		"kustomize.toolkit.fluxcd.io/prune": "disabled", "argocd.argoproj.io/sync-options": "Validate=false, Prune=false",
	} {
		change.kept({"metadata": {"annotations": {key: text}}})
	}
	change.kept({"metadata": {"annotations": {"argocd.argoproj.io/sync-options": "Delete=false"}}})
	every annotations in [
		null, {}, {"kustomize.toolkit.fluxcd.io/prune": "enabled"},
		{"argocd.argoproj.io/sync-options": "PruneLast=true,NoPrune=false"},
	] {
		not change.kept({"metadata": {"annotations": annotations}})
	}
}
