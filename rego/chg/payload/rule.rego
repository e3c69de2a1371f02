# METADATA
# scope: package
# title: What workload clusters are sent
# description: |
#   Addons that Cluster API and its kin install into clusters, what these
#   consist of, and the labels of a cluster, which decide what is installed in
#   it. What was applied once is often not applied again: a changed payload may
#   reach new clusters only.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-025
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.payload

import data.countersign.lib.change
import data.countersign.lib.field

reasons contains {"message": sprintf("%s %s%s", [change.doing, change.named, whom])} if {
	input.change.group == "addons.cluster.x-k8s.io"
}

whom := sprintf(", installed in %s", [change.listed(change.names)]) if count(change.names) > 0

whom := "" if count(change.names) == 0

reasons contains {
	"message": sprintf("%s %s, which is sent by %s%s", [change.doing, change.named, senders, again]),
} if {
	some user in input.referenced_by
	user.role == "payload"
}

senders := change.listed({sprintf("%s %s", [field.word(user.kind), change.placed(user)]) |
	some user in input.referenced_by
	user.role == "payload"
})

again := ": where it is applied once, clusters that have it keep the old one" if {
	change.stays
	some user in input.referenced_by
	user.kind == "ClusterResourceSet"
} else := ""

# Labels decide which selectors pick the cluster.
reasons contains {
	"path": ["metadata", "labels"],
	"message": sprintf("labels of the cluster %s decide what is installed in it: %s", [
		change.place, change.listed(turned),
	]),
} if {
	input.change.group == "cluster.x-k8s.io"
	input.change.kind == "Cluster"
	change.stays
	count(turned) > 0
}

turned := {sprintf("%s %s", [field.word(key), change.turns(b, a)]) |
	some key in (object.keys(change.labels(change.before)) | object.keys(change.labels(change.after)))
	b := object.get(change.labels(change.before), [key], null)
	a := object.get(change.labels(change.after), [key], null)
	b != a
}
