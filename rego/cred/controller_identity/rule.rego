# METADATA
# scope: package
# title: A cluster has cloud credentials of its own
# description: |
#   Without a reference to an identity a provider uses the credentials of its
#   controller, which reach every cluster. The AWS provider fills in its
#   controller's identity where none is named.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CRED-001
#   kind: finding
#   scope: object
#   severity: high
#   guideline: use-least-privileges
#   kinds:
#     - infrastructure.cluster.x-k8s.io/AWSCluster
#     - infrastructure.cluster.x-k8s.io/AWSClusterTemplate
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlane
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlaneTemplate
#     - infrastructure.cluster.x-k8s.io/GCPCluster
#     - infrastructure.cluster.x-k8s.io/GCPClusterTemplate
#     - infrastructure.cluster.x-k8s.io/GCPManagedCluster
#     - infrastructure.cluster.x-k8s.io/GCPManagedClusterTemplate
#     - infrastructure.cluster.x-k8s.io/AzureCluster
#     - infrastructure.cluster.x-k8s.io/AzureClusterTemplate
#     - infrastructure.cluster.x-k8s.io/AzureManagedControlPlane
#     - infrastructure.cluster.x-k8s.io/AzureManagedControlPlaneTemplate
#     - infrastructure.cluster.x-k8s.io/VSphereCluster
#     - infrastructure.cluster.x-k8s.io/VSphereClusterTemplate
#   providers: [aws, gcp, azure, vsphere]
#   remediation: create an identity with only the rights that this cluster needs, and refer to it
#   since: 0.1.0
#   waivable: true
package countersign.rules.cred.controller_identity

import data.countersign.lib.field
import data.countersign.lib.value

# names says which field refers to an identity; a template holds the same.
names := {
	"AWSCluster": "identityRef",
	"AWSManagedControlPlane": "identityRef",
	"AzureCluster": "identityRef",
	"AzureManagedControlPlane": "identityRef",
	"GCPCluster": "credentialsRef",
	"GCPManagedCluster": "credentialsRef",
	"VSphereCluster": "identityRef",
}

kind := trim_suffix(input.resource.kind, "Template")

path := array.concat(field.prefix, [names[kind]])

identity := field.at(path)

findings contains {
	"path": path,
	"absent": field.absent(path),
	"message": "the cluster uses the cloud credentials of the provider's controller",
} if {
	value.empty(identity)
	not written
}

# A patch of the class that always or by a variable fills the field in means
# that the template needs none.
written if {
	some write in input.class_writes
	write.op in {"add", "replace"}
	array.slice(write.path, 0, count(path)) == path
}

findings contains {
	"path": path,
	"message": "the cluster uses the identity of the provider's controller",
	"evidence": identity,
} if {
	field.get(identity, ["kind"]) == "AWSClusterControllerIdentity"
}

findings contains {
	"path": path,
	"message": "a placeholder decides whose cloud credentials the cluster uses",
	"confidence": "unknown",
} if {
	value.unknown(field.get(identity, ["kind"]))
}
