# METADATA
# scope: package
# title: Labels and annotations for people
# description: |
#   Only labels or annotations differ, and each of their keys is for people: it
#   belongs to no controller's domain. Where selectors pick objects by any label
#   (clusters for addons, namespaces for admission and identities, roles for
#   aggregation, hosts for machines), labels are never harmless.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-HRM-005
#   kind: harmless
#   scope: change
#   guideline: second-pair-of-eyes
#   providers: [all]
#   since: 0.1.0
package countersign.rules.hrm.label

import data.countersign.lib.everyday
import data.countersign.lib.field
import data.countersign.lib.keys

reasons contains {"message": "only labels or annotations for people differ"} if {
	input.change.action == "update"
	input.change.opaque == ""
	input.change.renamed_from == null
	count(input.change.fields) > 0
	every f in input.change.fields {
		harmless(f)
	}
	not everyday.secrets_differ
}

harmless(f) if {
	array.slice(f.path, 0, 2) == ["metadata", place(f)]
	count(f.path) == 3
	keys.quiet(f.path[2])
	every x in [f.before, f.after] {
		type_name(x) in {"string", "null"}
	}
}

# All labels or annotations come or go at once.
harmless(f) if {
	f.path == ["metadata", place(f)]
	every x in [f.before, f.after] {
		type_name(x) in {"object", "null"}
		every key, text in field.map(x) {
			keys.quiet(key)
			is_string(text)
		}
	}
}

place(f) := "annotations" if f.path[1] == "annotations"

place(f) := "labels" if {
	f.path[1] == "labels"
	not selected
}

# selected reports whether any label of the object may be what a selector asks for.
selected if {
	input.change.kind in {
		"Cluster", "ClusterClass", "Namespace", "Node", "Secret", "ConfigMap", "ClusterRole", "Pod",
	}
}

selected if regex.match(`Host|Machine|Cluster|Identity|Provider|Pool`, input.change.kind)

selected if {
	some group in {
		"metal3.io", "projectsveltos.io", "open-cluster-management.io", "crossplane.io", "upbound.io", "cattle.io",
	}
	endswith(input.change.group, group)
}
