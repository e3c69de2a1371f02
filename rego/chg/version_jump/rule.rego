# METADATA
# scope: package
# title: Kubernetes goes neither back nor too far
# description: |
#   A downgrade, a skipped minor version of a control plane, or workers that the
#   control plane does not bear: newer than it, or older by more than three
#   minors (two, below 1.28). Cluster API refuses some of these and lets others
#   through.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-004
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#     - containerservice.azure.com/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.version_jump

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.version

reasons contains {
	"path": step.path,
	"message": sprintf("Kubernetes %s of %s: a downgrade", [change.turns(step.before, step.after), change.named]),
} if {
	some step in version.steps
	step.way == "down"
}

reasons contains {
	"path": step.path,
	"message": sprintf("Kubernetes %s of %s skips a minor version", [
		change.turns(step.before, step.after), change.named,
	]),
} if {
	some step in version.steps
	step.way == "skip"
	not worker
	not planned(step)
}

worker if regex.match(`^Machine(Deployment|Pool|Set)?$|MachinePool$|AgentPool$`, input.change.kind)

# A class that lists every minor in between upgrades through them, as does one
# whose extension plans the upgrade.
planned(step) if {
	step.path == ["spec", "topology", "version"]
	some class in classes
	value := field.get(class, ["spec", "upgrade", "external", "generateUpgradePlanExtension"])
	field.text(value) != ""
}

planned(step) if {
	step.path == ["spec", "topology", "version"]
	some class in classes
	listed := {version.parsed(v).minor | some v in field.list(field.get(class, ["spec", "kubernetesVersions"]))}
	b := version.parsed(step.before).minor
	a := version.parsed(step.after).minor
	a[1] - b[1] < 100
	every minor in numbers.range(b[1] + 1, a[1]) {
		[a[0], minor] in listed
	}
}

classes contains link.object if {
	some link in input.related
	link.role == "class"
	is_object(link.object)
}

# What the control plane runs, by the object that says so.
planes contains v if {
	some link in input.related
	link.role in {"control-plane", "cluster"}
	some path in [["spec", "version"], ["spec", "topology", "version"], ["spec", "controlPlaneVersion"]]
	v := field.get(link.object, path)
}

reasons contains {
	"path": path,
	"message": sprintf("%s at Kubernetes %s does not fit the control plane at %s", [
		change.named, change.show(own), change.show(plane),
	]),
} if {
	input.change.action != "delete"
	worker
	some path, own in version.places(change.after)
	some plane in planes
	misfit(version.parsed(own), version.parsed(plane))
}

misfit(own, plane) if version.order(plane, own) > 0

misfit(own, plane) if {
	own.minor[0] == plane.minor[0]
	plane.minor[1] - own.minor[1] > bearable(plane.minor)
}

bearable(minor) := 2 if minor < [1, 28]

bearable(minor) := 3 if minor >= [1, 28]
