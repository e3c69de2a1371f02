# METADATA
# scope: package
# title: Admission, runtime hooks and API services
# description: |
#   What decides which objects the API server takes, rewrites every object that
#   it takes, or answers in its place; runtime extensions rewrite and block
#   every cluster. Pod security labels of a namespace say what may run in it.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-018
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.admission

import data.countersign.lib.change
import data.countersign.lib.field

# What may rewrite or answer, and what only forbids.
rewrites if input.change.kind in {
	"MutatingWebhookConfiguration", "MutatingAdmissionPolicy", "APIService", "ExtensionConfig",
}

policy if input.change.group in {
	"admissionregistration.k8s.io", "apiregistration.k8s.io", "runtime.cluster.x-k8s.io",
}

policy if {
	regex.match(
		`(^|\.)(kyverno\.io|gatekeeper\.sh|kubewarden\.io|policy\.sigstore\.dev)$`,
		input.change.group,
	)
}

severity := "high" if {
	input.change.action == "create"
	not rewrites
} else := "critical"

reasons contains {
	"message": sprintf("%s %s: %s", [change.doing, change.named, effect]), "severity": severity,
} if policy

effect := "it may rewrite or answer for every object" if {
	rewrites
	input.change.action != "delete"
} else := "what it kept out or put right may now come in" if {
	input.change.action == "delete"
} else := sprintf("what is let in turns with %s", [change.listed(touched)]) if {
	count(touched) > 0
} else := "it decides what is let in"

touched := {change.dotted(array.slice(e.path, 0, 2)) | some e in change.tops(change.edits)}

# The levels of pod security, the strictest first.
levels := {"restricted": 0, "baseline": 1, "privileged": 2}

level(x) := object.get(levels, field.text(text), 2) if {
	text := object.get(change.labels(x), "pod-security.kubernetes.io/enforce", "privileged")
}

reasons contains {
	"path": ["metadata", "labels", "pod-security.kubernetes.io/enforce"],
	"message": sprintf("pods in the namespace %s may do more than before", [change.place]),
	"severity": "critical",
} if {
	input.change.kind == "Namespace"
	change.stays
	level(change.after) > level(change.before)
}
