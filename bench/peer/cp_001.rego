package main

import rego.v1

deny contains named("CS-CP-001", sprintf("the list of taints of %s is empty", [stage])) if {
	control_plane
	some stage in ["initConfiguration", "joinConfiguration"]
	bootstrap[stage].nodeRegistration.taints == []
}
