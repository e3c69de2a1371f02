package main

import rego.v1

least := {"audit-log-maxage": 30, "audit-log-maxbackup": 10, "audit-log-maxsize": 100}

deny contains named("CS-AUD-005", sprintf("%s is below %d", [name, minimum])) if {
	control_plane
	not arg("audit-log-path") in {"", "-"}
	some name, minimum in least
	not enough(arg(name), minimum)
}

enough(value, minimum) if {
	regex.match(`^[0-9]{1,9}$`, value)
	to_number(value) >= minimum
}
