# METADATA
# scope: package
# title: Audit logs are kept long enough on the node
# description: |
#   A log file that rotates away early takes the traces with it. Judged only
#   where events go to a file: standard output and webhooks are kept elsewhere.
#   RKE2 sets sufficient values itself unless told otherwise.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-AUD-005
#   kind: finding
#   scope: object
#   severity: low
#   guideline: comprehensive-auditing/cluster-level-auditing
#   kinds:
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlane
#     - controlplane.cluster.x-k8s.io/KubeadmControlPlaneTemplate
#     - controlplane.cluster.x-k8s.io/KThreesControlPlane
#     - controlplane.cluster.x-k8s.io/KThreesControlPlaneTemplate
#     - controlplane.cluster.x-k8s.io/RKE2ControlPlane
#     - controlplane.cluster.x-k8s.io/RKE2ControlPlaneTemplate
#   providers: [kubeadm, k3s, rke2]
#   remediation: set audit-log-maxage to 30, audit-log-maxbackup to 10 and audit-log-maxsize to 100 or more
#   params:
#     maxage: 30
#     maxbackup: 10
#     maxsize: 100
#   since: 0.1.0
#   waivable: true
package countersign.rules.aud.short_retention

import data.countersign.lib.apiserver
import data.countersign.lib.value

least := {
	"audit-log-maxage": input.params["CS-AUD-005"].maxage,
	"audit-log-maxbackup": input.params["CS-AUD-005"].maxbackup,
	"audit-log-maxsize": input.params["CS-AUD-005"].maxsize,
}

log := apiserver.arg("audit-log-path")

to_file if {
	value.set(log)
	log != "-"
}

# short are the arguments whose value is too small or no number.
short contains name if {
	some name, minimum in least
	given := apiserver.arg(name)
	value.known(given)
	not enough(given, minimum)
}

short contains name if {
	some name in object.keys(least)
	value.empty(apiserver.arg(name))
	apiserver.distribution != "rke2"
}

enough(given, minimum) if {
	regex.match(`^[0-9]{1,9}$`, given)
	to_number(given) >= minimum
}

guessed contains name if {
	some name in object.keys(least)
	value.unknown(apiserver.arg(name))
}

findings contains {
	"path": apiserver.path,
	"message": sprintf("audit logs are kept too briefly on the node: %s", [concat(", ", sort(short))]),
	"measure": short,
} if {
	to_file
	count(short) > 0
}

findings contains {
	"path": apiserver.path,
	"message": sprintf("how long audit logs are kept is left to a placeholder: %s", [concat(", ", sort(guessed))]),
	"confidence": "unknown",
} if {
	to_file
	count(short) == 0
	count(guessed) > 0
}
