# METADATA
# scope: package
# title: No user who can log in on nodes
# description: |
#   Users that bootstrap data creates with SSH keys or an unlocked password,
#   and files or commands that write authorized_keys, open nodes to people
#   whom no API server sees. A ClusterClass patch that writes users may do so
#   for some clusters.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-SSH-004
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/ssh-access
#   kinds:
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - cluster.x-k8s.io/ClusterClass
#   providers: [kubeadm, rke2, k3s, k0s, microk8s, eks]
#   remediation: remove the user, or its keys and password
#   since: 0.1.0
#   waivable: true
package countersign.rules.ssh.login_user

import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.value

# keys are those of a user, in the spellings of Cluster API, cloud-init and
# Ignition.
keys(user) := {key |
	some name in ["sshAuthorizedKeys", "ssh_authorized_keys", "ssh-authorized-keys", "ssh_import_id"]
	some key in field.list(field.get(user, [name]))
	value.set(key)
}

# password is the field with which a user may log in by password; undefined
# when there is none.
password(user) := name if {
	some name in ["passwd", "hashed_passwd", "plain_text_passwd"]
	value.set(field.get(user, [name]))
	unlocked(user)
} else := "passwdFrom" if {
	value.set(field.get(user, ["passwdFrom"]))
	unlocked(user)
}

unlocked(user) if {
	some name in ["lockPassword", "lock_passwd"]
	value.falsy(field.get(user, [name]))
}

findings contains {
	"path": array.concat(path, ["sshAuthorizedKeys"]),
	"message": sprintf("user %s can log in over SSH on nodes", [field.word(field.get(user, ["name"]))]),
	"measure": {field.text(key) | some key in keys(user)},
} if {
	some [path, user] in bootstrap.users
	count(keys(user)) > 0
}

findings contains {
	"path": array.concat(path, [password(user)]),
	"message": sprintf("user %s can log in with a password on nodes", [field.word(field.get(user, ["name"]))]),
} if {
	some [path, user] in bootstrap.users
}

findings contains {
	"path": path,
	"message": sprintf("users can log in on nodes: %s", [concat(", ", sort(names))]),
	"measure": names,
} if {
	some [path, users] in bootstrap.cloud_users
	names := {field.word(field.get(user, ["name"])) |
		some user in users
		opens(user)
	}
	count(names) > 0
}

opens(user) if count(keys(user)) > 0

opens(user) if password(user)

findings contains {
	"path": path,
	"message": "cloud-init text gives users SSH keys",
} if {
	some [path, text] in bootstrap.cloud_texts
	regex.match(`ssh[-_]authorized[-_]keys["']?:\s*(-\s*\S|\[\s*[^\]\s])`, text)
}

findings contains {
	"path": array.concat(path, ["path"]),
	"message": "a file of authorized SSH keys is written on nodes",
} if {
	some [path, file] in bootstrap.files
	contains(field.text(field.get(file, ["path"])), "authorized_keys")
}

findings contains {
	"path": path,
	"message": "boot scripts write authorized SSH keys on nodes",
} if {
	some [path, text] in (bootstrap.texts | bootstrap.cloud_documents)
	regex.match(`(^|[^_])authorized_keys`, text)
}

findings contains {
	"path": path,
	"message": "the class may add users to nodes",
	"confidence": "conditional",
} if {
	some path in bootstrap.class_writes("/users")
}
