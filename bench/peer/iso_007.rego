package main

import rego.v1

deny contains named("CS-ISO-007", "the API server is open to the Internet") if public_endpoint

public_endpoint if {
	kind == "AWSCluster"
	object.get(spec, ["controlPlaneLoadBalancer", "scheme"], "") != "internal"
	object.get(spec, ["controlPlaneLoadBalancer", "loadBalancerType"], "") != "disabled"
	open_rules(object.get(spec, ["controlPlaneLoadBalancer", "ingressRules"], []))
	not object.get(input.metadata, ["annotations", "cluster.x-k8s.io/managed-by"], null)
}

open_rules([])

open_rules(rules) if {
	some rule in rules
	"0.0.0.0/0" in rule.cidrBlocks
}

public_endpoint if {
	kind == "AWSManagedControlPlane"
	object.get(spec, ["endpointAccess", "public"], true) != false
	anywhere(object.get(spec, ["endpointAccess", "publicCIDRs"], []))
}

public_endpoint if {
	kind == "AzureCluster"
	object.get(spec, ["networkSpec", "apiServerLB", "type"], "") != "Internal"
}

public_endpoint if {
	kind == "AzureManagedControlPlane"
	object.get(spec, ["apiServerAccessProfile", "enablePrivateCluster"], false) != true
	anywhere(object.get(spec, ["apiServerAccessProfile", "authorizedIPRanges"], []))
}

public_endpoint if {
	kind == "GCPCluster"
	object.get(spec, ["loadBalancer", "loadBalancerType"], "") != "Internal"
}

public_endpoint if {
	kind == "OpenStackCluster"
	object.get(spec, "disableAPIServerFloatingIP", false) != true
	anywhere(object.get(spec, ["apiServerLoadBalancer", "allowedCIDRs"], []))
}

anywhere([])

anywhere(networks) if {
	some network in networks
	network in {"0.0.0.0/0", "::/0", "*"}
}
