# METADATA
# scope: package
# title: What cannot be edited in place
# description: |
#   The API refuses these edits, so that the deployer is stuck and nothing after
#   them is applied, or, where it may force, deletes the object to make it anew.
#   Templates that may be edited drift from the machines they made. With another
#   API version part of an edit may be its conversion.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-009
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - bootstrap.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#     - addons.cluster.x-k8s.io/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.immutable_edit

import data.countersign.lib.change

infra := "infrastructure.cluster.x-k8s.io"

frozen := ["spec", "template", "spec"] if {
	input.change.group == infra
	regex.match(`(Machine|Cluster|FailureDomain)Template$|FailureDomain$`, input.change.kind)
	not drifting
} else := ["spec", "template", "spec"] if {
	input.change.kind in {"KubeadmControlPlaneTemplate", "RKE2ControlPlaneTemplate", "TalosConfigTemplate"}
} else := ["spec"] if {
	input.change.kind == "TalosConfig"
}

drifting if input.change.kind in {"Metal3MachineTemplate", "Metal3DataTemplate"}

converts := "; the API version is another one, so that part of it may be the conversion" if {
	input.change.version_before != input.change.version_after
} else := ""

changed(path) if {
	change.stays
	change.was(path) != change.now(path)
}

reasons contains {
	"path": frozen,
	"message": sprintf("edits %s in place, which the API refuses%s", [change.named, converts]),
} if {
	changed(frozen)
}

reasons contains {
	"path": ["spec"],
	"message": sprintf("edits %s in place: machines that it made stay as they were, new ones differ", [change.named]),
} if {
	drifting
	changed(["spec"])
}

fields := {
	"Cluster": [],
	"ClusterResourceSet": [["spec", "strategy"], ["spec", "clusterSelector"]],
	"KubeadmControlPlane": [array.concat(["spec", "kubeadmConfigSpec", "clusterConfiguration"], [name]) |
		some name in [
			"clusterName", "certificatesDir", "controlPlaneEndpoint", "caCertificateValidityPeriodDays", "networking",
		]
	],
}

of_machines := [["spec", "clusterName"], ["spec", "selector"], ["spec", "template", "spec", "clusterName"]]

places := object.get(fields, input.change.kind, []) if not startswith(input.change.kind, "Machine")

places := of_machines if startswith(input.change.kind, "Machine")

reasons contains {
	"path": path,
	"message": sprintf("edits %s of %s in place (%s), which the API refuses%s", [
		change.dotted(path), change.named, change.turns(change.was(path), change.now(path)), converts,
	]),
} if {
	some path in places
	changed(path)
	change.was(path) != null
}

reasons contains {
	"path": ["spec", "topology"],
	"message": sprintf("takes the topology from the cluster %s, which the API refuses", [change.place]),
} if {
	input.change.kind == "Cluster"
	changed(["spec", "topology"])
	change.now(["spec", "topology"]) == null
}
