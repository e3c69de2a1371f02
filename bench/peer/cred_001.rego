package main

import rego.v1

references := {
	"AWSCluster": "identityRef",
	"AWSManagedControlPlane": "identityRef",
	"AzureCluster": "identityRef",
	"AzureManagedControlPlane": "identityRef",
	"GCPCluster": "credentialsRef",
	"GCPManagedCluster": "credentialsRef",
	"VSphereCluster": "identityRef",
}

deny contains named("CS-CRED-001", "the cluster uses the credentials of the provider's controller") if {
	field := references[kind]
	blank(object.get(spec, field, null))
}

deny contains named("CS-CRED-001", "the cluster uses the identity of the provider's controller") if {
	spec[references[kind]].kind == "AWSClusterControllerIdentity"
}
