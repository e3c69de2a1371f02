# METADATA
# scope: package
# title: Clusters do not share a network
# description: |
#   Clusters in one VPC, VNet or subnet reach each other's nodes, so that who
#   breaks into one stands beside the others. A network that the provider makes
#   for a cluster is its own.
# schemas:
#   - input: schema.fleet
# custom:
#   id: CS-ISO-003
#   kind: finding
#   scope: fleet
#   severity: high
#   guideline: cluster-isolation-and-segregation/network-boundaries
#   providers: [aws, azure, gcp, openstack, vsphere, hetzner]
#   remediation: give each cluster, or each class of clusters, a network of its own
#   since: 0.1.0
#   waivable: true
package countersign.rules.iso.shared_network

import data.countersign.lib.field

name(member) := sprintf("%s/%s", [field.word(member.cluster.namespace), field.word(member.cluster.name)])

# who tells clusters of one name in different destinations apart.
who(member) := {"destination": member.destination, "cluster": name(member)}

findings contains {
	"path": member.path,
	"message": message,
	"object": member.object,
	"related": [object.remove(other.object, {"destination"}) | some other in others],
	"clusters": {name(m) | some m in array.concat([member], others)},
	"measure": {name(other) | some other in others},
} if {
	some share in input.shares
	share.what == "network"
	some member in share.members
	member.changed
	others := [m | some m in share.members; who(m) != who(member)]
	count(others) > 0
	message := sprintf("cluster %s shares %s with %s", [name(member), field.word(share.key), listed(others)])
}

# listed names three and counts the rest.
listed(members) := concat(", ", all) if {
	all := sort({name(m) | some m in members})
	count(all) <= 3
}

listed(members) := sprintf("%s and %d more", [concat(", ", array.slice(all, 0, 3)), count(all) - 3]) if {
	all := sort({name(m) | some m in members})
	count(all) > 3
}
