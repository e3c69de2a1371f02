# METADATA
# scope: package
# title: Audit policy and log are mounted and delivered
# description: |
#   kubeadm runs the API server in a pod that sees only what is mounted. A
#   policy that is not mounted keeps the API server from starting, a log folder
#   that is not mounted is lost with the container, and one that is mounted
#   read-only takes no events. A policy that the object does not write may lie
#   in the machine image: nobody can tell from here.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-AUD-003
#   kind: finding
#   scope: object
#   severity: high
#   guideline: comprehensive-auditing/cluster-level-auditing
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#   providers: [kubeadm]
#   remediation: mount policy and log folder with extraVolumes, the log folder writable, and write the policy with files
#   since: 0.1.0
#   waivable: true
package countersign.rules.aud.files_not_mounted

import data.countersign.lib.apiserver
import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.kubeadm
import data.countersign.lib.value
import data.countersign.lib.volumes

policy := apiserver.arg("audit-policy-file")

log := apiserver.arg("audit-log-path")

file_sink if {
	value.set(log)
	log != "-"
}

wanted contains ["audit policy", policy] if value.set(policy)

wanted contains ["audit log", log] if file_sink

wrong contains sprintf("no volume of the API server covers the %s", [what]) if {
	some [what, file] in wanted
	count(volumes.mounts(file)) == 0
	not guessed(file)
}

wrong contains "the audit log's volume is mounted read-only" if {
	file_sink
	count(volumes.mounts(log)) > 0
	every v in volumes.mounts(log) {
		value.truthy(field.get(v, ["readOnly"]))
	}
}

guessed(file) if value.unknown(file)

guessed(_) if volumes.guessed

findings contains {
	"path": volumes.path,
	"absent": field.absent(volumes.path),
	"collection": true,
	"message": concat("; ", sort(wrong)),
	"evidence": {what: file | some [what, file] in wanted},
	"measure": wrong,
} if {
	count(wrong) > 0
}

findings contains {
	"path": volumes.path,
	"absent": field.absent(volumes.path),
	"collection": true,
	"message": "placeholders decide whether the API server sees its audit files",
	"confidence": "unknown",
} if {
	count(wrong) == 0
	some [_, file] in wanted
	count(volumes.mounts(file)) == 0
	guessed(file)
}

delivered if {
	some file in volumes.on_host(policy)
	some entry in bootstrap.files
	field.text(field.get(entry[1], ["path"])) == file
}

delivered if {
	some file in volumes.on_host(policy)
	some entry in bootstrap.commands
	contains(entry[1], file)
}

delivered if {
	some file in volumes.on_host(policy)
	some mount in field.list(field.get(kubeadm.spec, ["mounts"]))
	volumes.within(file, field.text(field.list(mount)[1]))
}

findings contains {
	"path": array.concat(kubeadm.prefix, ["files"]),
	"absent": field.absent(array.concat(kubeadm.prefix, ["files"])),
	"collection": true,
	"message": "nothing in the object writes the audit policy onto the node",
	"confidence": "unknown",
	"evidence": policy,
} if {
	count(volumes.mounts(policy)) > 0
	not delivered
}
