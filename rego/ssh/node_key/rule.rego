# METADATA
# scope: package
# title: No SSH key on nodes
# description: |
#   A key pair on nodes is a way in that no API server audits. Cluster API
#   providers install one when a field names it; the AWS provider also when
#   the field is absent (the key pair named "default").
# schemas:
#   - input: schema.object
# custom:
#   id: CS-SSH-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/ssh-access
#   kinds:
#     - infrastructure.cluster.x-k8s.io/AWSMachineTemplate
#     - infrastructure.cluster.x-k8s.io/AWSMachinePool
#     - infrastructure.cluster.x-k8s.io/AWSManagedMachinePool
#     - infrastructure.cluster.x-k8s.io/AzureMachineTemplate
#     - infrastructure.cluster.x-k8s.io/OpenStackMachineTemplate
#   providers: [aws, azure, openstack]
#   remediation: >-
#     remove the key (on AWS set it to the empty string) and use the provider's
#     session service or ephemeral access
#   since: 0.1.0
#   waivable: true
package countersign.rules.ssh.node_key

import data.countersign.lib.value

# fields says where each kind names a key.
fields := {
	"AWSMachineTemplate": ["spec", "template", "spec", "sshKeyName"],
	"AWSMachinePool": ["spec", "awsLaunchTemplate", "sshKeyName"],
	"AWSManagedMachinePool": ["spec", "remoteAccess", "sshKeyName"],
	"AzureMachineTemplate": ["spec", "template", "spec", "sshPublicKey"],
	"OpenStackMachineTemplate": ["spec", "template", "spec", "sshKeyName"],
}

# absent_is_a_key lists the kinds whose provider installs a key by itself.
absent_is_a_key := {"AWSMachineTemplate", "AWSMachinePool"}

kind := input.resource.kind

name := input.resource.name

field := fields[kind]

key := object.get(input.resource.object, field, null)

findings contains {
	"path": field,
	"message": sprintf("an SSH key is installed on the nodes of %s %s", [kind, name]),
	"evidence": key,
} if {
	value.set(key)
}

findings contains {
	"path": field,
	"absent": true,
	"message": sprintf(`%s %s names no SSH key, so the key pair "default" is installed`, [kind, name]),
} if {
	kind in absent_is_a_key
	key == null
}
