package countersign.rules.ssh.node_key_test

import data.countersign.rules.ssh.node_key

template(kind, spec) := {"resource": {
	"kind": kind, "name": "node",
	"object": {"spec": {"template": {"spec": spec}}},
}}

test_a_key if {
	every kind in ["AWSMachineTemplate", "OpenStackMachineTemplate"] {
		node_key.findings == {{
			"path": ["spec", "template", "spec", "sshKeyName"],
			"message": sprintf("an SSH key is installed on the nodes of %s node", [kind]),
			"evidence": "ops",
		}} with input as template(kind, {"sshKeyName": "ops"})
	}
}

test_a_placeholder_is_a_key if {
	some hit in node_key.findings with input as template("OpenStackMachineTemplate", {"sshKeyName": "${KEY}"})
	hit.evidence == "${KEY}"
}

test_an_empty_key_is_none if {
	every kind in ["AWSMachineTemplate", "OpenStackMachineTemplate"] {
		count(node_key.findings) == 0 with input as template(kind, {"sshKeyName": ""})
	}
}

test_absent_is_a_key_on_aws if {
	every spec in [{}, {"sshKeyName": null}] {
		some hit in node_key.findings with input as template("AWSMachineTemplate", spec)
		hit.absent
	}
}

test_absent_is_none_elsewhere if {
	every kind in ["AzureMachineTemplate", "OpenStackMachineTemplate"] {
		count(node_key.findings) == 0 with input as template(kind, {})
	}
}

test_other_kinds_are_silent if {
	count(node_key.findings) == 0 with input as template("Cluster", {"sshKeyName": "ops"})
}
