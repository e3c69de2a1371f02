# METADATA
# scope: package
# title: More machines
# description: |
#   More replicas, higher bounds for an autoscaler, a new pool: more machines,
#   which cost, and run what their templates say.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-026
#   kind: privilege
#   scope: change
#   severity: medium
#   guideline: second-pair-of-eyes
#   kinds: [cluster.x-k8s.io/*, infrastructure.cluster.x-k8s.io/*, controlplane.cluster.x-k8s.io/*]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.scale_up

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.pools

reasons contains {
	"message": sprintf("%s %s of %s", [step.words, change.turns(step.before, step.after), change.named]),
} if {
	some step in pools.steps
	grows(step)
	not control_plane
}

control_plane if input.change.group == "controlplane.cluster.x-k8s.io"

grows(step) if pools.more(step)

# Where nothing is written, the API, an autoscaler or a class decides.
grows(step) if null in {step.before, step.after}

planes := [["spec", "topology", "controlPlane", "replicas"]] if {
	input.change.kind == "Cluster"
} else := [["spec", "replicas"]] if {
	control_plane
} else := []

reasons contains {
	"path": path,
	"message": sprintf("control plane %s machines of %s", [
		change.turns(change.was(path), change.now(path)), change.named,
	]),
} if {
	change.stays
	some path in planes
	b := object.get({true: 1}, change.was(path) == null, change.was(path))
	pools.number(change.now(path)) > pools.number(b)
}

reasons contains {"message": sprintf("adds %s machines: %s", [how_many, change.named])} if {
	input.change.action == "create"
	input.change.group == "cluster.x-k8s.io"
	input.change.kind in {"MachineDeployment", "MachinePool", "MachineSet", "Machine"}
}

how_many := "1" if {
	input.change.kind == "Machine"
} else := change.show(replicas) if {
	replicas := field.get(change.after, ["spec", "replicas"])
	replicas != null
} else := "as many as an autoscaler or the API decides:"
