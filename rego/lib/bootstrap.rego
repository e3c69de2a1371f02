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

# cloud_users are [path of the string, its users] of embedded text.
cloud_users contains [n.path, found] if {
	some n in input.resource.nested
	found := {user |
		some doc in field.list(n.documents)
		some place in array.concat(inside(n.path), whole(n.path))
		some user in field.list(below(doc, place))
		is_object(user)
	}
	count(found) > 0
}

# inside are the places of users in a document of embedded text.
inside(path) := [["users"], ["passwd", "users"]] if {
	embedded(path)
} else := []

# A users list in additionalUserData.data is a document of its own.
whole(path) := [[]] if {
	path[count(path) - 1] == "users"
} else := []

below(doc, place) := doc if {
	place == []
} else := field.get(doc, place)

# cloud_texts are [path, text] of cloud-init text that was not unpacked.
cloud_texts contains [path, text] if {
	root := array.concat(prefix, ["agentConfig", "additionalUserData"])
	some name in ["config", "data"]
	some [below, text] in strings(field.get(field.at(root), [name]))
	path := array.concat(array.concat(root, [name]), below)
	not path in unpacked
}

# cloud_documents are [path, text] of cloud-init text that was unpacked, without
# its users: what it runs and writes.
cloud_documents contains [n.path, json.marshal(object.remove(doc, {"users"}))] if {
	some n in input.resource.nested
	embedded(n.path)
	some doc in field.list(n.documents)
	is_object(doc)
}

strings(x) := {[[], x]} if {
	is_string(x)
} else := {[[key], text] | some key, text in x; is_string(text)} if {
	is_object(x)
} else := set()

# embedded reports whether a string is cloud-init or ignition text.
embedded(path) if "additionalUserData" in path

embedded(path) if "additionalConfig" in path

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
commands contains [array.concat(prefix, [name, i]), words(line)] if {
	some name in (command_fields & object.keys(spec))
	some i, line in field.list(spec[name])
}

# words is a command as it would be typed; undefined where it is none.
words(line) := line if {
	is_string(line)
} else := concat(" ", [w | some w in line; is_string(w)]) if {
	is_array(line)
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
	not array.concat(entry[0], ["content"]) in unpacked
}

# unpacked are the strings that hold documents or a packed text.
unpacked := {n.path | some n in input.resource.nested}

contents := {n.path: content_of(n) | some n in input.resource.nested}

content_of(n) := n.text if {
	n.text != ""
} else := concat("\n", [json.marshal(doc) | some doc in field.list(n.documents)])

# content is the text of a file at path, unpacked where it was packed;
# documents come as JSON. undefined where the object does not hold it.
content(path) := contents[array.concat(path, ["content"])] if {
	array.concat(path, ["content"]) in unpacked
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
