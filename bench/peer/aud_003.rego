package main

import rego.v1

deny contains named("CS-AUD-003", sprintf("no volume covers %s", [arg(name)])) if {
	control_plane
	some name in ["audit-policy-file", "audit-log-path"]
	not arg(name) in {"", "-"}
	count(mounts(arg(name))) == 0
}

deny contains named("CS-AUD-003", "the audit log's volume is read-only") if {
	control_plane
	volumes := mounts(arg("audit-log-path"))
	count(volumes) > 0
	every volume in volumes {
		volume.readOnly == true
	}
}

deny contains named("CS-AUD-003", "nothing writes the audit policy onto the node") if {
	control_plane
	path := arg("audit-policy-file")
	path != ""
	not path in {file.path | some file in bootstrap.files}
}
