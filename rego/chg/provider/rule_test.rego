package countersign.rules.chg.provider_test

import data.countersign.rules.chg.provider as rule

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

provider(x) := subject(object.union(
	{
		"group": "operator.cluster.x-k8s.io", "kind": "CoreProvider", "namespace": "capi-system",
	},
	x,
))

version(x) := {"spec": {"version": x}}

test_providers if {
	said(provider({"before": version("v1.10.1"), "after": version("v1.11.0")})) == {
		"changes the provider CoreProvider capi-system/eu: v1.10.1 → v1.11.0",
	}
	said(provider({"action": "create", "after": version("v1.10.1")})) == {
		"creates the provider CoreProvider capi-system/eu v1.10.1",
	}
	said(provider({"action": "create", "after": {}})) == {"creates the provider CoreProvider capi-system/eu"}
	said(provider({"action": "delete", "before": {}})) == {
		"deletes the provider CoreProvider capi-system/eu: its clusters are looked after by nobody",
	}
	said(provider({"fields": [edit(["spec", "manager", "featureGates", "A"], null, true)]})) == {
		"changes the provider CoreProvider capi-system/eu: manager",
	}
	said(provider({"group": "clusterctl.cluster.x-k8s.io"})) == {"changes the provider CoreProvider capi-system/eu"}
	count(said(object.union(provider({}), {"namespace_role": "provider"}))) == 1
}

in_namespace(x) := object.union(
	subject(object.union(
		{
			"group": "apps", "kind": "Deployment",
		},
		x,
	)),
	{"namespace_role": "provider"},
)

test_what_lives_beside_them if {
	image := edit(["spec", "template", "spec", "containers", 0, "image"], "a:1", "a:2")
	hits(in_namespace({"fields": [image]})) == {{
		"message": "changes Deployment fleet/eu, in the namespace of a provider: a:1 → a:2", "severity": "high",
	}}
	said(in_namespace({"group": "", "kind": "ServiceAccount", "action": "create"})) == {
		"creates ServiceAccount fleet/eu, in the namespace of a provider",
	}
	said(in_namespace({"group": "infrastructure.cluster.x-k8s.io"})) == set()
}

test_elsewhere if {
	every role in ["", "system", "gitops"] {
		said(object.union(in_namespace({}), {"namespace_role": role})) == set()
	}
}
