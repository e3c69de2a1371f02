package countersign.rules.chg.audit_off_test

import data.countersign.rules.chg.audit_off as rule

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

test_rules_that_now_fail if {
	doc := object.union(subject({}), {"failing": ["CS-AUD-001", "CS-AUD-011", "CS-AUD-012", "CS-CP-001"]})
	said(doc) == {"auditing of Thing fleet/eu no longer holds to CS-AUD-001, CS-AUD-011"}
	said(object.union(subject({}), {"failing": ["CS-AUD-020", "CS-CP-001"]})) == set()
}

policy(rules) := {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}

nested(docs) := [
	{"path": ["spec", "files", 0, "content"], "encoding": "", "name": "a", "text": "", "documents": docs},
]

turned(b, a) := said(subject({"nested_before": nested(b), "nested_after": nested(a)}))

less(what) := {sprintf("the audit policy of Thing fleet/eu records less: %s", [what])}

secrets := {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]}

rest := {"level": "Request"}

test_less if {
	turned([policy([rest])], []) == less("a policy is gone")
	turned([policy([rest])], [policy([{"level": "Metadata"}])]) == less("a rule records less")
	turned([policy([rest])], [policy([{"level": "${LEVEL}"}])]) == less("a rule records less")
	turned([policy([secrets, rest])], [policy([rest])]) == less("a rule that records is gone")
	drops := object.union(secrets, {"level": "None"})
	turned([policy([rest])], [policy([drops, rest])]) == less("a new rule drops events")
	late := object.union(policy([rest]), {"omitStages": ["ResponseComplete"]})
	turned([policy([rest])], [late]) == less("stages are left out")
}

test_not_less if {
	turned([policy([rest])], [policy([rest])]) == set()
	turned([policy([rest])], [policy([{"level": "RequestResponse"}])]) == set()
	turned([policy([rest])], [policy([secrets, rest])]) == set()
	turned([], [policy([rest])]) == set()
	turned([], []) == set()
	early := object.union(policy([rest]), {"omitStages": ["RequestReceived"]})
	turned([policy([rest])], [early]) == set()
	other := object.union(policy([rest]), {"apiVersion": "example.org/v1"})
	turned([other], []) == set()
}

test_deletion_is_another_matter if {
	doc := subject({"action": "delete", "nested_before": nested([policy([rest])])})
	said(doc) == set()
}

test_a_policy_by_itself if {
	said(subject({"before": policy([rest]), "after": policy([])})) == less("a rule that records is gone")
}
