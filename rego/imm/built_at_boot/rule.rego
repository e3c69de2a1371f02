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

# before is what may stand before a command, and options what after its name.
before := `(^|[\s;&|("'])`

options := `\s+((-\S+|\w+=\S+)\s+)*`

installers := {
	`(apt|apt-get|aptitude)`: `(install|upgrade|dist-upgrade|full-upgrade)`,
	`(yum|dnf|microdnf|tdnf)`: `(install|localinstall|upgrade|update)`,
	`zypper`: `(install|in|update|up|patch)`,
	`apk`: `(add|upgrade)`,
	`snap`: `(install|refresh)`,
	`pip3?`: `install`,
	`rpm`: `(--install|--upgrade|https?://\S+)`,
}

after := `($|[\s;&|)"'])`

patterns := {concat("", ["(?m)", before, tool, options, action, after]) | some tool, action in installers} | {
	`(curl|wget)\b[^\n;]*\|\s*(sudo\s+(-\S+\s+)*)?([a-z/]*/)?(ba|z|da|k)?sh\b`,
	`\b(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\b`,
}

# code is a text without comments, with continued lines joined.
code(text) := regex.replace(regex.replace(text, `\\\r?\n`, " "), `(?m)^\s*#.*$`, "")

installs(text) if {
	script := code(text)
	some pattern in patterns
	regex.match(pattern, script)
}

checked(text) if regex.match(`\bsha(256|512)sum\s[^\n]*(-c|--check)\b`, text)

# severity is lower where the text, or for commands one of the others, checks.
severity(text) := "low" if {
	checked(text)
} else := "low" if {
	not is_script(text)
	some [_, other] in bootstrap.commands
	checked(other)
} else := "medium"

is_script(text) if not text in {command | some [_, command] in bootstrap.commands}

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
