# METADATA
# scope: package
# title: References lead somewhere
# description: |
#   A cluster whose infrastructure, control plane, machine template or
#   bootstrap config is not in the repository is judged in part only, and does
#   not come up. Objects are found by group, kind, namespace and name, whatever
#   version a reference names. Classes, identities and templates of metadata
#   may be another team's; Secrets are not expected in Git.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-GEN-002
#   kind: finding
#   scope: object
#   severity: high
#   guideline: hygiene
#   kinds:
#     - cluster.x-k8s.io/*
#     - "*.cluster.x-k8s.io/*"
#   providers: [all]
#   remediation: correct the name, or add the object
#   since: 0.1.0
#   waivable: true
package countersign.rules.gen.dangling_reference

import data.countersign.lib.field

# accused are the roles whose target belongs with the object that names it.
accused := {"infrastructure", "control-plane", "machine-template", "bootstrap", "remediation"}

# elsewhere are those whose target may live in another repository.
elsewhere := {"class", "identity"}

# owned reports whether a controller made the object from a topology: then the
# objects beside it are made, too.
owned if "topology.cluster.x-k8s.io/owned" in object.keys(field.map(field.at(["metadata", "labels"])))

findings contains {
	"path": link.path,
	"message": sprintf("the reference leads to no %s %s", [field.word(link.kind), field.word(link.name)]),
	"confidence": confidence(link),
	"evidence": sprintf("%s/%s/%s", [link.kind, link.namespace, link.name]),
} if {
	some link in input.links
	link.found == "missing"
	link.role in (accused | elsewhere)
	link.kind != "Secret"
	count(link.path) > 0
	not owned
	not built_in(link)
}

# built_in reports whether the provider makes the target by itself.
built_in(link) if {
	link.kind == "AWSClusterControllerIdentity"
	link.name == "default"
}

confidence(link) := "unknown" if {
	link.role in elsewhere
} else := "unknown" if {
	endswith(link.kind, "DataTemplate")
} else := "unknown" if {
	# Some tools take a placeholder with blanks in it.
	contains(concat("", [link.kind, link.name]), "${")
} else := "certain"
