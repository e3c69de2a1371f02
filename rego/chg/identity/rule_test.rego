package countersign.rules.chg.identity_test

import data.countersign.rules.chg.identity as rule

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

infra(kind, b, a) := subject({"group": "infrastructure.cluster.x-k8s.io", "kind": kind, "before": b, "after": a})

allowed(x) := {"spec": {"allowedNamespaces": x}}

credential(x) := {"metadata": {"annotations": {"serviceoperator.azure.com/credential-from": x}}}

test_identities if {
	every action, verb in {"create": "creates", "update": "changes", "delete": "deletes"} {
		doc := object.union(infra("AWSClusterRoleIdentity", {}, {}), {"change": {"action": action}})
		said(doc) == {sprintf("%s the identity AWSClusterRoleIdentity fleet/eu", [verb])}
	}
	some words in said(infra("AzureClusterIdentity", allowed({"list": ["a"]}), allowed({})))
	endswith(words, ": who may use it turns")
}

used(role) := object.union(subject({"kind": "ConfigMap"}), {"referenced_by": [
	{"group": "g", "kind": "AzureClusterIdentity", "namespace": "fleet", "name": "id", "role": role},
]})

test_what_identities_refer_to if {
	every role in ["identity", "secret"] {
		said(used(role)) == {
			"changes ConfigMap fleet/eu, which is the identity or a secret of AzureClusterIdentity fleet/id",
		}
	}
	said(used("payload")) == set()
}

secret(name, x) := subject(object.union({"kind": "Secret", "name": name, "before": {}, "after": {}}, x))

test_secrets_of_a_cluster if {
	every name in ["eu-kubeconfig", "eu-ca", "eu-etcd", "eu-proxy", "eu-sa"] {
		said(secret(name, {})) == {
			sprintf("changes Secret fleet/%s: a kubeconfig, certificates or keys of a cluster", [name]),
		}
		said(secret(name, {"group": "external-secrets.io", "kind": "ExternalSecret"})) != set()
	}
	every side in ["before", "after"] {
		some words in said(secret("eu", {side: {"type": "cluster.x-k8s.io/secret"}}))
		contains(words, "kubeconfig")
	}
	said(secret("eu-ca", {"kind": "ConfigMap"})) == set()
}

test_other_secrets if {
	said(secret("eu", {})) == {"changes the credentials Secret fleet/eu"}
	said(secret("eu", {"action": "delete"})) == set()
}

test_fields_of_both_shapes if {
	every name in ["identityRef", "subscriptionID", "region", "project"] {
		count(said(infra("AWSCluster", {"spec": {name: "a"}}, {"spec": {name: "b"}}))) == 1
		b := {"spec": {"template": {"spec": {name: {"name": "a"}}}}}
		a := {"spec": {"template": {"spec": {name: {"name": "b"}}}}}
		said(infra("AWSClusterTemplate", b, a)) == {
			sprintf("spec.template.spec.%s of AWSClusterTemplate fleet/eu: a → b", [name]),
		}
	}
	said(infra("AWSCluster", {"spec": {"region": "a"}}, {})) == {
		"spec.region of AWSCluster fleet/eu: a → nothing",
	}
	said(infra("AWSCluster", {"spec": {"network": {"vpc": {"id": "a"}}}}, {})) == {
		"spec.network.vpc.id of AWSCluster fleet/eu: a → nothing",
	}
	count(said(infra("AzureASOManagedCluster", credential("a"), credential("b")))) == 1
}

test_silent if {
	said(infra("AWSCluster", {"spec": {"region": "a"}}, {"spec": {"region": "a", "other": 1}})) == set()
	said(subject({"group": "example.org", "before": {"spec": {"region": "a"}}, "after": {}})) == set()
	doc := object.union(infra("AWSCluster", null, {"spec": {"region": "a"}}), {"change": {"action": "create"}})
	said(doc) == set()
}

test_nothing_of_a_secret_shows if {
	b := {"spec": {"roleARN": "masked:token:00"}}
	said(infra("AWSCluster", b, {"spec": {"roleARN": "masked:token:01"}})) == {
		"spec.roleARN of AWSCluster fleet/eu: a secret → a secret",
	}
}
