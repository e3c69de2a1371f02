# METADATA
# title: Labels and annotations
# description: |
#   Which keys of labels and annotations command a controller, and which are
#   for people. What belongs to a domain of a known controller commands it,
#   whatever stands behind the slash.
package countersign.lib.keys

# quiet reports whether a key is for people: well-formed, and not a
# controller's.
quiet(key) if key in known

quiet(key) if {
	regex.match(`^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?(/[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)?$`, key)
	not of_controller(key)
}

# known are the keys for people in the domains of controllers.
known := {
	"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version",
	"app.kubernetes.io/component", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
	"app.kubernetes.io/created-by", "helm.sh/chart", "kubernetes.io/description", "kubernetes.io/change-cause",
	"kubectl.kubernetes.io/restartedAt", "kubectl.kubernetes.io/default-container",
}

of_controller(key) if {
	domain := split(lower(key), "/")[0]
	some owner in owners
	dotted_end(domain, owner)
}

dotted_end(domain, owner) if domain == owner

dotted_end(domain, owner) if endswith(domain, concat("", [".", owner]))

owners := {
	"k8s.io", "x-k8s.io", "kubernetes.io", "k8s.aws", "amazonaws.com", "azure.com", "azure.workload.identity",
	"google.com", "googleapis.com", "gke.io", "oraclecloud.com", "vmware.com", "nutanix.com", "openstack.org",
	"k-orc.cloud", "metal3.io", "fluxcd.io", "weave.works", "toolkit.fluxcd.io", "argoproj.io", "helm.sh", "k14s.io",
	"carvel.dev", "crossplane.io", "upbound.io", "cattle.io", "rancher.io", "rancher.com", "k3s.io", "rke2.io",
	"k0sproject.io", "clastix.io", "talos.dev", "sidero.dev", "siderolabs.com", "projectsveltos.io",
	"open-cluster-management.io", "openshift.io", "operatorframework.io", "cert-manager.io", "external-secrets.io",
	"bitnami.com", "hashicorp.com", "mozilla.org", "emberstack.com", "mittwald.de", "stakater.com", "kyverno.io",
	"gatekeeper.sh", "kubewarden.io", "cilium.io", "projectcalico.org", "tigera.io", "istio.io", "linkerd.io",
	"traefik.io", "nginx.org", "haproxy.org", "konghq.com", "opentelemetry.io", "karpenter.sh", "keda.sh", "kubevirt.io",
	"velero.io", "longhorn.io", "janitor", "countersign.dev",
}

# steering says what the keys do that delete, orphan, skip or steer in Cluster
# API and in what applies it. An entry that ends in "/" or "-" stands for all that
# begin with it.
steering := {
	"cluster.x-k8s.io/delete-machine": "deletes the machine first when the pool shrinks",
	"cluster.x-k8s.io/remediate-machine": "replaces the machine",
	"cluster.x-k8s.io/skip-remediation": "leaves the machine broken when it fails",
	"cluster.x-k8s.io/disable-machine-create": "makes no new machines",
	"cluster.x-k8s.io/managed-by": "hands the infrastructure to somebody else",
	"cluster.x-k8s.io/replicas-managed-by": "lets somebody else decide how many machines there are",
	"cluster.x-k8s.io/watch-filter": "decides which controller acts on it",
	"cluster.x-k8s.io/cluster-name": "moves it to another cluster",
	"machine.cluster.x-k8s.io/": "decides how machines are drained and deleted",
	"machineset.cluster.x-k8s.io/": "skips checks before machines are made",
	"machinedeployment.cluster.x-k8s.io/": "decides how machines are replaced",
	"controlplane.cluster.x-k8s.io/": "decides how the control plane is made and kept",
	"pre-drain.delete.hook.machine.cluster.x-k8s.io/": "holds the draining of machines",
	"pre-terminate.delete.hook.machine.cluster.x-k8s.io/": "holds the deletion of machines",
	"before-upgrade.hook.cluster.cluster.x-k8s.io/": "holds the cluster's upgrade",
	"unsafe.topology.cluster.x-k8s.io/": "switches safety checks of the topology off",
	"topology.cluster.x-k8s.io/": "decides what the topology owns and when it upgrades",
	"clusterctl.cluster.x-k8s.io/": "decides what is moved or deleted with a management cluster",
	"infrastructure.cluster.x-k8s.io/": "commands the infrastructure provider",
	"aws.cluster.x-k8s.io/": "commands the AWS provider",
	"sigs.k8s.io/cluster-api-provider-aws-": "commands the AWS provider",
	"sigs.k8s.io/cluster-api-provider-azure-": "commands the Azure provider",
	"serviceoperator.azure.com/": "decides what Azure Service Operator does with it and as whom",
	"helm.sh/resource-policy": "decides whether Helm deletes it",
	"helm.sh/hook": "makes Helm run it",
	"meta.helm.sh/": "hands it to a Helm release",
	"kustomize.toolkit.fluxcd.io/": "decides what Flux applies and deletes",
	"helm.toolkit.fluxcd.io/": "decides what Flux applies and deletes",
	"argocd.argoproj.io/": "decides what Argo CD applies and deletes",
	"config.kubernetes.io/": "decides what kustomize applies",
	"crossplane.io/": "decides what Crossplane adopts and does",
	"services.k8s.aws/": "decides what the AWS controllers adopt and delete",
	"baremetalhost.metal3.io/": "commands the bare metal operator",
	"reboot.metal3.io": "restarts the host",
	"inspect.metal3.io": "decides whether the host is inspected",
}

# steers are the words for what a key does; none for a key that does nothing
# of that kind. The longest entry that fits speaks.
steers(key) := steering[longest] if {
	fitting := [entry | some entry, _ in steering; fits(key, entry)]
	most := max([count(entry) | some entry in fitting])
	some longest in fitting
	count(longest) == most
}

fits(key, entry) if key == entry

fits(key, entry) if {
	regex.match(`[-/]$`, entry)
	startswith(key, entry)
}

fits(key, "reboot.metal3.io") if startswith(key, "reboot.metal3.io/")
