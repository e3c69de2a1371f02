package main

import rego.v1

deny contains named("CS-AUD-001", "the API server runs without an audit policy") if {
	control_plane
	arg("audit-policy-file") == ""
	not patched
}

patched if {
	some file in bootstrap.files
	contains(file.path, "/kube-apiserver")
	contains(file.content, "audit-policy-file")
}
