package countersign.rules.ssh.login_user_test

import data.countersign.rules.ssh.login_user as rule

config(kind, object) := {"resource": {"kind": kind, "nested": [], "object": {"spec": object}}}

control_plane(spec) := config("KubeadmControlPlane", {"kubeadmConfigSpec": spec})

worker(spec) := config("KubeadmConfigTemplate", {"template": {"spec": spec}})

hits(doc) := found if found := rule.findings with input as doc

paths(doc) := {hit.path | some hit in hits(doc)}

test_keys_of_a_user if {
	spec := {"users": [{"name": "a"}, {"name": "ops", "sshAuthorizedKeys": ["${KEY}"]}]}
	paths(control_plane(spec)) == {["spec", "kubeadmConfigSpec", "users", 1, "sshAuthorizedKeys"]}
	paths(worker(spec)) == {["spec", "template", "spec", "users", 1, "sshAuthorizedKeys"]}
	paths(config("KubeadmConfig", spec)) == {["spec", "users", 1, "sshAuthorizedKeys"]}
	paths(config("EKSConfig", spec)) == {["spec", "users", 1, "sshAuthorizedKeys"]}
}

test_no_keys if {
	every users in [
		null, [], {}, "ops", [null], ["ops"], [{"name": "ops", "sshAuthorizedKeys": []}],
		[{"name": "ops", "sshAuthorizedKeys": null}], [{"name": "ops", "sshAuthorizedKeys": [""]}],
		[{"name": "ssm-user"}],
	] {
		paths(control_plane({"users": users})) == set()
	}
	paths(control_plane(null)) == set()
}

test_a_password_needs_an_unlocked_account if {
	locked := {"name": "ops", "passwd": "$6$x"}
	paths(worker({"users": [locked]})) == set()
	paths(worker({"users": [object.union(locked, {"lockPassword": true})]})) == set()
	user := ["spec", "template", "spec", "users", 0]
	paths(worker({"users": [object.union(locked, {"lockPassword": false})]})) == {array.concat(user, ["passwd"])}
	from_secret := {"name": "ops", "passwdFrom": {"secret": {"name": "s", "key": "k"}}, "lockPassword": false}
	paths(worker({"users": [from_secret]})) == {array.concat(user, ["passwdFrom"])}
}

test_a_hostile_name_stays_on_one_line if {
	some hit in hits(worker({"users": [{"name": "a\nb masked:c", "sshAuthorizedKeys": ["k"]}]}))
	not contains(hit.message, "\n")
	not contains(hit.message, "masked:")
}

nested(kind, path, documents) := {"resource": {"kind": kind, "object": {"spec": {}}, "nested": [
	{"path": path, "encoding": "", "name": "", "documents": documents, "text": ""},
]}}

test_cloud_init_text_of_rke2 if {
	path := ["spec", "agentConfig", "additionalUserData", "config"]
	every spelling in ["ssh_authorized_keys", "ssh-authorized-keys", "sshAuthorizedKeys"] {
		users := [{"name": "capv", spelling: ["k"]}, {"name": "b"}]
		some hit in hits(nested("RKE2ControlPlane", path, [{"users": users}]))
		hit.path == path
		hit.measure == {"capv"}
	}
	paths(nested("RKE2ControlPlane", path, [{"users": ["default"]}])) == set()
}

test_a_list_of_users_by_itself if {
	path := ["spec", "agentConfig", "additionalUserData", "data", "users"]
	users := [[{"name": "ops", "plain_text_passwd": "masked:literal:x", "lock_passwd": false}]]
	paths(nested("RKE2ConfigTemplate", path, users)) == {path}
}

test_ignition if {
	path := ["spec", "kubeadmConfigSpec", "ignition", "containerLinuxConfig", "additionalConfig"]
	users := {"passwd": {"users": [{"name": "core", "ssh_authorized_keys": ["k"]}]}}
	paths(nested("KubeadmControlPlane", path, [users])) == {path}
}

test_files_and_commands_that_write_keys if {
	file := {"path": "/home/ops/.ssh/authorized_keys", "content": "x"}
	edge := config("KThreesControlPlane", {"kthreesConfigSpec": {"files": [file]}})
	paths(edge) == {["spec", "kthreesConfigSpec", "files", 0, "path"]}
	rke2 := config("RKE2ControlPlane", {"preRKE2Commands": ["true", "cat k >> ~/.ssh/authorized_keys"]})
	paths(rke2) == {["spec", "preRKE2Commands", 1]}
	words := worker({"postKubeadmCommands": [["sh", "-c", "cat k > /root/.ssh/authorized_keys"], 1]})
	paths(words) == {["spec", "template", "spec", "postKubeadmCommands", 0]}
}

class(write) := config("ClusterClass", {"patches": [{"definitions": [{"jsonPatches": [write]}]}]})

test_a_class_patch_is_conditional if {
	pointers := [
		"/spec/template/spec/users", "/spec/template/spec/kubeadmConfigSpec/users/-",
		"/spec/users/0/sshAuthorizedKeys",
	]
	every path in pointers {
		some hit in hits(class({"op": "add", "path": path}))
		hit.confidence == "conditional"
		hit.path == ["spec", "patches", 0, "definitions", 0, "jsonPatches", 0]
	}
}

test_other_class_patches_are_silent if {
	every write in [{"op": "remove", "path": "/spec/users"}, {"op": "add", "path": "/spec/superusers"}, {}, null] {
		paths(class(write)) == set()
	}
	paths(config("ClusterClass", {"patches": null})) == set()
}

cloud_init(text) := config("RKE2ControlPlane", {"agentConfig": {"additionalUserData": {"config": text}}})

test_cloud_init_text_that_was_not_unpacked if {
	path := ["spec", "agentConfig", "additionalUserData", "config"]
	every text in ["users:\n- name: capv\n  ssh-authorized-keys:\n  - '${KEY}'\n", "ssh_authorized_keys: [k]"] {
		paths(cloud_init(text)) == {path}
	}
	every text in ["ssh_authorized_keys: []\n", "users: []", "", null, 1] {
		paths(cloud_init(text)) == set()
	}
	parts := {"data": {"users": "- ssh_authorized_keys:\n  - k"}}
	paths(config("RKE2ControlPlane", {"agentConfig": {"additionalUserData": parts}})) == {array.concat(
		array.slice(path, 0, 3),
		["data", "users"],
	)}
}

test_unpacked_cloud_init_that_writes_keys if {
	path := ["spec", "agentConfig", "additionalUserData", "config"]
	doc := {"runcmd": ["cat k >> /root/.ssh/authorized_keys"]}
	resource := {
		"kind": "RKE2ControlPlane", "object": {"spec": {}},
		"nested": [{"path": path, "encoding": "", "name": "", "text": "", "documents": [doc]}],
	}
	{hit.path | some hit in rule.findings with input as {"resource": resource}} == {path}
}
