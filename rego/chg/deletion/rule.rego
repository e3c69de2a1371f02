# METADATA
# scope: package
# title: Deleting a cluster, or what holds one
# description: |
#   A Cluster takes its machines and cloud resources with it; so do its control
#   plane and its infrastructure, a Namespace that holds it, and the object by
#   which a deployer applied it, when that prunes. Where a deployer leaves the
#   object alone, it lives on without anybody who looks after it.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-001
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/Cluster
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#     - containerservice.azure.com/*
#     - metal3.io/BareMetalHost
#     - core/Namespace
#     - kustomize.toolkit.fluxcd.io/Kustomization
#     - argoproj.io/Application
#     - argoproj.io/ApplicationSet
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.deletion

import data.countersign.lib.change
import data.countersign.lib.field

reasons contains {"message": effect, "severity": "critical"} if {
	input.change.action == "delete"
	not kept
}

reasons contains {
	"message": sprintf("%s goes from Git and lives on: nobody looks after it", [change.named]),
	"severity": "high",
} if {
	input.change.action == "delete"
	kept
	is_string(effect)
}

kept if change.kept(change.before)

kept if {
	input.change.kind == "Kustomization"
	not prunes
}

kept if {
	input.change.kind in {"Application", "ApplicationSet"}
	not cascades
}

prunes if {
	not field.get(change.before, ["spec", "prune"]) in {false, null}
	not field.text(field.get(change.before, ["spec", "deletionPolicy"])) in {"Orphan"}
}

prunes if field.text(field.get(change.before, ["spec", "deletionPolicy"])) in {"Delete", "WaitForTermination"}

cascades if input.change.kind == "ApplicationSet"

cascades if {
	some finalizer in field.list(field.get(change.before, ["metadata", "finalizers"]))
	startswith(field.text(finalizer), "resources-finalizer.argocd.argoproj.io")
}

effect := sprintf("deletes the cluster %s and every machine of it", [change.place]) if {
	input.change.kind == "Cluster"
} else := sprintf("deletes the namespace %s and everything in it", [change.place]) if {
	input.change.kind == "Namespace"
} else := sprintf("deletes the host %s: its machine is shut down and wiped", [change.place]) if {
	input.change.kind == "BareMetalHost"
} else := sprintf("deletes %s and all that it applied", [change.named]) if {
	input.change.kind in {"Kustomization", "Application", "ApplicationSet"}
} else := sprintf("deletes the control plane %s%s", [change.named, whose]) if {
	regex.match(`ControlPlane$`, input.change.kind)
} else := sprintf("deletes the infrastructure %s%s: network, load balancers, machines", [change.named, whose]) if {
	regex.match(`(Cluster|HostedCluster)$`, input.change.kind)
}

whose := sprintf(" of %s", [change.listed(change.names)]) if count(change.names) > 0

whose := "" if count(change.names) == 0
