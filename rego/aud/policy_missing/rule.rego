# METADATA
# scope: package
# title: The API server has an audit policy
# description: |
#   Without --audit-policy-file a Kubernetes API server records nothing of who
#   did what, and kubeadm sets no policy by itself. A kubeadm patch for the API
#   server among the files counts as one.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-AUD-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: comprehensive-auditing/cluster-level-auditing
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#   providers: [kubeadm]
#   remediation: >-
#     add audit-policy-file and audit-log-path to the API server's arguments, mount both with extraVolumes
#     and write the policy with files
#   since: 0.1.0
#   waivable: true
package countersign.rules.aud.policy_missing

import data.countersign.lib.apiserver
import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.kubeadm
import data.countersign.lib.value

findings contains {
	"path": apiserver.path,
	"absent": field.absent(apiserver.path),
	"collection": true,
	"message": "the API server runs without an audit policy",
	"confidence": confidence,
} if {
	value.empty(apiserver.arg("audit-policy-file"))
	not patched
}

# Two stages of kubeadm may name a folder of patches.
folders contains folder if {
	some stage in ["initConfiguration", "joinConfiguration"]
	folder := field.text(field.get(kubeadm.spec, [stage, "patches", "directory"]))
	folder != ""
}

# patches are [path, file] of the files that kubeadm merges into the API
# server's static pod.
patches contains entry if {
	some entry in bootstrap.files
	file := field.text(field.get(entry[1], ["path"]))
	some folder in folders
	startswith(file, concat("", [trim_right(folder, "/"), "/kube-apiserver"]))
}

patched if {
	some entry in patches
	contains(bootstrap.content(entry[0]), "audit-policy-file")
}

# A patch whose text lies in a Secret may set the policy or not.
confidence := "unknown" if {
	some entry in patches
	value.set(field.get(entry[1], ["contentFrom"]))
} else := "certain"
