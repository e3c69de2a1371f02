# METADATA
# scope: package
# title: Making a cluster
# description: |
#   A new cluster, its control plane and its infrastructure: machines, network
#   and cost, and a new place to attack.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-003
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/Cluster
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.creation

import data.countersign.lib.change

reasons contains {"message": effect} if input.change.action == "create"

effect := sprintf("creates the cluster %s", [change.place]) if {
	input.change.kind == "Cluster"
} else := sprintf("creates the control plane %s", [change.named]) if {
	regex.match(`ControlPlane$`, input.change.kind)
} else := sprintf("creates the infrastructure %s", [change.named]) if {
	regex.match(`Cluster$`, input.change.kind)
}
