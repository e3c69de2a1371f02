# What several policies need.
package main

import rego.v1

# spec is the specification of an object or of what it is a template of.
spec := input.spec.template.spec if {
	endswith(input.kind, "Template")
} else := input.spec

kind := trim_suffix(input.kind, "Template")

named(id, text) := sprintf("%s %s/%s: %s", [id, input.kind, input.metadata.name, text])

control_plane if kind == "KubeadmControlPlane"

# bootstrap is what kubeadm and cloud-init read.
bootstrap := spec.kubeadmConfigSpec if {
	control_plane
} else := spec if {
	startswith(input.apiVersion, "bootstrap.cluster.x-k8s.io/")
}

# args are the API server's arguments, written as a mapping or as a list.
args := given if {
	given := bootstrap.clusterConfiguration.apiServer.extraArgs
	is_object(given)
} else := {arg.name: last(arg.name) | some arg in bootstrap.clusterConfiguration.apiServer.extraArgs}

# last is the value that counts where a name is given twice.
last(name) := values[count(values) - 1] if {
	values := [arg.value | some arg in bootstrap.clusterConfiguration.apiServer.extraArgs; arg.name == name]
}

arg(name) := object.get(args, name, "")

# mounts are the volumes of the API server that cover a file.
mounts(file) := [volume |
	some volume in bootstrap.clusterConfiguration.apiServer.extraVolumes
	within(file, volume.mountPath)
]

within(file, folder) if file == folder

within(file, folder) if startswith(file, concat("", [trim_right(folder, "/"), "/"]))

# texts are commands and files that run or lie on nodes.
texts contains command if {
	some stage in ["preKubeadmCommands", "postKubeadmCommands"]
	some command in bootstrap[stage]
}

texts contains file.content if some file in bootstrap.files

blank(value) if value in {"", null}
