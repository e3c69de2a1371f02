# METADATA
# scope: package
# title: An audit policy has a sink
# description: |
#   With a policy but neither a log file nor a webhook the API server drops
#   every event that the policy asks for. RKE2 always adds a log file itself.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-AUD-002
#   kind: finding
#   scope: object
#   severity: high
#   guideline: comprehensive-auditing/cluster-level-auditing
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#     - controlplane.cluster.x-k8s.io/KThreesControlPlane
#     - controlplane.cluster.x-k8s.io/KThreesControlPlaneTemplate
#     - controlplane.cluster.x-k8s.io/RKE2ControlPlane
#     - controlplane.cluster.x-k8s.io/RKE2ControlPlaneTemplate
#   providers: [kubeadm, k3s, rke2]
#   remediation: set audit-log-path ("-" is standard output) or audit-webhook-config-file
#   since: 0.1.0
#   waivable: true
package countersign.rules.aud.policy_without_sink

import data.countersign.lib.apiserver
import data.countersign.lib.value

findings contains {
	"path": apiserver.path,
	"message": "the API server has an audit policy but no place to write events to",
	"evidence": apiserver.arg("audit-policy-file"),
} if {
	value.set(apiserver.arg("audit-policy-file"))
	value.empty(apiserver.arg("audit-webhook-config-file"))
	no_log
}

no_log if {
	apiserver.distribution in {"kubeadm", "k3s"}
	value.empty(apiserver.arg("audit-log-path"))
}

# Written out as empty, the log is off even where the distribution adds one.
no_log if {
	apiserver.distribution == "rke2"
	"audit-log-path" in object.keys(apiserver.args)
	value.empty(apiserver.arg("audit-log-path"))
}
