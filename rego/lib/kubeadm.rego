# METADATA
# title: Kubeadm configurations
# description: |
#   Where a kubeadm control plane's configuration lies, and its named
#   arguments in one shape: v1beta1 writes a mapping, v1beta2 a list of name
#   and value in which a name may come twice. Both become name → value.
package countersign.lib.kubeadm

import data.countersign.lib.field

# prefixes says where each kind holds its kubeadm configuration.
prefixes := {
	"KubeadmControlPlane": ["spec", "kubeadmConfigSpec"],
	"KubeadmControlPlaneTemplate": ["spec", "template", "spec", "kubeadmConfigSpec"],
	"KubeadmConfig": ["spec"],
	"KubeadmConfigTemplate": ["spec", "template", "spec"],
}

prefix := prefixes[input.resource.kind]

spec := field.map(field.at(prefix))

# args turns extraArgs of either shape into name → value, as text. Where a name
# comes more than once, the last one counts.
args(raw) := {name: field.text(x) | some name, x in raw} if {
	is_object(raw)
} else := object.union_n([{name: field.text(field.get(element, ["value"]))} |
	some element in field.list(raw)
	name := field.get(element, ["name"])
	is_string(name)
])

# flags turns a list of "--name=value" or "name=value" into the same.
flags(raw) := object.union_n([{trim_left(parts[0], "-"): concat("=", array.slice(parts, 1, count(parts)))} |
	some line in field.list(raw)
	is_string(line)
	parts := split(line, "=")
])
