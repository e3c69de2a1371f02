package countersign.rules.ssh.node_key_test

import data.countersign.rules.ssh.node_key as rule

object_of(kind, spec) := {"resource": {"kind": kind, "name": "node", "object": {"spec": spec}}}

template(kind, spec) := object_of(kind, {"template": {"spec": spec}})

hits(doc) := found if found := rule.findings with input as doc

# places says for each provider's kind where a key stands and how it is written.
places := [
	["AWSCluster", ["sshKeyName"], "ops"], ["AWSMachine", ["sshKeyName"], "ops"],
	["AWSMachinePool", ["awsLaunchTemplate", "sshKeyName"], "ops"],
	["AWSManagedControlPlane", ["sshKeyName"], "ops"],
	["AWSManagedMachinePool", ["remoteAccess", "sshKeyName"], "ops"],
	["AWSManagedMachinePool", ["awsLaunchTemplate", "sshKeyName"], "ops"],
	["AzureMachine", ["sshPublicKey"], "c3NoLXJzYQ=="], ["AzureMachinePool", ["template", "sshPublicKey"], "c3No"],
	["AzureManagedControlPlane", ["sshPublicKey"], "ssh-rsa A"], ["CloudStackMachine", ["sshKey"], "ops"],
	["DOMachine", ["sshKeys"], [4711]], ["HarvesterMachine", ["sshKeyPair"], "default/ops"],
	["HCloudMachine", ["sshKeys"], [{"name": "ops"}]], ["HetznerCluster", ["sshKeys", "hcloud"], [{"name": "ops"}]],
	["IBMPowerVSMachine", ["sshKey"], "ops"], ["IBMVPCMachine", ["sshKeys"], [{"name": "ops"}]],
	["LinodeMachine", ["authorizedKeys"], ["ssh-rsa A"]], ["OCIMachine", ["metadata", "ssh_authorized_keys"], "ssh-rsa A"],
	["OCIMachinePool", ["instanceConfiguration", "metadata", "ssh_authorized_keys"], "ssh-rsa A"],
	["OCIManagedMachinePool", ["sshPublicKey"], "ssh-rsa A"], ["OpenStackMachine", ["sshKeyName"], "ops"],
	["PacketMachine", ["sshKeys"], ["ssh-rsa A"]], ["ProxmoxCluster", ["cloneSpec", "sshAuthorizedKeys"], ["ssh-rsa A"]],
	["VultrMachine", ["sshKey"], ["id"]],
]

spec_with([a], x) := {a: x}

spec_with([a, b], x) := {a: {b: x}}

spec_with([a, b, c], x) := {a: {b: {c: x}}}

test_every_place_in_object_and_template if {
	every place in places {
		[kind, path, key] := place
		{hit.path | some hit in hits(object_of(kind, spec_with(path, key)))} == {array.concat(["spec"], path)}
		deep := hits(template(concat("", [kind, "Template"]), spec_with(path, key)))
		{hit.path | some hit in deep} == {array.concat(["spec", "template", "spec"], path)}
	}
}

test_every_table_entry_is_tested if {
	{place[0] | some place in places} == object.keys(rule.fields)
}

test_empty_is_no_key if {
	every place in places {
		every empty in [null, "", " ", [], [""], [null], {}, {"name": ""}, false, 1] {
			count(hits(object_of(place[0], spec_with(place[1], empty)))) == 0
		}
	}
}

test_absent_is_no_key if {
	every place in places {
		count(hits(object_of(place[0], {}))) == 0
		count(hits(object_of(place[0], null))) == 0
	}
}

test_a_placeholder_is_set if {
	every place in places {
		some hit in hits(object_of(place[0], spec_with(place[1], "${SSH_KEY}")))
		object.get(hit, "confidence", "certain") == "certain"
	}
}

test_google_takes_keys_as_metadata if {
	metadata := [{"key": "serial-port", "value": "1"}, {"key": "ssh-keys", "value": "ops:ssh-rsa A"}]
	some hit in hits(template("GCPMachineTemplate", {"additionalMetadata": metadata}))
	hit.path == ["spec", "template", "spec", "additionalMetadata"]
	nothing := [
		null, [], ["x"], [{"key": "ssh-keys"}], [{"key": "ssh-keys", "value": ""}],
		[{"key": "a", "value": "b"}],
	]
	every none in nothing {
		count(hits(object_of("GCPMachine", {"additionalMetadata": none}))) == 0
	}
}

test_one_more_key_is_more if {
	some hit in hits(object_of("HCloudMachine", {"sshKeys": [{"name": "a"}, {"name": "b"}]}))
	count(hit.measure) == 2
}

test_other_kinds_are_silent if {
	count(hits(template("VSphereMachineTemplate", {"sshKeyName": "ops"}))) == 0
}
