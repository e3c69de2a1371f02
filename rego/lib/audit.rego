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

# wide are the rules that decide whoever asks and in whatever namespace.
wide(policy) := [{"rule": rule, "verbs": verbs, "resources": resources, "urls": urls} |
	some rule in field.list(field.get(policy, ["rules"]))
	is_object(rule)
	every name in ["users", "namespaces"] {
		field.list(object.get(rule, name, [])) == []
	}
	everyone(field.list(object.get(rule, "userGroups", [])))
	verbs := field.list(object.get(rule, "verbs", []))
	resources := field.list(object.get(rule, "resources", []))
	urls := field.list(object.get(rule, "nonResourceURLs", []))
]

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
deciding(policy, probe) := [entry.rule |
	some entry in wide(policy)
	among(probe.verb, entry.verbs)
	concerns(entry.resources, entry.urls, probe)
]

# silent reports whether a policy leaves no trace of a probe.
silent(policy, probe) if count(deciding(policy, probe)) == 0

silent(policy, probe) if mute(policy, deciding(policy, probe)[0])

mute(_, rule) if {
	level := field.get(rule, ["level"])
	not level in {"Metadata", "Request", "RequestResponse"}
	not value.unknown(level)
}

mute(policy, rule) if {
	omitted := [stage | some x in [policy, rule]; some stage in field.list(object.get(x, "omitStages", []))]
	"RequestReceived" in omitted
	"ResponseComplete" in omitted
}

# undecided reports whether a placeholder decides a probe.
undecided(policy) if {
	some probe in probes
	value.unknown(field.get(deciding(policy, probe)[0], ["level"]))
}
