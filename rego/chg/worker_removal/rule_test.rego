package countersign.rules.chg.worker_removal_test

import data.countersign.rules.chg.worker_removal as rule

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

annotated := {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}

gone(kind, before) := subject({"action": "delete", "kind": kind, "before": before})

test_deletions if {
	every kind in ["MachineDeployment", "MachinePool", "MachineSet", "AWSManagedMachinePool"] {
		hits(gone(kind, {})) == {{
			"message": sprintf("deletes %s fleet/eu and every machine of it", [kind]), "severity": "critical",
		}}
	}
	said(gone("Machine", {})) == {"deletes Machine fleet/eu and the machine"}
	said(gone("MachineHealthCheck", {})) == set()
	{h.severity | some h in hits(gone("MachineDeployment", annotated))} == {"high"}
	said(gone("AWSMachineTemplate", annotated)) == set()
}

sized(b, a) := subject({
	"kind": "MachineDeployment", "before": {"spec": {"replicas": b}}, "after": {"spec": {"replicas": a}},
})

test_shrinking if {
	hits(sized(3, 0)) == {{"message": "machines 3 → 0 of MachineDeployment fleet/eu", "severity": "critical"}}
	{h.severity | some h in hits(sized(3, 2))} == {"high"}
	{h.severity | some h in hits(sized(3, "${X}"))} == {"high"}
	every pair in [[3, 3], [2, 3], [null, 3], [3, null], [null, null]] {
		said(sized(pair[0], pair[1])) == set()
	}
}

test_autoscaler if {
	b := {"spec": {"minSize": 2, "scaling": {"maxSize": 9}}}
	a := {"spec": {"minSize": 0, "scaling": {"maxSize": 3}}}
	{h.severity | some h in hits(subject({"kind": "AWSMachinePool", "before": b, "after": a}))} == {"high"}
	count(said(subject({"kind": "AWSMachinePool", "before": b, "after": a}))) == 2
}

topology(pools) := {"spec": {"topology": {"workers": {"machineDeployments": pools}}}}

test_pools_of_a_topology if {
	b := topology([{"name": "a", "replicas": 3}, {"name": "b", "replicas": 3}, {"name": "c", "replicas": 3}])
	a := topology([{"name": "b", "replicas": 1}, {"name": "c", "replicas": 3}])
	said(subject({"kind": "Cluster", "before": b, "after": a})) == {
		"deletes the pool a of Cluster fleet/eu and every machine of it", "pool b machines 3 → 1 of Cluster fleet/eu",
	}
	count(said(subject({"kind": "Cluster", "before": b, "after": {"spec": {}}}))) == 3
}

test_which_go_first if {
	every spec in [{"deletion": {"order": "Newest"}}, {"strategy": {"rollingUpdate": {"deletePolicy": "Newest"}}}] {
		said(subject({"kind": "MachineDeployment", "before": {}, "after": {"spec": spec}})) == {
			"which machines of MachineDeployment fleet/eu go first: nothing → Newest",
		}
	}
}
