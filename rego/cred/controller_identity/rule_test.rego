package countersign.rules.cred.controller_identity_test

import data.countersign.rules.cred.controller_identity as rule

infra(kind, spec) := {"resource": {"kind": kind, "object": {"spec": spec}}, "class_writes": []}

hits(doc) := found if found := rule.findings with input as doc

test_absent_on_each_provider if {
	fields := {
		"AWSCluster": "identityRef", "AWSManagedControlPlane": "identityRef", "AzureCluster": "identityRef",
		"AzureManagedControlPlane": "identityRef", "VSphereCluster": "identityRef",
		"GCPCluster": "credentialsRef", "GCPManagedCluster": "credentialsRef",
	}
	every kind, name in fields {
		every nothing in [null, {}, ""] {
			some hit in hits(infra(kind, {name: nothing}))
			hit.path == ["spec", name]
		}
		some hit in hits(infra(kind, {}))
		hit.absent == true
		some deep in hits(infra(concat("", [kind, "Template"]), {"template": {"spec": {}}}))
		deep.path == ["spec", "template", "spec", name]
	}
}

test_an_identity_of_its_own if {
	every identity in [
		{"kind": "AWSClusterRoleIdentity", "name": "eu"}, {"kind": "AzureClusterIdentity", "name": "${NAME}"},
		{"kind": "Secret", "name": "vcenter"}, {"name": "gcp"},
	] {
		every kind in ["AWSCluster", "AzureCluster", "VSphereCluster"] {
			count(hits(infra(kind, {"identityRef": identity}))) == 0
		}
		count(hits(infra("GCPCluster", {"credentialsRef": identity}))) == 0
	}
}

test_the_controllers_identity_by_name if {
	some hit in hits(infra("AWSCluster", {"identityRef": {"kind": "AWSClusterControllerIdentity", "name": "default"}}))
	not hit.absent
}

test_a_placeholder_for_the_kind_is_unknown if {
	some hit in hits(infra("AWSCluster", {"identityRef": {"kind": "${KIND}", "name": "x"}}))
	hit.confidence == "unknown"
}

test_a_class_patch_may_fill_it_in if {
	template := infra("AWSClusterTemplate", {"template": {"spec": {}}})
	write := {"path": ["spec", "template", "spec", "identityRef"], "op": "add", "conditional": true}
	count(hits(object.union(template, {"class_writes": [write]}))) == 0
	below := object.union(write, {"path": array.concat(write.path, ["name"])})
	count(hits(object.union(template, {"class_writes": [below]}))) == 0
	count(hits(object.union(template, {"class_writes": [object.union(write, {"op": "remove"})]}))) == 1
	count(hits(object.union(template, {"class_writes": [object.union(write, {"path": ["spec"]})]}))) == 1
}

test_kinds_that_always_name_one_are_silent if {
	every kind in ["OpenStackCluster", "HetznerCluster", "Metal3Cluster", "AWSClusterRoleIdentity"] {
		count(hits(infra(kind, {}))) == 0
	}
}
