# METADATA
# scope: package
# title: No SSH key on nodes
# description: |
#   A key pair on nodes is a way in that no API server audits. Providers of
#   infrastructure install one when a field names it. A placeholder names one,
#   too. (CS-SSH-007 judges the AWS provider's own key.)
# schemas:
#   - input: schema.object
# custom:
#   id: CS-SSH-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/ssh-access
#   kinds:
#     - infrastructure.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlane
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlaneTemplate
#   providers:
#     [aws, azure, cloudstack, digitalocean, gcp, harvester, hetzner, ibmcloud, linode, oci, openstack, packet,
#     proxmox, vultr]
#   remediation: >-
#     remove the key (on AWS set it to the empty string) and use the provider's session service or ephemeral
#     access
#   since: 0.1.0
#   waivable: true
package countersign.rules.ssh.node_key

import data.countersign.lib.field
import data.countersign.lib.value

# fields says where each kind, or its template, names one key or several,
# below its specification.
fields := {
	"AWSCluster": [["sshKeyName"]],
	"AWSMachine": [["sshKeyName"]],
	"AWSMachinePool": [["awsLaunchTemplate", "sshKeyName"]],
	"AWSManagedControlPlane": [["sshKeyName"]],
	"AWSManagedMachinePool": [["remoteAccess", "sshKeyName"], ["awsLaunchTemplate", "sshKeyName"]],
	"AzureMachine": [["sshPublicKey"]],
	"AzureMachinePool": [["template", "sshPublicKey"]],
	"AzureManagedControlPlane": [["sshPublicKey"]],
	"CloudStackMachine": [["sshKey"]],
	"DOMachine": [["sshKeys"]],
	"HCloudMachine": [["sshKeys"]],
	"HarvesterMachine": [["sshKeyPair"]],
	"HetznerCluster": [["sshKeys", "hcloud"]],
	"IBMPowerVSMachine": [["sshKey"]],
	"IBMVPCMachine": [["sshKeys"]],
	"LinodeMachine": [["authorizedKeys"]],
	"OCIMachine": [["metadata", "ssh_authorized_keys"]],
	"OCIMachinePool": [["instanceConfiguration", "metadata", "ssh_authorized_keys"]],
	"OCIManagedMachinePool": [["sshPublicKey"]],
	"OpenStackMachine": [["sshKeyName"]],
	"PacketMachine": [["sshKeys"]],
	"ProxmoxCluster": [["cloneSpec", "sshAuthorizedKeys"]],
	"VultrMachine": [["sshKey"]],
}

kind := trim_suffix(input.resource.kind, "Template")

# keys is what a field names: one key, a reference to one, or a list of them.
keys(x) := {x} if {
	is_string(x)
	value.set(x)
}

keys(x) := {e | some e in x; value.set(e)} if is_array(x)

keys(x) := {x} if {
	is_object(x)
	some part in x
	value.set(part)
}

findings contains hit(path, keys(field.at(path))) if {
	some place in fields[kind]
	path := array.concat(field.prefix, place)
}

# Google's machines take keys as metadata of the instance.
findings contains hit(path, named) if {
	kind == "GCPMachine"
	path := array.concat(field.prefix, ["additionalMetadata"])
	named := {field.get(e, ["value"]) |
		some e in field.list(field.at(path))
		field.get(e, ["key"]) in {"ssh-keys", "sshKeys"}
		value.set(field.get(e, ["value"]))
	}
}

hit(path, named) := {
	"path": path,
	"message": "an SSH key is installed on nodes",
	"measure": {sprintf("%v", [key]) | some key in named},
} if {
	count(named) > 0
}
