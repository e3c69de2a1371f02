# METADATA
# scope: package
# title: What runs as root on nodes
# description: |
#   Files, commands, users and arguments of a bootstrap configuration or a
#   control plane, and user data of machines, run as root on every node that is
#   made from it, and decide how the API server and the kubelets run. White
#   space at the end of a text is no change of it.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-024
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds:
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.bootstrap

import data.countersign.lib.change
import data.countersign.lib.field

# Where each kind of object keeps it; below are the patterns of paths.
patterns := array.concat(of_templates, of_planes)

of_templates := [array.concat(base, []) | some base in [["spec"], ["spec", "template", "spec"]]] if {
	input.change.group == "bootstrap.cluster.x-k8s.io"
} else := []

planes := {
	"kubeadmConfigSpec", "kthreesConfigSpec", "agentConfig", "serverConfig", "controlPlaneConfig", "k0sConfigSpec",
	"files", "preRKE2Commands", "postRKE2Commands", "privateRegistriesConfig", "manifestsConfigMapReference",
	"additionalUserData", "userData", "customData", "ignition", "cloudInit", "cloudInitConfig", "userDataSecret",
	"guestInfo", "sshAuthorizedKeys", "bootstrapFormat",
}

of_planes := [array.concat(base, [name]) |
	some base in [["spec"], ["spec", "template", "spec"]]
	some name in planes
] if {
	input.change.group in {"controlplane.cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io"}
} else := []

touched := {e |
	some e in change.tops(change.edited(patterns))
	not only_space(e)
}

only_space(e) if {
	is_string(e.before)
	is_string(e.after)
	trim_right(e.before, " \t\r\n") == trim_right(e.after, " \t\r\n")
}

reasons contains {
	"message": sprintf("what runs as root on the machines of %s: %s", [change.named, change.listed(words)]),
} if {
	change.stays
	count(touched) > 0
	words := {place(e.path) | some e in touched}
}

# What comes is told by its fields, few and short.
place(path) := change.dotted(array.slice(path, start(path), start(path) + 4))

start(path) := 3 if array.slice(path, 0, 3) == ["spec", "template", "spec"]

start(path) := 1 if array.slice(path, 0, 3) != ["spec", "template", "spec"]

told := {field.word(name) |
	some pattern in patterns
	input.change.group == "bootstrap.cluster.x-k8s.io"
	some name, x in field.map(change.now(pattern))
	name != "template"
	x != null
}

reasons contains {
	"message": sprintf("%s brings what runs as root on new machines: %s", [change.named, change.listed(told)]),
} if {
	input.change.action == "create"
	count(told) > 0
}
