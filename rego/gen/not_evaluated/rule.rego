# METADATA
# scope: package
# title: Everything can be judged
# description: |
#   What a runtime extension makes of a class, what an unreadable object says,
#   and what a kind of control plane means that no rule knows cannot be judged
#   from manifests. Values that only a placeholder knows are said under this id
#   as well, once for each object, by the rules that met them.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-GEN-003
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: hygiene
#   providers: [all]
#   remediation: supply the values, or attest that the control is in place
#   since: 0.1.0
#   waivable: true
package countersign.rules.gen.not_evaluated

import data.countersign.lib.field
import data.countersign.lib.value

extensions := ["generateExtension", "generatePatchesExtension"]

findings contains {
	"path": path,
	"message": "not evaluated: a runtime extension writes patches of this class",
	"evidence": field.at(path),
} if {
	input.resource.kind == "ClusterClass"
	some i, _ in field.list(field.at(["spec", "patches"]))
	some name in extensions
	path := ["spec", "patches", i, "external", name]
	value.set(field.at(path))
}

# A Secret that is encrypted is as it should be.
findings contains {
	"path": ["metadata", "name"],
	"message": "not evaluated: the object cannot be read",
} if {
	input.resource.opaque != ""
	input.resource.kind != "Secret"
}

# known are the beginnings of the kinds of control planes that rules know.
known := {
	"AWSManaged", "AzureASOManaged", "AzureManaged", "GCPManaged", "K0smotron", "K0s", "Kamaji", "Kubeadm",
	"KThrees", "MicroK8s", "OCIManaged", "RKE2", "ROSA", "Talos", "Nested", "VCluster",
}

findings contains {
	"path": ["metadata", "name"],
	"message": "not evaluated: no rule knows this kind of control plane",
} if {
	input.resource.group == "controlplane.cluster.x-k8s.io"
	input.resource.opaque == ""
	every start in known {
		not startswith(input.resource.kind, start)
	}
}
