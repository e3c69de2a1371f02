# METADATA
# scope: package
# title: Every control plane node has the taint
# description: |
#   Taints that are written out replace kubeadm's own. Without the control
#   plane taint among them, with an effect that keeps pods away, or with other
#   taints on the first node than on those that join, some nodes are open. An
#   empty list is CS-CP-001's.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CP-003
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/control-plane-protection
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#   providers: [kubeadm]
#   remediation: >-
#     set node-role.kubernetes.io/control-plane with effect NoSchedule in initConfiguration and in
#     joinConfiguration, with the same further taints
#   since: 0.1.0
#   waivable: true
package countersign.rules.cp.taints_differ

import data.countersign.lib.field
import data.countersign.lib.kubeadm
import data.countersign.lib.value

path(stage) := array.concat(kubeadm.prefix, [stage, "nodeRegistration", "taints"])

stages := ["initConfiguration", "joinConfiguration"]

# taints are those that a stage writes out; undefined where it leaves kubeadm's.
taints(stage) := {[field.text(field.get(t, [name])) | some name in ["key", "value", "effect"]] | some t in list} if {
	list := field.at(path(stage))
	is_array(list)
}

own := {["node-role.kubernetes.io/control-plane", "", "NoSchedule"]}

effective(stage) := taints(stage) if {
	taints(stage)
} else := own

roles := {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

guarded(stage) if {
	some [key, _, effect] in taints(stage)
	key in roles
	effect in {"NoSchedule", "NoExecute"}
}

# guessed reports whether a placeholder may be the taint that is looked for.
guessed(stage) if {
	some taint in taints(stage)
	some part in taint
	value.unknown(part)
}

open(stage) if {
	count(taints(stage)) > 0
	not guarded(stage)
}

confidence(stage) := "unknown" if {
	guessed(stage)
} else := "certain"

findings contains {
	"path": path(stage),
	"message": "the taints written out do not keep workloads off control plane nodes",
	"confidence": confidence(stage),
	"evidence": field.at(path(stage)),
} if {
	some stage in stages
	open(stage)
}

findings contains {
	"path": path(stage),
	"message": "control plane nodes get other taints when they join than the first one does",
	"severity": "medium",
	"confidence": confidence(stage),
	"evidence": field.at(path(stage)),
} if {
	effective(stages[0]) != effective(stages[1])
	every stage in stages {
		count(effective(stage)) > 0
		not open(stage)
	}

	# Said where a list is written out: for those that join, if there.
	stage := [s | some s in ["joinConfiguration", "initConfiguration"]; taints(s)][0]
}
