package countersign.rules.chg.admission_test

import data.countersign.rules.chg.admission as rule

blank := {
	"action": "update", "group": "", "kind": "Thing", "namespace": "fleet", "name": "eu",
	"version_before": "v1", "version_after": "v1", "destination": "mgmt", "from": "", "generated": false,
	"opaque": "", "renamed_from": null, "before": null, "after": null, "fields": [],
	"masked_before": [], "masked_after": [], "nested_before": [], "nested_after": [],
}

around := {"clusters": [], "referenced_by": [], "namespace_role": "", "failing": [], "related": [], "params": {}}

subject(change) := object.union(around, {"change": object.union(blank, change)})

edit(path, b, a) := {"path": path, "before": b, "after": a, "before_absent": b == null, "after_absent": a == null}

hits(doc) := found if found := rule.reasons with input as doc

said(doc) := {hit.message | some hit in hits(doc)}

policy(group, kind, action) := subject({"group": group, "kind": kind, "action": action, "namespace": ""})

severities(doc) := {h.severity | some h in hits(doc)}

test_what_rewrites if {
	every kind in ["MutatingWebhookConfiguration", "MutatingAdmissionPolicy"] {
		every action in ["create", "update"] {
			doc := policy("admissionregistration.k8s.io", kind, action)
			severities(doc) == {"critical"}
			some words in said(doc)
			contains(words, "may rewrite or answer for every object")
		}
	}
	count(said(policy("apiregistration.k8s.io", "APIService", "create"))) == 1
	count(said(policy("runtime.cluster.x-k8s.io", "ExtensionConfig", "create"))) == 1
}

test_what_forbids if {
	every group in [
		"admissionregistration.k8s.io", "kyverno.io", "policies.kyverno.io", "constraints.gatekeeper.sh",
	] {
		severities(policy(group, "ValidatingAdmissionPolicy", "create")) == {"high"}
		severities(policy(group, "ValidatingAdmissionPolicy", "update")) == {"critical"}
		said(policy(group, "ClusterPolicy", "delete")) == {
			"deletes ClusterPolicy eu: what it kept out or put right may now come in",
		}
	}
	edited := {"fields": [edit(["spec", "rules", 0, "name"], "a", "b"), edit(["webhooks"], null, [])]}
	said(object.union(policy("kyverno.io", "ClusterPolicy", "update"), {"change": edited})) == {
		"changes ClusterPolicy eu: what is let in turns with spec.rules, webhooks",
	}
	said(policy("kyverno.io", "ClusterPolicy", "update")) == {"changes ClusterPolicy eu: it decides what is let in"}
}

enforce(x) := {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": x}}}

namespace(b, a) := said(subject({"kind": "Namespace", "namespace": "", "before": b, "after": a}))

test_pod_security if {
	every pair in [
		[
			enforce("restricted"), enforce("baseline"),
		],
		[enforce("restricted"), {}], [enforce("baseline"), enforce("privileged")],
		[enforce("baseline"), enforce("${LEVEL}")], [enforce("restricted"), {"metadata": {"labels": null}}],
	] {
		namespace(pair[0], pair[1]) == {"pods in the namespace eu may do more than before"}
		namespace(pair[1], pair[0]) == set()
	}
	namespace({}, enforce("privileged")) == set()
}

test_others if {
	every group in ["", "example.org", "notkyverno.io"] {
		said(policy(group, "ClusterPolicy", "delete")) == set()
	}
}
