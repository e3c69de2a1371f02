# METADATA
# scope: package
# title: A control plane keeps its quorum
# description: |
#   Fewer control plane machines, none, or an even number of them where etcd
#   runs beside the API server: two bear no more failures than one. Control
#   planes that are hosted elsewhere or that keep their data elsewhere may be
#   even.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-006
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds: [cluster.x-k8s.io/Cluster, controlplane.cluster.x-k8s.io/*]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.control_plane_size

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.pools

path := ["spec", "topology", "controlPlane", "replicas"] if {
	input.change.kind == "Cluster"
} else := ["spec", "replicas"]

# A control plane that says nothing has one machine; what a topology does not
# say is its class's to say.
stacked := {
	"KubeadmControlPlane", "RKE2ControlPlane", "KThreesControlPlane", "TalosControlPlane",
	"K0sControlPlane",
}

size(object) := 1 if {
	input.change.kind in stacked
	field.get(object, path) == null
} else := field.get(object, path)

old := size(change.before)

new := size(change.after)

reasons contains {
	"path": path,
	"message": sprintf("control plane %s machines of %s%s", [change.turns(old, new), change.named, consequence]),
	"severity": "critical",
} if {
	change.stays
	old != new
	not grows
}

grows if pools.number(new) > pools.number(old)

known(x) if is_number(pools.number(x))

consequence := ": nothing runs the cluster any more" if {
	pools.number(new) == 0
} else := ": how many, nobody knows here" if {
	not known(new)
} else := ""

reasons contains {
	"path": path,
	"message": sprintf("%s control plane machines for %s: etcd bears no more failures than with one less", [
		change.show(new), change.named,
	]),
	"severity": "critical",
} if {
	input.change.action != "delete"
	input.change.kind in (stacked | {"Cluster"})
	changed
	pools.number(new) > 0
	pools.number(new) % 2 == 0
	not external
}

changed if input.change.action == "create"

changed if old != new

external if {
	some where in [
		["spec", "kubeadmConfigSpec", "clusterConfiguration", "etcd", "external"],
		["spec", "serverConfig", "externalDatastoreSecret"],
		["spec", "kthreesConfigSpec", "serverConfig", "externalDatastoreSecret"],
	]
	is_object(change.now(where))
}
