package countersign.lib.audit_test

import data.countersign.lib.audit

rules(list) := {"rules": list}

test_levels if {
	every level in ["Metadata", "Request", "RequestResponse", "${LEVEL}"] {
		audit.lost(rules([{"level": level}])) == set()
	}
	every level in ["None", "none", "", null, 1] {
		count(audit.lost(rules([{"level": level}]))) == 4
	}
}

test_verbs_and_groups if {
	audit.lost(rules([{"level": "Metadata", "verbs": ["get"]}])) == {"pods/exec", "RBAC", "other resources"}
	audit.lost(rules([{"level": "Metadata", "verbs": ["*"]}])) == set()
	audit.lost(rules([{"level": "Metadata", "resources": [{"group": "apps"}]}])) == {"secrets", "pods/exec", "RBAC"}
	audit.lost(rules([{"level": "Metadata", "userGroups": ["system:masters", "system:authenticated"]}])) == set()
	count(audit.lost(rules([{"level": "Metadata", "nonResourceURLs": ["*"]}]))) == 4
}

test_a_placeholder_decides if {
	audit.undecided(rules([{"level": "${LEVEL}"}]))
	not audit.undecided(rules([{"level": "Metadata"}]))
	not audit.undecided(rules([]))
}
