# METADATA
# title: Everyday objects
# description: |
#   What every harmless change has in common: a well-known object in a
#   namespace of its own, which nobody of the fleet refers to, which no
#   controller takes orders from, and all of which is known. Every condition
#   asks for what is known to be harmless; what is not known is not harmless.
package countersign.lib.everyday

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.keys
import data.countersign.lib.value

# apart reports whether the change is one of an object that stands for itself.
apart if {
	input.change.action in {"create", "update", "delete"}
	input.change.opaque == ""
	input.namespace_role == ""
	count(input.clusters) == 0
	count(input.referenced_by) == 0
	count(change.sides) > 0
	every side in change.sides {
		placed(side)
	}
	every key in differing_keys {
		keys.quiet(key)
	}
	not secrets_differ
}

# placed reports whether the metadata is plain and the namespace known. A
# namespace that is not written is the deployer's to choose.
placed(object) if {
	metadata := object.metadata
	is_object(metadata)
	every key, _ in metadata {
		key in {"name", "namespace", "labels", "annotations"}
	}
	value.known(metadata.namespace)
	value.known(metadata.name)
	every key in ["labels", "annotations"] {
		mapping(field.get(metadata, [key]))
	}
	every _, text in change.labels(object) {
		not lower(field.text(text)) in controllers
	}
}

mapping(x) if is_object(x)

mapping(x) if is_null(x)

# controllers are those whose parts go by their name in the well-known labels.
controllers := {
	"argocd", "argo-cd", "flux", "flux2", "flux-operator", "cluster-api", "cluster-api-operator", "cert-manager",
	"crossplane", "kyverno", "gatekeeper", "external-secrets", "sealed-secrets", "cluster-autoscaler", "rancher",
	"metal3", "projectsveltos", "falco", "fluent-bit", "azure-service-operator",
}

# differing_keys are the labels and annotations that are not the same on both
# sides; of a create or a delete these are all.
differing_keys contains key if {
	some pair in [
		[change.labels(change.before), change.labels(change.after)],
		[change.annotations(change.before), change.annotations(change.after)],
	]
	some key in (object.keys(pair[0]) | object.keys(pair[1]))
	object.get(pair[0], key, null) != object.get(pair[1], key, null)
}

# secrets_differ reports whether a masked value comes, goes or turns.
secrets_differ if {
	change.stays
	some f in input.change.fields
	change.secret([f.path, f.before, f.after])
}

secrets_differ if {
	not change.stays
	change.secret(change.sides)
}

# holds reports whether an object has no other fields at its top.
holds(object, names) if {
	every key, _ in object {
		key in ({"apiVersion", "kind", "metadata"} | names)
	}
}

# within reports whether x is a mapping that has no other keys than those.
within(x, names) if {
	is_object(x)
	every key, _ in x {
		key in names
	}
}

# claim reports whether the spec of a volume claim asks for a volume of its own.
claim(spec) if within(spec, {"accessModes", "resources", "storageClassName", "volumeMode"})

# quiet reports whether the metadata of a template, if there is any, commands
# no controller.
quiet(metadata) if is_null(metadata)

quiet(metadata) if {
	within(metadata, {"name", "labels", "annotations", "creationTimestamp"})
	every place in ["labels", "annotations"] {
		every key, _ in field.map(field.get(metadata, [place])) {
			keys.quiet(key)
		}
	}
}
