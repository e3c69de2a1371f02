package countersign.rules.chg.pause_test

import data.countersign.rules.chg.pause as rule

blank := {
	"action": "update", "group": "", "kind": "Thing", "namespace": "fleet", "name": "eu",
	"version_before": "v1", "version_after": "v1", "destination": "mgmt", "from": "", "generated": false,
	"opaque": "", "renamed_from": null, "before": null, "after": null, "fields": [],
	"masked_before": [], "masked_after": [], "nested_before": [], "nested_after": [],
}

around := {"clusters": [], "referenced_by": [], "namespace_role": "", "failing": [], "related": [], "params": {}}

subject(change) := object.union(around, {"change": object.union(blank, change)})

edit(path, b, a) := {"path": path, "before": b, "after": a, "before_absent": b == null, "after_absent": a == null}

hits(doc) := found if found := rule.reasons with input as doc

said(doc) := {hit.message | some hit in hits(doc)}

spec(x) := {"spec": {"paused": x}}

note(key, x) := {"metadata": {"annotations": {key: x}}}

turned(b, a) := said(subject({"before": b, "after": a}))

begins := {"pauses Thing fleet/eu: nobody looks after it, and changes have no effect"}

ends := {"ends the pause of Thing fleet/eu: all that has changed takes effect at once"}

test_field if {
	every b in [null, false] {
		turned(spec(b), spec(true)) == begins
		turned(spec(true), spec(b)) == ends
	}
	said(subject({"action": "create", "after": spec(true)})) == begins
	turned(spec("false"), spec("true")) == begins
}

test_annotations if {
	every key, x in {
		"cluster.x-k8s.io/paused": "", "baremetalhost.metal3.io/paused": "x", "crossplane.io/paused": "true",
		"kustomize.toolkit.fluxcd.io/reconcile": "Disabled", "serviceoperator.azure.com/reconcile-policy": "skip",
	} {
		turned({}, note(key, x)) == begins
		turned(note(key, x), {}) == ends
	}
	turned({}, note("kustomize.toolkit.fluxcd.io/reconcile", "enabled")) == set()
	turned({}, note("cluster.x-k8s.io/other", "")) == set()
}

test_placeholders if {
	turned(spec(false), spec("${P}")) == {"a placeholder decides whether Thing fleet/eu is paused"}
	count(turned(spec(true), spec("${P}"))) == 2
}

test_silent if {
	every x in [null, true, false, "${P}"] {
		turned(spec(x), spec(x)) == set()
	}
	turned(spec(null), spec(false)) == set()
	turned(spec(true), object.union(spec(true), note("cluster.x-k8s.io/paused", ""))) == set()
	said(subject({"action": "delete", "before": spec(true)})) == set()
}
