# METADATA
# scope: package
# title: Networks, endpoints and load balancers
# description: |
#   Where a cluster is reached and by whom, and what its networks are: some of
#   it deletes and makes load balancers anew, some cuts the nodes off, some
#   opens the API server. An endpoint that gets its first value is not told
#   apart here.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-022
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/Cluster
#     - infrastructure.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - ipam.cluster.x-k8s.io/*
#     - ipam.metal3.io/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.network

import data.countersign.lib.change
import data.countersign.lib.value

names := {
	"controlPlaneEndpoint", "clusterNetwork", "controlPlaneLoadBalancer", "secondaryControlPlaneLoadBalancer",
	"apiServerLoadBalancer", "managedAPIServerLoadBalancer", "apiServer", "apiServerLB", "controlPlaneOutboundLB",
	"nodeOutboundLB", "loadBalancer", "loadBalancerConfig", "network", "networkSpec", "networks", "subnets", "subnet",
	"dns", "bastion", "vpc", "vnet", "peerings", "routeTableId", "securityGroups", "securityGroupOverrides",
	"additionalSecurityGroups", "allNodesSecurityGroupRules", "clusterNodesSecurityGroupRules", "managedSecurityGroups",
	"managedSubnets", "router", "externalNetwork", "disableExternalNetwork", "allowedCIDRs", "endpointAccess",
	"apiServerAccessProfile", "endpointConfig", "masterAuthorizedNetworksConfig", "privateCluster", "publicIP",
	"additionalNetworkInterfaces", "networkInterfaces", "ports", "failureDomains", "virtualNetwork", "authorizedIPRanges",
	"apiServerFloatingIP", "apiServerFixedIP", "apiServerPort", "disableAPIServerFloatingIP", "hostedZone", "networking",
}

# Of a bootstrap configuration, the endpoint and the networks count.
touched := {e |
	some e in change.edits
	e.path[0] == "spec"
	some step in e.path
	step in names
	not first_endpoint(e)
	not of_node(e.path)
}

# The arguments of an API server are CS-CHG-024's.
of_node(path) if {
	some step in path
	step in {"kubeadmConfigSpec", "kthreesConfigSpec", "serverConfig", "agentConfig", "controlPlaneConfig", "files"}
	not "controlPlaneEndpoint" in path
	not "networking" in path
}

first_endpoint(e) if {
	"controlPlaneEndpoint" in e.path
	value.empty(e.before)
	not "kubeadmConfigSpec" in e.path
}

reasons contains {
	"message": sprintf("network of %s: %s", [
		change.named, change.listed({phrase(e) | some e in change.tops(touched)}),
	]),
} if {
	change.stays
	count(touched) > 0
}

phrase(e) := sprintf("%s %s", [
	change.dotted(array.slice(e.path, 1, count(e.path))), change.turns(e.before, e.after),
])
