package countersign.rules.chg.scale_up_test

import data.countersign.rules.chg.scale_up as rule

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

sized(b, a) := said(subject({"kind": "MachineDeployment", "before": {"spec": b}, "after": {"spec": a}}))

test_more if {
	sized({"replicas": 1}, {"replicas": 3}) == {"machines 1 → 3 of MachineDeployment fleet/eu"}
	sized({"replicas": "1"}, {"replicas": "3"}) == {"machines 1 → 3 of MachineDeployment fleet/eu"}
	sized({"maxSize": 3}, {"maxSize": 30}) == {"autoscaler maximum 3 → 30 of MachineDeployment fleet/eu"}
	sized({"replicas": 3}, {}) == {"machines 3 → nothing of MachineDeployment fleet/eu"}
}

test_not_more if {
	every pair in [[3, 1], [3, 3], [3, "${X}"]] {
		sized({"replicas": pair[0]}, {"replicas": pair[1]}) == set()
	}
}

pool(n) := {"topology": {"workers": {"machinePools": [{"name": "a", "replicas": n}]}}}

test_pools_of_a_topology if {
	sized(pool(1), pool(2)) == {"pool a machines 1 → 2 of MachineDeployment fleet/eu"}
	sized({}, pool(2)) == {"pool a machines nothing → 2 of MachineDeployment fleet/eu"}
}

plane(group, kind, b, a) := said(subject({
	"group": group, "kind": kind, "before": {"spec": b}, "after": {"spec": a},
}))

topology(n) := {"topology": {"controlPlane": {"replicas": n}}}

test_control_planes if {
	plane("controlplane.cluster.x-k8s.io", "KubeadmControlPlane", {"replicas": 1}, {"replicas": 3}) == {
		"control plane 1 → 3 machines of KubeadmControlPlane fleet/eu",
	}
	count(plane("controlplane.cluster.x-k8s.io", "KubeadmControlPlane", {}, {"replicas": 3})) == 1
	plane("controlplane.cluster.x-k8s.io", "KubeadmControlPlane", {"replicas": 3}, {"replicas": 1}) == set()
	plane("cluster.x-k8s.io", "Cluster", topology(1), topology(3)) == {
		"control plane 1 → 3 machines of Cluster fleet/eu",
	}
}

made(kind, spec) := said(subject({
	"action": "create", "group": "cluster.x-k8s.io", "kind": kind, "after": {"spec": spec},
}))

test_new_pools if {
	made("MachineDeployment", {"replicas": 3}) == {"adds 3 machines: MachineDeployment fleet/eu"}
	made("MachinePool", {"replicas": "${N}"}) == {"adds ${N} machines: MachinePool fleet/eu"}
	made("Machine", {}) == {"adds 1 machines: Machine fleet/eu"}
	count(made("MachineSet", {})) == 1
	made("MachineHealthCheck", {}) == set()
	made("Cluster", {}) == set()
}
