package main

import rego.v1

policies contains policy if {
	some file in bootstrap.files
	contains(file.content, "audit.k8s.io/")
	policy := yaml.unmarshal(file.content)
	policy.kind == "Policy"
}

# probes are events that must leave a trace: group, resource, verb.
probes := {
	"secrets": ["", "secrets", "get"],
	"pods/exec": ["", "pods/exec", "create"],
	"RBAC": ["rbac.authorization.k8s.io", "clusterrolebindings", "create"],
	"other resources": ["apps", "deployments", "delete"],
}

deny contains named("CS-AUD-004", sprintf("the audit policy records nothing of %s", [what])) if {
	some policy in policies
	some what, probe in probes
	silent(policy, probe)
}

silent(policy, probe) if {
	deciding := [rule.level | some rule in policy.rules; decides(rule, probe)]
	count(deciding) == 0
}

silent(policy, probe) if {
	deciding := [rule.level | some rule in policy.rules; decides(rule, probe)]
	deciding[0] == "None"
}

decides(rule, probe) if {
	count(object.get(rule, "users", [])) == 0
	count(object.get(rule, "namespaces", [])) == 0
	groups := object.get(rule, "userGroups", [])
	any_of(groups, {"system:authenticated"})
	any_of(object.get(rule, "verbs", []), {probe[2], "*"})
	concerns(object.get(rule, "resources", []), object.get(rule, "nonResourceURLs", []), probe)
}

any_of(list, _) if count(list) == 0

any_of(list, wanted) if {
	some element in list
	element in wanted
}

concerns([], [], _)

concerns(resources, _, probe) if {
	some entry in resources
	object.get(entry, "group", "") == probe[0]
	count(object.get(entry, "resourceNames", [])) == 0
	any_of(object.get(entry, "resources", []), {probe[1], "*", concat("", [split(probe[1], "/")[0], "/*"])})
}
