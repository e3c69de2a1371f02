# METADATA
# scope: package
# title: The API server is not open to the Internet
# description: |
#   Most providers put the API server behind a public address unless told
#   otherwise. It should be internal, or reachable from listed networks only.
#   An absent field is the provider's default, which is public. Outside
#   production the severity is medium.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-ISO-007
#   kind: finding
#   scope: object
#   severity: high
#   guideline: cluster-isolation-and-segregation/network-boundaries
#   kinds:
#     - infrastructure.cluster.x-k8s.io/AWSCluster
#     - infrastructure.cluster.x-k8s.io/AWSClusterTemplate
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlane
#     - controlplane.cluster.x-k8s.io/AWSManagedControlPlaneTemplate
#     - infrastructure.cluster.x-k8s.io/AzureCluster
#     - infrastructure.cluster.x-k8s.io/AzureClusterTemplate
#     - infrastructure.cluster.x-k8s.io/AzureManagedControlPlane
#     - infrastructure.cluster.x-k8s.io/AzureManagedControlPlaneTemplate
#     - infrastructure.cluster.x-k8s.io/AzureASOManagedControlPlane
#     - infrastructure.cluster.x-k8s.io/AzureASOManagedControlPlaneTemplate
#     - containerservice.azure.com/ManagedCluster
#     - infrastructure.cluster.x-k8s.io/GCPCluster
#     - infrastructure.cluster.x-k8s.io/GCPClusterTemplate
#     - infrastructure.cluster.x-k8s.io/GCPManagedControlPlane
#     - infrastructure.cluster.x-k8s.io/GCPManagedControlPlaneTemplate
#     - infrastructure.cluster.x-k8s.io/OpenStackCluster
#     - infrastructure.cluster.x-k8s.io/OpenStackClusterTemplate
#     - infrastructure.cluster.x-k8s.io/OCICluster
#     - infrastructure.cluster.x-k8s.io/OCIClusterTemplate
#     - infrastructure.cluster.x-k8s.io/OCIManagedCluster
#     - infrastructure.cluster.x-k8s.io/OCIManagedClusterTemplate
#     - infrastructure.cluster.x-k8s.io/OCIManagedControlPlane
#     - infrastructure.cluster.x-k8s.io/OCIManagedControlPlaneTemplate
#   providers: [aws, azure, gcp, openstack, oci]
#   remediation: make the endpoint internal, or list the networks that may reach it
#   since: 0.1.0
#   waivable: true
package countersign.rules.iso.public_endpoint

import data.countersign.lib.endpoint
import data.countersign.lib.field
import data.countersign.lib.value

findings contains {
	"path": path,
	"absent": field.absent(path),
	"message": "the API server is open to the Internet",
	"severity": severity,
	"confidence": value.confidence(field.at(path)),
	"evidence": field.at(path),
} if {
	some path in endpoint.open
	not elsewhere
}

# elsewhere reports whether someone else than the provider makes the endpoint.
elsewhere if {
	count(input.clusters) > 0
	every cluster in input.clusters {
		cluster.externally_managed
	}
}

elsewhere if value.set(field.at(["metadata", "annotations", "cluster.x-k8s.io/managed-by"]))

severity := "medium" if {
	count(input.clusters) > 0
	every cluster in input.clusters {
		not cluster.environment in {"", "production"}
	}
} else := "high"
