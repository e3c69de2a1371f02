package countersign.rules.ssh.passwordless_sudo_test

import data.countersign.rules.ssh.passwordless_sudo as rule

worker(spec) := {"resource": {
	"kind": "KubeadmConfigTemplate", "nested": [],
	"object": {"spec": {"template": {"spec": spec}}},
}}

user(fields) := worker({"users": [object.union({"name": "ops", "sshAuthorizedKeys": ["k"]}, fields)]})

hits(doc) := found if found := rule.findings with input as doc

test_root_by_sudo if {
	rights := [
		"ALL=(ALL) NOPASSWD:ALL", "ALL=(ALL:ALL) ALL", "ALL = (ALL) ALL", "ALL=NOPASSWD: /bin/x",
		["ALL=(ALL) ALL"],
	]
	every sudo in rights {
		some hit in hits(user({"sudo": sudo}))
		hit.path == ["spec", "template", "spec", "users", 0, "sudo"]
		hit.severity == "high"
	}
}

test_no_sudo if {
	every sudo in [null, "", false, [], "ops ALL=/usr/bin/journalctl", {}] {
		count(hits(user({"sudo": sudo}))) == 0
	}
	every users in [null, [], [null], "ops"] {
		count(hits(worker({"users": users}))) == 0
	}
}

test_who_cannot_log_in_weighs_less if {
	grant := {"sudo": "ALL=(ALL) NOPASSWD:ALL"}
	some keyless in hits(user(object.union(grant, {"sshAuthorizedKeys": []})))
	keyless.severity == "medium"
	every shell in ["/usr/sbin/nologin", "/bin/false"] {
		some hit in hits(user(object.union(grant, {"shell": shell})))
		hit.severity == "medium"
	}
}

test_a_placeholder_is_unknown if {
	some hit in hits(user({"sudo": "${SUDO}"}))
	hit.confidence == "unknown"
}

test_cloud_init_text if {
	doc := {"resource": {"kind": "RKE2ControlPlane", "object": {"spec": {}}, "nested": [{
		"path": ["spec", "agentConfig", "additionalUserData", "config"], "encoding": "", "name": "", "text": "",
		"documents": [{"users": [{"name": "capv", "sudo": "ALL=(ALL) NOPASSWD:ALL"}, {"name": "b"}]}],
	}]}}
	some hit in hits(doc)
	hit.measure == {"capv"}
}

test_files_of_sudo_rules if {
	every path in ["/etc/sudoers.d/ops", "/etc/sudoers"] {
		some hit in hits(worker({"files": [{"path": path, "contentFrom": {"secret": {"name": "s"}}}]}))
		hit.path == ["spec", "template", "spec", "files", 0, "path"]
	}
	count(hits(worker({"files": [{"path": "/etc/sudoersd"}, {"path": null}, {}]}))) == 0
}

test_commands_that_write_sudo_rules if {
	some hit in hits(worker({"preKubeadmCommands": ["echo 'ops ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ops"]}))
	hit.path == ["spec", "template", "spec", "preKubeadmCommands", 0]
}

test_cloud_init_text_that_was_not_unpacked if {
	doc := {"resource": {"kind": "RKE2ControlPlane", "nested": [], "object": {"spec": {
		"agentConfig": {"additionalUserData": {"config": "users:\n- name: capv\n  sudo: ALL=(ALL) NOPASSWD:ALL\n"}},
	}}}}
	some hit in hits(doc)
	hit.path == ["spec", "agentConfig", "additionalUserData", "config"]
}

test_unpacked_cloud_init_that_writes_sudoers if {
	path := ["spec", "agentConfig", "additionalUserData", "config"]
	doc := {"write_files": [{"path": "/etc/sudoers.d/ops", "content": "x"}]}
	resource := {
		"kind": "RKE2ControlPlane", "object": {"spec": {}},
		"nested": [{"path": path, "encoding": "", "name": "", "text": "", "documents": [doc]}],
	}
	{hit.path | some hit in rule.findings with input as {"resource": resource}} == {path}
}
