# METADATA
# scope: package
# title: No user with root rights by sudo
# description: |
#   Sudo without a password, or for every command, makes any way into a node a
#   way to its certificates and keys. Users who cannot log in weigh less.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-SSH-005
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/ssh-access
#   kinds:
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#   providers: [kubeadm, rke2, k3s, k0s, microk8s, eks]
#   remediation: remove sudo from the user, and files below /etc/sudoers.d
#   since: 0.1.0
#   waivable: true
package countersign.rules.ssh.passwordless_sudo

import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.value

# grants are the lines of a user's sudo that give root: cloud-init takes one
# or a list.
grants(user) := {line |
	some line in array.concat(field.list(field.get(user, ["sudo"])), [field.get(user, ["sudo"])])
	is_string(line)
	regex.match(`NOPASSWD|ALL\s*=\s*\(?\s*ALL`, line)
}

guesses(user) := {line |
	some line in array.concat(field.list(field.get(user, ["sudo"])), [field.get(user, ["sudo"])])
	value.unknown(line)
}

# severity is lower where no key, password or shell lets the user in.
severity(user) := "medium" if {
	no_shell(user)
} else := "medium" if {
	every name in ways_in {
		value.empty(field.get(user, [name]))
	}
} else := "high"

ways_in := {
	"sshAuthorizedKeys", "ssh_authorized_keys", "ssh-authorized-keys",
	"passwd", "hashed_passwd", "passwdFrom",
}

no_shell(user) if regex.match(`/(nologin|false)$`, field.text(field.get(user, ["shell"])))

findings contains {
	"path": array.concat(path, ["sudo"]),
	"message": sprintf("user %s is root by sudo on nodes", [field.word(field.get(user, ["name"]))]),
	"severity": severity(user),
	"measure": grants(user),
} if {
	some [path, user] in bootstrap.users
	count(grants(user)) > 0
}

findings contains {
	"path": array.concat(path, ["sudo"]),
	"message": "a placeholder decides what a user may do by sudo",
	"confidence": "unknown",
} if {
	some [path, user] in bootstrap.users
	count(grants(user)) == 0
	count(guesses(user)) > 0
}

findings contains {
	"path": path,
	"message": sprintf("users are root by sudo on nodes: %s", [concat(", ", sort(names))]),
	"measure": names,
} if {
	some [path, users] in bootstrap.cloud_users
	names := {field.word(field.get(user, ["name"])) |
		some user in users
		count(grants(user)) > 0
	}
	count(names) > 0
}

findings contains {
	"path": array.concat(path, ["path"]),
	"message": "a file of sudo rules is written on nodes",
} if {
	some [path, file] in bootstrap.files
	regex.match(`^/etc/sudoers(\.d/|$)`, field.text(field.get(file, ["path"])))
}

findings contains {
	"path": path,
	"message": "a boot script gives root by sudo on nodes",
} if {
	some [path, text] in (bootstrap.texts | bootstrap.cloud_documents)
	regex.match(`/etc/sudoers`, text)
}

findings contains {
	"path": path,
	"message": "cloud-init text makes users root by sudo",
} if {
	some [path, text] in bootstrap.cloud_texts
	regex.match(`sudo["']?:.*(NOPASSWD|ALL\s*=\s*\(?\s*ALL)`, text)
	not contains(text, "/etc/sudoers")
}
