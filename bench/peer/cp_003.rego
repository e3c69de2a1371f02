package main

import rego.v1

roles := {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

taints(stage) := {[t.key, object.get(t, "value", ""), t.effect] | some t in bootstrap[stage].nodeRegistration.taints}

guarded(list) if {
	some [key, _, effect] in list
	key in roles
	effect in {"NoSchedule", "NoExecute"}
}

deny contains named("CS-CP-003", sprintf("the taints of %s let workloads in", [stage])) if {
	control_plane
	some stage in ["initConfiguration", "joinConfiguration"]
	count(taints(stage)) > 0
	not guarded(taints(stage))
}

deny contains named("CS-CP-003", "nodes that join get other taints than the first one") if {
	control_plane
	bootstrap.initConfiguration.nodeRegistration.taints
	bootstrap.joinConfiguration.nodeRegistration.taints
	taints("initConfiguration") != taints("joinConfiguration")
}
