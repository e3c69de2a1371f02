package countersign.rules.ssh.default_key_test

import data.countersign.rules.ssh.default_key as rule

machine(kind, spec) := {"resource": {"kind": kind, "object": {"spec": spec}}, "links": [], "clusters": []}

template(spec) := machine("AWSMachineTemplate", {"template": {"spec": spec}})

owned(doc, clusters) := object.union(doc, {"links": [link |
	some cluster in clusters
	link := {"path": [], "role": "cluster-infrastructure", "object": cluster}
]})

hits(doc) := found if found := rule.findings with input as doc

test_absent_or_null_on_each_kind if {
	every doc in [
		template({}), template({"sshKeyName": null}), machine("AWSMachine", {}), machine("AWSMachine", null),
		machine("AWSMachinePool", {"awsLaunchTemplate": {}}),
	] {
		some hit in hits(doc)
		hit.absent == true
		hit.path[count(hit.path) - 1] == "sshKeyName"
	}
}

test_set_or_emptied_is_not_this_rules_business if {
	every key in ["", "ops", "${KEY}"] {
		count(hits(template({"sshKeyName": key}))) == 0
	}
}

test_the_cluster_says if {
	every key in ["", "ops"] {
		count(hits(owned(template({}), [{"spec": {"sshKeyName": key}}]))) == 0
		count(hits(owned(template({}), [{"spec": {"template": {"spec": {"sshKeyName": key}}}}]))) == 0
	}
}

test_a_silent_cluster if {
	every cluster in [{}, {"spec": {}}, {"spec": {"sshKeyName": null}}, {"metadata": {"annotations": null}}] {
		count(hits(owned(template({}), [cluster]))) == 1
	}
}

test_every_cluster_must_say if {
	count(hits(owned(template({}), [{"spec": {"sshKeyName": ""}}, {"spec": {}}]))) == 1
}

test_a_missing_cluster_says_nothing if {
	count(hits(owned(template({}), [null]))) == 1
}

test_infrastructure_managed_elsewhere_gets_no_default if {
	annotated := {"metadata": {"annotations": {"cluster.x-k8s.io/managed-by": "terraform"}}}
	count(hits(owned(template({}), [annotated]))) == 0
	every external in [true, false] {
		doc := object.union(template({}), {"clusters": [{"externally_managed": external}]})
		count(hits(doc)) == count([1 | external == false])
	}
}
