package countersign.rules.iso.public_endpoint_test

import data.countersign.rules.iso.public_endpoint as rule

infra(kind, spec) := {"clusters": [], "resource": {"kind": kind, "object": {"spec": spec}}}

hits(doc) := found if found := rule.findings with input as doc

paths(kind, spec) := {array.slice(hit.path, 1, count(hit.path)) | some hit in hits(infra(kind, spec))}

test_defaults_are_open if {
	defaults := {
		"AWSCluster": ["controlPlaneLoadBalancer", "scheme"],
		"AWSManagedControlPlane": ["endpointAccess", "public"],
		"AzureCluster": ["networkSpec", "apiServerLB", "type"],
		"AzureManagedControlPlane": ["apiServerAccessProfile", "enablePrivateCluster"],
		"GCPCluster": ["loadBalancer", "loadBalancerType"],
		"GCPManagedControlPlane": ["clusterNetwork", "privateCluster", "enablePrivateEndpoint"],
		"ManagedCluster": ["apiServerAccessProfile", "enablePrivateCluster"],
		"OCICluster": ["networkSpec", "vcn", "subnets"], "OCIManagedCluster": ["networkSpec", "vcn", "subnets"],
	}
	every kind, path in defaults {
		every spec in [{}, null, {path[0]: null}] {
			paths(kind, spec) == {path}
			some hit in hits(infra(kind, spec))
			hit.absent == true
		}
		some deep in hits(infra(concat("", [kind, "Template"]), {"template": {"spec": {}}}))
		deep.path == array.concat(["spec", "template", "spec"], path)
	}
}

test_aws if {
	every scheme in ["internal", "internet-facing", "Internet-facing"] {
		found := paths("AWSCluster", {"controlPlaneLoadBalancer": {"scheme": scheme}})
		count(found) == count([1 | scheme != "internal"])
	}
	paths("AWSCluster", balancer([{"cidrBlocks": ["10.0.0.0/8"]}])) == set()
	paths("AWSCluster", balancer([{"cidrBlocks": ["0.0.0.0/0"]}])) == {["controlPlaneLoadBalancer", "scheme"]}
	paths("AWSCluster", balancer([{"ipv6CidrBlocks": ["::/0"]}])) == {["controlPlaneLoadBalancer", "scheme"]}
	paths("AWSCluster", {"controlPlaneLoadBalancer": {"loadBalancerType": "disabled"}}) == set()
}

test_eks if {
	paths("AWSManagedControlPlane", {"endpointAccess": {"public": false}}) == set()
	paths("AWSManagedControlPlane", {"endpointAccess": {"public": true}}) == {["endpointAccess", "public"]}
	every networks in [["192.0.2.0/24"], "${CIDRS}", ["${CIDR}"]] {
		paths("AWSManagedControlPlane", {"endpointAccess": {"publicCIDRs": networks}}) == set()
	}
	every networks in [[], null, [""], ["0.0.0.0/0"]] {
		count(paths("AWSManagedControlPlane", {"endpointAccess": {"publicCIDRs": networks}})) == 1
	}
}

test_azure if {
	paths("AzureCluster", {"networkSpec": {"apiServerLB": {"type": "Internal"}}}) == set()
	paths("AzureCluster", {"controlPlaneEnabled": false}) == set()
	every kind in ["AzureManagedControlPlane", "ManagedCluster"] {
		every profile in [{"enablePrivateCluster": true}, {"authorizedIPRanges": ["192.0.2.0/24"]}] {
			paths(kind, {"apiServerAccessProfile": profile}) == set()
		}
	}
	count(paths("AzureASOManagedControlPlane", managed({}))) == 1
	paths("AzureASOManagedControlPlane", managed({"authorizedIPRanges": ["192.0.2.0/24"]})) == set()
	paths("AzureASOManagedControlPlane", {"resources": null}) == set()
}

test_gcp if {
	paths("GCPCluster", {"loadBalancer": {"loadBalancerType": "Internal"}}) == set()
	paths("GCPManagedControlPlane", {"clusterNetwork": {"privateCluster": {"enablePrivateEndpoint": true}}}) == set()
	paths("GCPManagedControlPlane", listed("192.0.2.0/24")) == set()
	count(paths("GCPManagedControlPlane", listed("0.0.0.0/0"))) == 1
}

test_openstack if {
	every balancer in [["apiServer", "managedLoadBalancer"], ["apiServerLoadBalancer"]] {
		on := put(balancer, {"enabled": true})
		paths("OpenStackCluster", on) == {array.concat(balancer, ["allowedCIDRs"])}
		paths("OpenStackCluster", put(balancer, {"enabled": false})) == set()
		paths("OpenStackCluster", put(balancer, {"enabled": true, "allowedCIDRs": ["192.0.2.0/24"]})) == set()
		paths("OpenStackCluster", object.union(on, {"disableAPIServerFloatingIP": true})) == set()
		paths("OpenStackCluster", object.union(on, {"apiServer": {"enableFloatingIP": false}})) == set()
	}
	paths("OpenStackCluster", {}) == set()
}

put([a], x) := {a: x}

put([a, b], x) := {a: {b: x}}

test_oracle if {
	subnet := {"role": "control-plane-endpoint", "type": "private"}
	paths("OCICluster", network({"vcn": {"subnets": [subnet]}})) == set()
	count(paths("OCICluster", network({"vcn": {"subnets": [object.union(subnet, {"type": "public"})]}}))) == 1
	paths("OCIManagedCluster", network({"skipNetworkManagement": true})) == set()
	count(paths("OCIManagedControlPlane", {"endpointConfig": {"isPublicIpEnabled": true}})) == 1
	paths("OCIManagedControlPlane", {}) == set()
}

test_addresses_of_a_data_centre_are_none_of_ours if {
	every kind in ["VSphereCluster", "Metal3Cluster", "AWSManagedCluster"] {
		paths(kind, {}) == set()
	}
}

test_a_placeholder_for_the_value_is_unknown if {
	some hit in hits(infra("AzureCluster", {"networkSpec": {"apiServerLB": {"type": "${TYPE}"}}}))
	hit.confidence == "unknown"
}

test_endpoints_that_others_make if {
	managed := {"metadata": {"annotations": {"cluster.x-k8s.io/managed-by": "terraform"}}, "spec": {}}
	count(hits({"clusters": [], "resource": {"kind": "AWSCluster", "object": managed}})) == 0
	outside := object.union(infra("AWSCluster", {}), {"clusters": [{"externally_managed": true, "environment": ""}]})
	count(hits(outside)) == 0
}

test_severity_outside_production if {
	severities := {"production": "high", "": "high", "dev": "medium"}
	every environment, severity in severities {
		clusters := [{"externally_managed": false, "environment": environment}]
		some hit in hits(object.union(infra("AWSCluster", {}), {"clusters": clusters}))
		hit.severity == severity
	}
}

balancer(rules) := {"controlPlaneLoadBalancer": {"ingressRules": rules}}

managed(profile) := {"resources": [
	{"kind": "ResourceGroup"},
	{"kind": "ManagedCluster", "spec": {"apiServerAccessProfile": profile}},
]}

listed(block) := {"master_authorized_networks_config": {"cidr_blocks": [{"cidr_block": block}]}}

network(fields) := {"networkSpec": fields}
