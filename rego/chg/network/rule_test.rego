package countersign.rules.chg.network_test

import data.countersign.rules.chg.network as rule

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

turned(path, b, a) := said(subject({"kind": "AWSCluster", "fields": [edit(path, b, a)]}))

test_endpoint if {
	turned(["spec", "controlPlaneEndpoint", "host"], "a.example", "b.example") == {
		"network of AWSCluster fleet/eu: controlPlaneEndpoint.host a.example → b.example",
	}
	count(turned(["spec", "controlPlaneEndpoint"], {"host": "a"}, null)) == 1
	every b in [null, ""] {
		turned(["spec", "controlPlaneEndpoint", "host"], b, "a.example") == set()
	}
	turned(["spec", "controlPlaneEndpoint"], null, {"host": "a", "port": 6443}) == set()
	count(turned(["spec", "kubeadmConfigSpec", "clusterConfiguration", "controlPlaneEndpoint"], null, "a")) == 1
}

test_networks if {
	every path in [
		["spec", "clusterNetwork", "pods", "cidrBlocks", 0], ["spec", "controlPlaneLoadBalancer", "scheme"],
		["spec", "template", "spec", "network", "vpc", "cidrBlock"], ["spec", "networkSpec", "subnets", 0, "name"],
		["spec", "apiServer", "allowedCIDRs", 0], ["spec", "bastion", "enabled"],
	] {
		count(turned(path, "a", "b")) == 1
	}
	count(turned(["spec"], null, {"network": {"vpc": {"id": "vpc-1"}}})) == 1
}

test_others if {
	turned(["spec", "replicas"], 1, 2) == set()
	config := ["spec", "kubeadmConfigSpec", "clusterConfiguration"]
	turned(array.concat(config, ["apiServer", "extraArgs", "audit-log-maxage"]), "30", "1") == set()
	count(turned(array.concat(config, ["networking", "podSubnet"]), "a", "b")) == 1
	turned(["metadata", "annotations", "network"], "a", "b") == set()
	said(subject({"action": "create", "kind": "AWSCluster", "after": {"spec": {"network": {}}}})) == set()
}
