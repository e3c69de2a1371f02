package countersign.lib.everyday_test

import data.countersign.lib.everyday

thing := {"kind": "Service", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}}

base := {
	"change": {
		"action": "update", "opaque": "", "before": thing, "after": thing,
		"fields": [{"path": ["spec", "replicas"], "before": 1, "after": 2}],
	},
	"clusters": [], "referenced_by": [], "namespace_role": "",
}

altered(x) := object.union(base, x)

metadata(x) := altered({"change": {"after": {"metadata": x}}})

apart(doc) if {
	everyday.apart with input as doc
}

test_apart if {
	apart(base)
	apart(altered({"change": {"action": "create", "before": null}}))
	apart(altered({"change": {"action": "delete", "after": null}}))
	apart(metadata({"annotations": {"example.com/owner": "ops", "helm.sh/chart": "web-1"}}))
	apart(metadata({"labels": {"app": "web2"}, "annotations": null}))
}

test_each_condition_matters if {
	every x in [
		{"namespace_role": "provider"}, {"namespace_role": "system"}, {"namespace_role": "gitops"},
		{"clusters": [{"namespace": "fleet", "name": "eu"}]}, {"referenced_by": [{"kind": "ClusterResourceSet"}]},
		{"change": {"action": "move"}}, {"change": {"opaque": "sops"}}, {"change": {"before": null, "after": null}},
	] {
		not apart(altered(x))
	}
}

test_metadata_must_be_plain if {
	every x in [
		{"finalizers": []}, {"ownerReferences": null}, {"generateName": "web-"}, {"namespace": ""}, {"namespace": null},
		{"namespace": "${NS}"}, {"name": "${NAME}"}, {"labels": "x"}, {"annotations": ["x"]},
		{"labels": {"app.kubernetes.io/part-of": "argocd"}}, {"labels": {"app": "Flux"}},
	] {
		not apart(metadata(x))
	}
	every x in [null, "x", []] {
		not apart(altered({"change": {"after": {"metadata": x}}}))
		not apart(altered({"change": {"before": {"metadata": x}}}))
	}
}

test_keys_that_command_controllers if {
	every key in ["cluster.x-k8s.io/cluster-name", "argocd.argoproj.io/sync-options", "a b", "${X}"] {
		not apart(metadata({"labels": {key: "x"}}))
		not apart(metadata({"annotations": {key: "x"}}))
	}
	constant := {"metadata": {"labels": {"argocd.argoproj.io/instance": "web"}}}
	apart(altered({"change": {"before": constant, "after": constant}}))
	not apart(altered({"change": {"action": "delete", "before": constant, "after": null}}))
}

test_secrets if {
	hidden := {"data": {"a": "masked:token:00"}}
	apart(altered({"change": {"before": hidden, "after": hidden}}))
	not apart(altered({"change": {"action": "create", "before": null, "after": hidden}}))
	not apart(altered({"change": {"action": "delete", "before": hidden, "after": null}}))
	not apart(altered({"change": {"fields": [{"path": ["data"], "before": "masked:token:00", "after": null}]}}))
	not apart(altered({"change": {"fields": [{"path": ["data"], "before": {}, "after": {"a": ["masked:token:00"]}}]}}))
}

test_fields_that_are_known if {
	everyday.holds({"kind": "a", "data": 1}, {"data"})
	not everyday.holds({"kind": "a", "status": 1}, {"data"})
	everyday.within({}, {"a"})
	not everyday.within(null, {"a"})
	not everyday.within({"b": null}, {"a"})
	everyday.claim({"accessModes": [], "resources": {}})
	not everyday.claim({"volumeName": "pv"})
}

test_metadata_of_a_template if {
	every x in [null, {}, {"labels": {"app": "web"}, "annotations": null, "creationTimestamp": null}] {
		everyday.quiet(x)
	}
	every x in ["x", {"finalizers": []}, {"annotations": {"a.amazonaws.com/role": "x"}}, {"labels": {"k8s.io/a": "x"}}] {
		not everyday.quiet(x)
	}
}
