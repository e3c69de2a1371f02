# METADATA
# title: Kubeadm configurations
# description: |
#   Where a kubeadm control plane's configuration lies, and its named
#   arguments in one shape: v1beta1 writes a mapping, v1beta2 a list of name
#   and value in which a name may come twice. Both become name → list of values.
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

# args turns extraArgs of either shape into name → list of values, in order.
args(raw) := {name: [field.text(x)] | some name, x in raw} if is_object(raw)

args(raw) := {name: [field.text(field.get(e, ["value"])) |
	some e in raw
	field.get(e, ["name"]) == name
] |
	some element in raw
	name := field.get(element, ["name"])
	is_string(name)
} if {
	is_array(raw)
}

args(raw) := {} if {
	not is_object(raw)
	not is_array(raw)
}

# flags turns a list of "--name=value" or "name=value" into the same.
flags(raw) := {name: [v |
	some other in parsed(raw)
	other[0] == name
	v := other[1]
] |
	some pair in parsed(raw)
	name := pair[0]
}

parsed(raw) := [[trim_left(parts[0], "-"), concat("=", array.slice(parts, 1, count(parts)))] |
	some line in field.list(raw)
	is_string(line)
	parts := split(line, "=")
]

# last is the value that counts when a name comes more than once; "" when it
# does not come at all.
last(named, name) := values[count(values) - 1] if {
	values := named[name]
	count(values) > 0
}

last(named, name) := "" if count(object.get(named, name, [])) == 0
