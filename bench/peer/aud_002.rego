package main

import rego.v1

deny contains named("CS-AUD-002", "the API server has an audit policy but no place to write events to") if {
	control_plane
	arg("audit-policy-file") != ""
	arg("audit-log-path") == ""
	arg("audit-webhook-config-file") == ""
}
