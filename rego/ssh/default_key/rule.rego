# METADATA
# scope: package
# title: No default SSH key on AWS
# description: |
#   Where neither a machine nor its cluster says which key pair to use, the AWS
#   provider attaches the one named "default". Only an empty string says none.
#   Clusters whose infrastructure is managed elsewhere get no such default.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-SSH-007
#   kind: finding
#   scope: object
#   severity: high
#   guideline: limit-access/ssh-access
#   kinds:
#     - infrastructure.cluster.x-k8s.io/AWSMachine
#     - infrastructure.cluster.x-k8s.io/AWSMachineTemplate
#     - infrastructure.cluster.x-k8s.io/AWSMachinePool
#   providers: [aws]
#   remediation: 'set sshKeyName: "" on the machine template or on the AWSCluster'
#   since: 0.1.0
#   waivable: true
package countersign.rules.ssh.default_key

import data.countersign.lib.field

paths := {
	"AWSMachine": ["spec", "sshKeyName"],
	"AWSMachineTemplate": ["spec", "template", "spec", "sshKeyName"],
	"AWSMachinePool": ["spec", "awsLaunchTemplate", "sshKeyName"],
}

path := paths[input.resource.kind]

findings contains {
	"path": path,
	"absent": true,
	"message": "sshKeyName is absent, so the provider attaches the key pair named default",
} if {
	field.absent(path)
	not covered
}

# clusters are the infrastructure objects that the machine takes defaults from.
clusters contains link.object if {
	some link in input.links
	link.role == "cluster-infrastructure"
	is_object(link.object)
}

# A template may serve several clusters: each of them must say.
covered if {
	count(clusters) > 0
	every cluster in clusters {
		says(cluster)
	}
}

covered if {
	count(input.clusters) > 0
	every cluster in input.clusters {
		cluster.externally_managed
	}
}

says(cluster) if {
	some place in [["spec", "sshKeyName"], ["spec", "template", "spec", "sshKeyName"]]
	object.get(cluster, place, null) != null
}

says(cluster) if {
	annotations := field.map(object.get(cluster, ["metadata", "annotations"], null))
	"cluster.x-k8s.io/managed-by" in object.keys(annotations)
}
