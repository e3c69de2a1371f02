# METADATA
# title: Audit policies
# description: |
#   How the API server reads a policy of audit.k8s.io: the first rule that
#   matches an event decides, and what no rule matches is not recorded.
package countersign.lib.audit

import data.countersign.lib.field
import data.countersign.lib.value

# lost are the names of the probes that a policy records nothing of.
lost(policy) := {name | some name, probe in probes; silent(policy, probe)}

# probes are events that must leave a trace.
probes := {
	"secrets": {"group": "", "resource": "secrets", "verb": "get"},
	"pods/exec": {"group": "", "resource": "pods/exec", "verb": "create"},
	"RBAC": {"group": "rbac.authorization.k8s.io", "resource": "clusterrolebindings", "verb": "create"},
	"other resources": {"group": "apps", "resource": "deployments", "verb": "delete"},
}

# matches reports whether a rule decides a probe whoever asks and wherever.
matches(rule, probe) if {
	count(field.list(field.get(rule, ["users"]))) == 0
	everyone(field.list(field.get(rule, ["userGroups"])))
	count(field.list(field.get(rule, ["namespaces"]))) == 0
	among(probe.verb, field.list(field.get(rule, ["verbs"])))
	resources := field.list(field.get(rule, ["resources"]))
	urls := field.list(field.get(rule, ["nonResourceURLs"]))
	concerns(resources, urls, probe)
}

everyone([])

everyone(groups) if "system:authenticated" in groups

among(_, [])

among(x, names) if x in names

among(_, names) if "*" in names

concerns([], [], _)

concerns(resources, _, probe) if {
	some entry in resources
	field.text(field.get(entry, ["group"])) == probe.group
	count(field.list(field.get(entry, ["resourceNames"]))) == 0
	named(field.list(field.get(entry, ["resources"])), probe.resource)
}

named([], _)

named(names, resource) if {
	parts := split(resource, "/")
	some name in names
	name in {resource, "*", concat("/", [parts[0], "*"])}
	name != concat("/", [resource, "*"])
}

# deciding are the rules that match a probe, the first of which counts.
deciding(policy, probe) := [rule |
	some rule in field.list(field.get(policy, ["rules"]))
	is_object(rule)
	matches(rule, probe)
]

# silent reports whether a policy leaves no trace of a probe.
silent(policy, probe) if count(deciding(policy, probe)) == 0

silent(policy, probe) if {
	level := field.get(deciding(policy, probe)[0], ["level"])
	not level in {"Metadata", "Request", "RequestResponse"}
	not value.unknown(level)
}

silent(policy, probe) if {
	rule := deciding(policy, probe)[0]
	omitted := {stage | some x in [policy, rule]; some stage in field.list(field.get(x, ["omitStages"]))}
	every stage in ["RequestReceived", "ResponseComplete"] {
		stage in omitted
	}
}

# undecided reports whether a placeholder decides a probe.
undecided(policy) if {
	some probe in probes
	value.unknown(field.get(deciding(policy, probe)[0], ["level"]))
}
