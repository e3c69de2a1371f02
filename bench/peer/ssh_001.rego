package main

import rego.v1

key_fields := {
	"AWSCluster": [["sshKeyName"]],
	"AWSMachine": [["sshKeyName"]],
	"AWSMachinePool": [["awsLaunchTemplate", "sshKeyName"]],
	"AWSManagedControlPlane": [["sshKeyName"]],
	"AWSManagedMachinePool": [["remoteAccess", "sshKeyName"]],
	"AzureMachine": [["sshPublicKey"]],
	"AzureMachinePool": [["template", "sshPublicKey"]],
	"AzureManagedControlPlane": [["sshPublicKey"]],
	"CloudStackMachine": [["sshKey"]],
	"DOMachine": [["sshKeys"]],
	"HCloudMachine": [["sshKeys"]],
	"HetznerCluster": [["sshKeys", "hcloud"]],
	"IBMPowerVSMachine": [["sshKey"]],
	"IBMVPCMachine": [["sshKeys"]],
	"LinodeMachine": [["authorizedKeys"]],
	"OCIMachine": [["metadata", "ssh_authorized_keys"]],
	"OpenStackMachine": [["sshKeyName"]],
	"PacketMachine": [["sshKeys"]],
	"ProxmoxCluster": [["cloneSpec", "sshAuthorizedKeys"]],
	"VultrMachine": [["sshKey"]],
}

deny contains named("CS-SSH-001", "an SSH key is installed on nodes") if {
	some path in key_fields[kind]
	not object.get(spec, path, null) in {null, "", []}
}

deny contains named("CS-SSH-001", "an SSH key is installed on nodes") if {
	kind == "GCPMachine"
	some entry in spec.additionalMetadata
	entry.key in {"ssh-keys", "sshKeys"}
	not blank(entry.value)
}
