package countersign.rules.chg.gitops_test

import data.countersign.rules.chg.gitops as rule

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

flux(x) := subject(object.union(
	{
		"group": "kustomize.toolkit.fluxcd.io", "kind": "Kustomization", "namespace": "flux-system",
	},
	x,
))

test_words_for_fields if {
	said(flux({"fields": [edit(["spec", "prune"], true, false), edit(["spec", "path"], "a", "b")]})) == {
		"changes Kustomization flux-system/eu: path (which folder it applies), prune (what goes from Git is deleted or left)",
	}
	said(flux({"fields": [edit(["spec", "wait"], true, false)]})) == {"changes Kustomization flux-system/eu: wait"}
	said(flux({
		"fields": [edit(["metadata", "labels", "a"], "b", "c")],
	})) == {"changes Kustomization flux-system/eu"}
	said(flux({"fields": [edit(["spec"], null, {"suspend": true})]})) == {
		"changes Kustomization flux-system/eu: suspend (whether it applies anything)",
	}
}

test_every_action if {
	said(flux({"action": "create", "after": {"spec": {"path": "./clusters"}}})) == {
		"creates Kustomization flux-system/eu of ./clusters",
	}
	url := {"action": "create", "kind": "GitRepository", "after": {"spec": {"url": "ssh://git@example.org/a"}}}
	said(flux(url)) == {"creates GitRepository flux-system/eu from ssh://git@example.org/a"}
	said(flux({"action": "create", "after": {}})) == {"creates Kustomization flux-system/eu"}
	said(flux({"action": "delete", "before": {}})) == {"deletes Kustomization flux-system/eu"}
}

test_each_deployer if {
	every group in [
		"source.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "argoproj.io",
		"config.projectsveltos.io", "fleet.cattle.io", "cluster.open-cluster-management.io", "fluxcd.controlplane.io",
	] {
		count(said(subject({"group": group}))) == 1
	}
	every group in ["", "example.org", "notargoproj.io"] {
		said(subject({"group": group})) == set()
	}
}

test_their_namespaces if {
	doc := object.union(subject({"kind": "Deployment"}), {"namespace_role": "gitops"})
	said(doc) == {"changes Deployment fleet/eu, in the namespace of the deployers"}
	said(object.union(subject({}), {"namespace_role": "provider"})) == set()
	count(said(object.union(flux({}), {"namespace_role": "gitops"}))) == 1
}

test_values_that_they_put_in if {
	user := {
		"group": "kustomize.toolkit.fluxcd.io", "kind": "Kustomization", "namespace": "fleet", "name": "a",
		"role": "values",
	}
	doc := object.union(subject({"kind": "ConfigMap"}), {"referenced_by": [user]})
	said(doc) == {"changes ConfigMap fleet/eu, whose values go into what Kustomization fleet/a applies"}
	other := object.union(user, {"role": "payload"})
	said(object.union(subject({"kind": "ConfigMap"}), {"referenced_by": [other]})) == set()
}
