# METADATA
# scope: package
# title: What deployers apply, and from where
# description: |
#   The objects of Flux, Argo CD and their kin decide what is applied, from
#   which source, as whom, and what is deleted when it goes from Git. Whoever
#   changes them can bring in what no review has seen, and what lives in the
#   controllers' own namespaces decides as much.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-020
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.gitops

import data.countersign.lib.change
import data.countersign.lib.field

control if {
	some group in {
		"fluxcd.io", "controlplane.io", "argoproj.io", "projectsveltos.io", "carvel.dev", "k14s.io", "fleet.cattle.io",
		"turtles-capi.cattle.io", "open-cluster-management.io",
	}
	endswith(concat("", [".", input.change.group]), concat("", [".", group]))
}

reasons contains {"message": sprintf("%s %s%s", [change.doing, change.named, details])} if control

reasons contains {"message": sprintf("%s %s, in the namespace of the deployers", [change.doing, change.named])} if {
	input.namespace_role == "gitops"
	not control
}

# What a deployer puts into what it applies.
reasons contains {"message": sprintf("%s %s, whose values go into what %s applies", [
	change.doing, change.named, change.listed(takers),
])} if {
	count(takers) > 0
}

takers := {sprintf("%s %s", [field.word(user.kind), change.placed(user)]) |
	some user in input.referenced_by
	user.role == "values"
}

# Words for what matters most.
words := {
	"prune": "what goes from Git is deleted or left", "suspend": "whether it applies anything",
	"path": "which folder it applies", "sourceRef": "from which source it applies", "url": "from where it reads",
	"ref": "which revision it reads", "verify": "whose signature it asks for", "force": "whether it deletes to replace",
	"targetNamespace": "where it applies", "serviceAccountName": "as whom it applies", "kubeConfig": "to which cluster",
	"postBuild": "which values it puts in", "patches": "what it alters before it applies",
	"chart": "which chart it installs",
	"values": "with which values", "source": "from where it reads", "sources": "from where it reads",
	"destination": "to which cluster it applies", "syncPolicy": "whether and how it applies by itself",
	"ignoreDifferences": "what it leaves alone", "deletionPolicy": "what goes with it", "project": "within which bounds",
	"destinations": "which clusters are within bounds", "sourceRepos": "which sources are within bounds",
	"interval": "how often it looks", "template": "what it makes", "generators": "for what it makes them",
}

touched contains field.text(e.path[1]) if {
	change.stays
	some e in change.edits
	e.path[0] == "spec"
	count(e.path) > 1
}

spoken := {sprintf("%s (%s)", [name, words[name]]) | some name in touched; words[name]} | {field.word(name) |
	some name in touched
	not words[name]
}

details := sprintf(": %s", [change.listed(spoken)]) if {
	count(spoken) > 0
} else := sprintf(" from %s", [change.show(url)]) if {
	input.change.action == "create"
	url := field.get(change.after, ["spec", "url"])
	url != null
} else := sprintf(" of %s", [change.show(path)]) if {
	input.change.action == "create"
	path := field.get(change.after, ["spec", "path"])
	path != null
} else := ""
