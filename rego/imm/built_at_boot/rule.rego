# METADATA
# scope: package
# title: Nodes are built from an image, not at boot
# description: |
#   What is installed when a node is born is what a mirror holds at that
#   moment, and whoever controls the mirror controls the node. Judged are
#   commands and scripts, without their comments; a checked checksum makes it
#   weigh less.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-IMM-002
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: prevent-runtime-updates
#   kinds:
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#   providers: [kubeadm, rke2, k3s, k0s, microk8s, eks]
#   remediation: bake the software into the machine image
#   since: 0.1.0
#   waivable: true
package countersign.rules.imm.built_at_boot

import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.value

# options may stand between the name of a tool and what it is to do.
options := `\s+((-\S+|\w+=\S+)\s+)*`

installers := [
	`(apt|apt-get|aptitude)`, options, `(install|upgrade|dist-upgrade|full-upgrade)`,
	`|(yum|dnf|microdnf|tdnf)`, options, `(install|localinstall|upgrade|update)`,
	`|zypper`, options, `(install|in|update|up|patch)`,
	`|apk`, options, `(add|upgrade)`,
	`|snap`, options, `(install|refresh)`,
	`|pip3?`, options, `install`,
	`|rpm`, options, `(--install|--upgrade|https?://\S+)`,
]

# pattern is one for all of them, so that a text is read once.
pattern := concat("", [
	`(?m)(^|[\s;&|("'])(`, concat("", installers), `)($|[\s;&|)"'])`,
	`|(curl|wget)\b[^\n;]*\|\s*(sudo\s+(-\S+\s+)*)?([a-z/]*/)?(ba|z|da|k)?sh\b`,
	`|\b(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\b`,
])

# code is a text without comments, with continued lines joined.
code(text) := regex.replace(regex.replace(text, `\\\r?\n`, " "), `(?m)^\s*#.*$`, "")

installs(text) if regex.match(pattern, code(text))

checked(text) if regex.match(`\bsha(256|512)sum\s[^\n]*(-c|--check)\b`, text)

# severity is lower where the text, or for commands one of the others, checks.
severity(text) := "low" if {
	checked(text)
} else := "low" if {
	not is_script(text)
	commands_check
} else := "medium"

commands := {command | some [_, command] in bootstrap.commands}

commands_check if {
	some command in commands
	checked(command)
}

is_script(text) if not text in commands

findings contains {
	"path": path,
	"message": "software is installed when the node boots",
	"severity": severity(text),
} if {
	some [path, text] in bootstrap.texts
	installs(text)
}

# Cloud-init text that was unpacked says it in fields of its own.
findings contains {
	"path": n.path,
	"message": "software is installed when the node boots",
} if {
	some n in input.resource.nested
	bootstrap.embedded(n.path)
	some doc in field.list(n.documents)
	cloud_installs(doc)
}

cloud_installs(doc) if {
	some name in ["packages", "snap"]
	value.set(field.get(doc, [name]))
}

cloud_installs(doc) if value.truthy(field.get(doc, ["package_upgrade"]))

cloud_installs(doc) if {
	some name in ["runcmd", "bootcmd"]
	some line in field.list(field.get(doc, [name]))
	installs(words(line))
}

words(line) := line if is_string(line)

words(line) := concat(" ", [w | some w in line; is_string(w)]) if is_array(line)
