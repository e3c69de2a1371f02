# METADATA
# title: Bootstrap configurations
# description: |
#   What runs on a node when it is born: users, files and commands, wherever
#   the bootstrap and control plane providers keep them.
package countersign.lib.bootstrap

import data.countersign.lib.field
import data.countersign.lib.kubeadm

# own says where other kinds than kubeadm's hold them, below their specification.
own := {
	"KThreesControlPlane": ["kthreesConfigSpec"],
	"KThreesControlPlaneTemplate": ["kthreesConfigSpec"],
	"K0sControlPlane": ["k0sConfigSpec"],
	"K0sControlPlaneTemplate": ["k0sConfigSpec"],
	"MicroK8sControlPlane": ["controlPlaneConfig", "initConfiguration"],
	"MicroK8sControlPlaneTemplate": ["controlPlaneConfig", "initConfiguration"],
	"MicroK8sConfig": ["initConfiguration"],
	"MicroK8sConfigTemplate": ["initConfiguration"],
}

# prefix is where users, files and commands lie.
prefix := kubeadm.prefix

prefix := array.concat(field.prefix, object.get(own, input.resource.kind, [])) if {
	not kubeadm.prefixes[input.resource.kind]
}

spec := field.map(field.at(prefix))

# users are [path, user] of the declared users.
users contains [array.concat(prefix, ["users", i]), user] if {
	some i, user in field.list(field.get(spec, ["users"]))
	is_object(user)
}

# cloud_users are [path of the string, user] of users in embedded text.
cloud_users contains [n.path, user] if {
	some n in input.resource.nested
	embedded(n.path)
	some doc in field.list(n.documents)
	some user in array.concat(
		field.list(field.get(doc, ["users"])),
		field.list(field.get(doc, ["passwd", "users"])),
	)
	is_object(user)
}

# A users list in additionalUserData.data is a document of its own.
cloud_users contains [n.path, user] if {
	some n in input.resource.nested
	n.path[count(n.path) - 1] == "users"
	some doc in field.list(n.documents)
	some user in field.list(doc)
	is_object(user)
}

# cloud_texts are [path, text] of cloud-init text that was not unpacked.
cloud_texts contains [path, text] if {
	root := array.concat(prefix, ["agentConfig", "additionalUserData"])
	some name in ["config", "data"]
	some [below, text] in strings(field.get(field.at(root), [name]))
	path := array.concat(array.concat(root, [name]), below)
	not unpacked(path)
}

strings(x) := {[[], x]} if is_string(x)

strings(x) := {[[key], text] | some key, text in x; is_string(text)} if is_object(x)

strings(x) := set() if {
	not is_string(x)
	not is_object(x)
}

# embedded reports whether a string is cloud-init or ignition text.
embedded(path) if {
	some step in path
	step in {"additionalUserData", "additionalConfig"}
}

# files are [path, file].
files contains [array.concat(prefix, ["files", i]), file] if {
	some i, file in field.list(field.get(spec, ["files"]))
	is_object(file)
}

command_fields := {
	"preKubeadmCommands", "postKubeadmCommands", "bootCommands",
	"preRKE2Commands", "postRKE2Commands",
	"preK3sCommands", "postK3sCommands",
	"preK0sCommands", "postK0sCommands", "preStartCommands", "postStartCommands",
	"preBootstrapCommands", "postBootstrapCommands",
	"preNodeadmCommands", "postNodeadmCommands",
	"preRunCommands", "postRunCommands",
}

# commands are [path, text].
commands contains [array.concat(prefix, [name, i]), line] if {
	some name in command_fields
	some i, line in field.list(field.get(spec, [name]))
	is_string(line)
}

commands contains [array.concat(prefix, [name, i]), concat(" ", words)] if {
	some name in command_fields
	some i, line in field.list(field.get(spec, [name]))
	is_array(line)
	words := [w | some w in line; is_string(w)]
}

# texts are [path, text] of what a node would run or hold as a script: the
# commands, cloud-init text, and unpacked file contents that are not documents
# of their own.
texts contains entry if some entry in commands

texts contains entry if some entry in cloud_texts

texts contains [n.path, n.text] if {
	some n in input.resource.nested
	n.text != ""
	array.slice(n.path, 0, count(prefix)) == prefix
}

texts contains [array.concat(entry[0], ["content"]), entry[1].content] if {
	some entry in files
	is_string(entry[1].content)
	object.get(entry[1], "encoding", null) in {null, ""}
	not unpacked(array.concat(entry[0], ["content"]))
}

unpacked(path) if {
	some n in input.resource.nested
	n.path == path
}

# content is the text of a file at path, unpacked where it was packed;
# documents come as JSON. undefined where the object does not hold it.
content(path) := concat("\n", [json.marshal(doc) | some doc in field.list(n.documents)]) if {
	some n in input.resource.nested
	n.path == array.concat(path, ["content"])
	n.text == ""
} else := n.text if {
	some n in input.resource.nested
	n.path == array.concat(path, ["content"])
} else := raw if {
	raw := field.at(array.concat(path, ["content"]))
	is_string(raw)
}

# class_writes are the places in a ClusterClass where a patch writes at or
# below a JSON pointer that ends with suffix, "-" and indices aside.
class_writes(suffix) := {["spec", "patches", i, "definitions", j, "jsonPatches", k] |
	input.resource.kind == "ClusterClass"
	some i, patch in field.list(field.at(["spec", "patches"]))
	some j, definition in field.list(field.get(patch, ["definitions"]))
	some k, write in field.list(field.get(definition, ["jsonPatches"]))
	field.get(write, ["op"]) in {"add", "replace"}
	pointer := concat("", [field.text(field.get(write, ["path"])), "/"])
	contains(pointer, concat("", [suffix, "/"]))
}
