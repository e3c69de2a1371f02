# METADATA
# scope: package
# title: Another Kubernetes version
# description: |
#   An upgrade replaces every machine that it concerns. Also a version of which
#   nobody can say here whether it goes up: one that a placeholder decides, or
#   that comes or goes.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-005
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds:
#     - cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#     - infrastructure.cluster.x-k8s.io/*
#     - containerservice.azure.com/*
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.version_upgrade

import data.countersign.lib.change
import data.countersign.lib.version

severities := {"minor": "high", "skip": "high", "unclear": "high", "patch": "medium"}

reasons contains {
	"path": step.path,
	"message": sprintf("Kubernetes %s of %s", [change.turns(step.before, step.after), change.named]),
	"severity": severities[step.way],
} if {
	some step in version.steps
}
