package main

import rego.v1

authority_suffix := `-(ca|cca|etcd|proxy|sa)$`

deny contains named("CS-ISO-006", "the certificate authority is not the cluster's own") if {
	input.kind == "Secret"
	regex.match(authority_suffix, input.metadata.name)
	of_cluster
}

of_cluster if input.type == "cluster.x-k8s.io/secret"

of_cluster if input.metadata.labels["cluster.x-k8s.io/cluster-name"]

deny contains named("CS-ISO-006", "the certificate authority is not the cluster's own") if {
	input.kind == "Certificate"
	input.spec.isCA == true
	regex.match(authority_suffix, input.spec.secretName)
}

deny contains named("CS-ISO-006", "the certificate authority is not the cluster's own") if {
	input.kind in {"ExternalSecret", "SealedSecret"}
	regex.match(authority_suffix, input.metadata.name)
	of_cluster
}

deny contains named("CS-ISO-006", sprintf("bootstrap data brings the certificate authority %s", [file.path])) if {
	some file in bootstrap.files
	regex.match(`^/etc/kubernetes/pki/((etcd/|front-proxy-)?ca|sa)\.`, file.path)
}
