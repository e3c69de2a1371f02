# METADATA
# title: Public API endpoints
# description: |
#   The fields, by provider, that leave an API server open to the Internet:
#   the field to set where it is absent, or the one whose value opens it.
package countersign.lib.endpoint

import data.countersign.lib.field
import data.countersign.lib.value

kind := trim_suffix(input.resource.kind, "Template")

at(path) := field.get(field.spec, path)

own(path) := array.concat(field.prefix, path)

# anywhere reports whether a list of networks leaves nobody out.
anywhere(list) if count(networks(list)) == 0

anywhere(list) if {
	some network in networks(list)
	network in {"0.0.0.0/0", "::/0", "*"}
}

networks(list) := {network | some network in field.list(list); value.set(network)}

# anyone reports that of a field; a placeholder stands for some list.
anyone(path) if {
	not value.unknown(at(path))
	anywhere(at(path))
}

# A load balancer of AWS: internet-facing unless internal; rules of its own
# take the place of the one that lets everyone in.
open contains own(["controlPlaneLoadBalancer", "scheme"]) if {
	kind == "AWSCluster"
	not at(["controlPlaneLoadBalancer", "scheme"]) == "internal"
	not at(["controlPlaneLoadBalancer", "loadBalancerType"]) == "disabled"
	aws_open
}

aws_rules := field.list(at(["controlPlaneLoadBalancer", "ingressRules"]))

aws_open if count(aws_rules) == 0

aws_open if {
	some rule in aws_rules
	some name in ["cidrBlocks", "ipv6CidrBlocks"]
	some network in field.list(field.get(rule, [name]))
	network in {"0.0.0.0/0", "::/0"}
}

open contains own(["endpointAccess", "public"]) if {
	kind == "AWSManagedControlPlane"
	not value.falsy(at(["endpointAccess", "public"]))
	anyone(["endpointAccess", "publicCIDRs"])
}

open contains own(["networkSpec", "apiServerLB", "type"]) if {
	kind == "AzureCluster"
	not at(["networkSpec", "apiServerLB", "type"]) == "Internal"
	not value.falsy(at(["controlPlaneEnabled"]))
}

open contains own(["apiServerAccessProfile", "enablePrivateCluster"]) if {
	kind in {"AzureManagedControlPlane", "ManagedCluster"}
	not value.truthy(at(["apiServerAccessProfile", "enablePrivateCluster"]))
	anyone(["apiServerAccessProfile", "authorizedIPRanges"])
}

open contains own(["resources", i, "spec", "apiServerAccessProfile", "enablePrivateCluster"]) if {
	kind == "AzureASOManagedControlPlane"
	some i, resource in field.list(at(["resources"]))
	field.get(resource, ["kind"]) == "ManagedCluster"
	profile := field.get(resource, ["spec", "apiServerAccessProfile"])
	not value.truthy(field.get(profile, ["enablePrivateCluster"]))
	anywhere(field.get(profile, ["authorizedIPRanges"]))
}

open contains own(["loadBalancer", "loadBalancerType"]) if {
	kind == "GCPCluster"
	not at(["loadBalancer", "loadBalancerType"]) == "Internal"
}

open contains own(["clusterNetwork", "privateCluster", "enablePrivateEndpoint"]) if {
	kind == "GCPManagedControlPlane"
	not value.truthy(at(["clusterNetwork", "privateCluster", "enablePrivateEndpoint"]))
	not gke_listed
}

gke_listed if {
	some name in ["master_authorized_networks_config", "masterAuthorizedNetworksConfig"]
	not gke_open(at([name]))
}

gke_open(config) if value.empty(config)

gke_open(config) if {
	some list in ["cidr_blocks", "cidrBlocks"]
	some block in field.list(field.get(config, [list]))
	some name in ["cidr_block", "cidrBlock"]
	field.get(block, [name]) == "0.0.0.0/0"
}

# OpenStack's managed load balancer gets a floating IP unless that is off.
balancers := [["apiServer", "managedLoadBalancer"], ["apiServerLoadBalancer"], ["managedAPIServerLoadBalancer"]]

open contains own(array.concat(balancer, ["allowedCIDRs"])) if {
	kind == "OpenStackCluster"
	some balancer in balancers
	is_object(at(balancer))
	not value.falsy(at(array.concat(balancer, ["enabled"])))
	not value.truthy(at(["disableAPIServerFloatingIP"]))
	not value.falsy(at(["apiServer", "enableFloatingIP"]))
	anyone(array.concat(balancer, ["allowedCIDRs"]))
}

# Oracle's endpoint lies in the subnet of that role, public unless private.
open contains own(["networkSpec", "vcn", "subnets"]) if {
	kind in {"OCICluster", "OCIManagedCluster"}
	not value.truthy(at(["networkSpec", "skipNetworkManagement"]))
	endpoints := [subnet |
		some subnet in field.list(at(["networkSpec", "vcn", "subnets"]))
		field.get(subnet, ["role"]) == "control-plane-endpoint"
	]
	private := [subnet | some subnet in endpoints; field.get(subnet, ["type"]) == "private"]
	count(private) == 0
}

open contains own(["endpointConfig", "isPublicIpEnabled"]) if {
	kind == "OCIManagedControlPlane"
	value.truthy(at(["endpointConfig", "isPublicIpEnabled"]))
}
