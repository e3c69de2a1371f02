# METADATA
# scope: package
# title: Control plane nodes keep their taint
# description: |
#   kubeadm taints control plane nodes unless the list of taints is written out
#   as empty. Then any pod may land beside etcd and the API server. A class
#   patch or a topology variable can write the empty list.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CP-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/control-plane-protection
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#   providers: [kubeadm]
#   remediation: remove the key, or set node-role.kubernetes.io/control-plane with effect NoSchedule
#   since: 0.1.0
#   waivable: true
package countersign.rules.cp.taints_emptied

import data.countersign.lib.field
import data.countersign.lib.kubeadm

findings contains {
	"path": path,
	"message": "control plane nodes accept any workload: their list of taints is empty",
	"evidence": [],
} if {
	some stage in ["initConfiguration", "joinConfiguration"]
	path := array.concat(kubeadm.prefix, [stage, "nodeRegistration", "taints"])
	field.at(path) == []
}
