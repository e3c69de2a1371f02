package countersign.rules.chg.protected_file_test

import data.countersign.rules.chg.protected_file as rule

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

file(name, spec) := {
	"kind": "File", "group": "countersign.dev", "namespace": "", "name": name, "before": {"spec": spec},
}

protected := {"protected": true}

test_what_it_means if {
	words := {
		".countersign.yaml": "settings, waivers or attestations of Countersign",
		".Countersign/waivers/w.yaml": "settings, waivers or attestations of Countersign",
		"docs/CODEOWNERS": "it says who must review what",
		".github/workflows/ci.yaml": "GitHub runs or obeys it",
		"clusters/.sourceignore": "deployers obey it, and no render shows it",
		"clusters/.argocd-source-app.yaml": "deployers obey it, and no render shows it",
		"ci/run": "the config protects it",
	}
	every name, meaning in words {
		said(subject(file(name, protected))) == {sprintf("changes %s: %s", [name, meaning])}
	}
}

test_one_side_is_enough if {
	after := object.union(file("ci/run", {"protected": false}), {"after": {"spec": protected}})
	count(said(subject(after))) == 1
	gone := object.union(file("ci/run", protected), {"action": "delete"})
	said(subject(gone)) == {"deletes ci/run: the config protects it"}
}

test_what_nobody_says_is_protected if {
	every spec in [null, {}, {"protected": null}, {"protected": "false"}] {
		count(said(subject(file("ci/run", spec)))) == 1
	}
}

test_others if {
	every name in ["clusters/eu/kustomization.yaml", ".github/x"] {
		said(subject(file(name, {"protected": false}))) == set()
	}
}
