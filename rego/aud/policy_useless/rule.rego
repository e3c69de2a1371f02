# METADATA
# scope: package
# title: The audit policy records what matters
# description: |
#   The first rule of a policy that matches an event decides, and what no rule
#   matches is not recorded. For an ordinary authenticated user, reading
#   secrets, entering pods, changing RBAC and changing anything else must end
#   at Metadata or more, with a stage left in which it is written.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-AUD-004
#   kind: finding
#   scope: object
#   severity: high
#   guideline: comprehensive-auditing/cluster-level-auditing
#   kinds:
#     - controlplane.cluster.x-k8s.io/*
#     - bootstrap.cluster.x-k8s.io/*
#     - core/Secret
#     - core/ConfigMap
#   providers: [kubeadm, k3s, rke2]
#   remediation: >-
#     end the policy with a Metadata rule for everything; record secrets and configmaps at Metadata,
#     RBAC and pods/exec at RequestResponse
#   since: 0.1.0
#   waivable: true
package countersign.rules.aud.policy_useless

import data.countersign.lib.apiserver
import data.countersign.lib.audit
import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.value
import data.countersign.lib.volumes

policies contains [n.path, doc] if {
	some n in input.resource.nested
	some doc in field.list(n.documents)
	field.get(doc, ["kind"]) == "Policy"
	startswith(field.text(field.get(doc, ["apiVersion"])), "audit.k8s.io/")
}

paths contains path if some [path, _] in policies

findings contains {
	"path": path,
	"message": sprintf("the audit policy records nothing of %s", [concat(", ", sort(lost))]),
	"measure": lost,
} if {
	some path in paths
	lost := union({audit.lost(policy) | some [place, policy] in policies; place == path})
	count(lost) > 0
}

findings contains {
	"path": path,
	"message": "a placeholder decides what the audit policy records",
	"confidence": "unknown",
} if {
	some [path, policy] in policies
	audit.undecided(policy)
}

# Where the text of the policy that is in force cannot be read, nobody knows.
findings contains {
	"path": array.concat(entry[0], [source]),
	"message": "the audit policy is written from text that cannot be judged here",
	"confidence": "unknown",
} if {
	some entry in bootstrap.files
	path := field.text(field.get(entry[1], ["path"]))
	path != ""
	path in volumes.on_host(apiserver.arg("audit-policy-file"))
	some source in ["contentFrom", "content"]
	value.set(field.get(entry[1], [source]))
	not array.concat(entry[0], [source]) in paths
}
