package countersign.rules.chg.remediation_test

import data.countersign.rules.chg.remediation as rule

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

check(x) := subject(object.union({"kind": "MachineHealthCheck"}, x))

test_health_checks if {
	said(check({"action": "delete", "before": {}})) == {
		"deletes MachineHealthCheck fleet/eu: machines that fail are no longer replaced",
	}
	said(check({
		"action": "create", "after": {"spec": {"maxUnhealthy": "40%"}},
	})) == {"creates MachineHealthCheck fleet/eu"}
	said(check({"fields": [edit(["spec", "nodeStartupTimeout"], "10m", "1s")]})) == {
		"changes MachineHealthCheck fleet/eu: nodeStartupTimeout 10m → 1s",
	}
	said(subject({"kind": "MachineDrainRule"})) == {"changes MachineDrainRule fleet/eu"}
}

test_all_at_once_in_both_shapes if {
	every spec in [
		{"maxUnhealthy": "100%"}, {"remediation": {"triggerIf": {"unhealthyLessThanOrEqualTo": "100%"}}},
	] {
		every action in ["create", "update"] {
			some words in said(check({"action": action, "after": {"spec": spec}}))
			endswith(words, "all machines may be replaced at once")
		}
	}
}

touched(path, b, a) := said(subject({"kind": "MachineDeployment", "fields": [edit(path, b, a)]}))

test_timeouts_in_both_shapes if {
	touched(["spec", "template", "spec", "nodeDrainTimeout"], "5m", "0s") == {
		"how machines of MachineDeployment fleet/eu are drained or replaced: template.spec.nodeDrainTimeout 5m → 0s",
	}
	every path in [
		["spec", "template", "spec", "deletion", "nodeDrainTimeoutSeconds"], ["spec", "remediation", "maxInFlight"],
		["spec", "topology", "workers", "machineDeployments", 0, "healthCheck", "enabled"],
		["spec", "topology", "controlPlane", "machineHealthCheck"], ["spec", "remediationStrategy", "maxRetry"],
	] {
		count(touched(path, 1, 2)) == 1
	}
	count(touched(["spec", "template", "spec", "deletion"], null, {"nodeDrainTimeoutSeconds": 1})) == 1
}

test_others if {
	touched(["spec", "replicas"], 1, 2) == set()
	said(subject({"action": "create", "kind": "MachineDeployment", "after": {}})) == set()
}
