# METADATA
# title: Volumes of the API server
# description: |
#   What a kubeadm API server's pod sees of its node.
package countersign.lib.volumes

import data.countersign.lib.field
import data.countersign.lib.kubeadm
import data.countersign.lib.value

path := array.concat(kubeadm.prefix, ["clusterConfiguration", "apiServer", "extraVolumes"])

# kubeadm mounts its certificates by itself, read-only.
built_in := {"hostPath": pki, "mountPath": pki, "readOnly": true}

pki := object.get({"": "/etc/kubernetes/pki"}, certificates, certificates)

certificates := field.text(field.get(kubeadm.spec, ["clusterConfiguration", "certificatesDir"]))

all := array.concat([built_in], [v | some v in field.list(field.at(path)); is_object(v)])

# within reports whether a file is a folder, or lies in it.
within(file, folder) if {
	folder != ""
	startswith(concat("", [file, "/"]), concat("", [trim_right(folder, "/"), "/"]))
}

# mounts are the volumes that show a file to the API server.
mounts(file) := [v | some v in all; within(file, field.text(field.get(v, ["mountPath"])))]

# guessed reports whether a placeholder decides what is mounted.
guessed if {
	some v in all
	some name in ["mountPath", "hostPath"]
	value.unknown(field.get(v, [name]))
}

# on_host is where the node keeps a file of the API server: the mount's end is
# swapped.
on_host(file) := {concat("", [trim_right(host, "/"), rest]) |
	some v in mounts(file)
	host := field.text(field.get(v, ["hostPath"]))
	rest := trim_prefix(file, trim_right(field.text(field.get(v, ["mountPath"])), "/"))
}
