package countersign.rules.alr.evidence_removed_test

import data.countersign.rules.alr.evidence_removed as rule

blank := {
	"action": "update", "group": "", "kind": "Thing", "namespace": "fleet", "name": "eu",
	"version_before": "v1", "version_after": "v1", "destination": "mgmt", "from": "", "generated": false,
	"opaque": "", "renamed_from": null, "before": null, "after": null, "fields": [],
	"masked_before": [], "masked_after": [], "nested_before": [], "nested_after": [],
}

around := {"clusters": [], "referenced_by": [], "namespace_role": "", "failing": [], "related": [], "params": {}}

subject(change) := object.union(around, {"change": object.union(blank, change)})

edit(path, b, a) := {"path": path, "before": b, "after": a, "before_absent": b == null, "after_absent": a == null}

hits(doc) := found if found := rule.reasons with input as doc

said(doc) := {hit.message | some hit in hits(doc)}

thing(group, kind, x) := subject(object.union({"group": group, "kind": kind}, x))

evidence := [
	["monitoring.coreos.com", "PrometheusRule"], ["notification.toolkit.fluxcd.io", "Alert"],
	[
		"cloudtrail.services.k8s.aws", "Trail",
	],
	["cloudtrail.aws.upbound.io", "Trail"], ["fluentbit.fluent.io", "ClusterOutput"],
	["logging.banzaicloud.io", "ClusterFlow"], ["instance.falcosecurity.dev", "Falco"],
	["insights.azure.com", "DiagnosticSetting"],
]

test_what_tells_goes if {
	every e in evidence {
		said(thing(e[0], e[1], {"action": "delete"})) == {
			sprintf("%s fleet/eu goes: nobody hears of what it told", [e[1]]),
		}
		said(thing(e[0], e[1], {"action": "create"})) == set()
		said(thing(e[0], e[1], {})) == set()
	}
}

test_agents_by_name if {
	every name in ["falco", "eu-fluent-bit", "vector", "Promtail", "otel-collector-eu", "alertmanager-main"] {
		count(said(thing("apps", "DaemonSet", {"name": name, "action": "delete"}))) == 1
		count(said(thing("helm.toolkit.fluxcd.io", "HelmRelease", {"name": name, "action": "delete"}))) == 1
	}
	every name in ["web", "falcon", "vectors", "eu"] {
		said(thing("apps", "DaemonSet", {"name": name, "action": "delete"})) == set()
	}
}

alerts(names) := {"spec": {"groups": [{"name": "a", "rules": [{"alert": name, "expr": "x"} | some name in names]}]}}

test_alerts_that_go if {
	said(thing("monitoring.coreos.com", "PrometheusRule", {
		"before": alerts(["a", "b"]), "after": alerts(["b"]),
	})) == {
		"PrometheusRule fleet/eu no longer tells of a",
	}
	said(thing("monitoring.coreos.com", "PrometheusRule", {
		"before": alerts(["a"]), "after": alerts(["a", "b"]),
	})) == set()
}

falco(list) := [{"path": ["data", "a"], "encoding": "", "name": "a", "text": "", "documents": [list]}]

shell := {"rule": "shell", "condition": "spawned_process"}

test_rules_in_settings if {
	rules := {"kind": "ConfigMap", "nested_before": falco([shell])}
	every after in [[], falco([]), falco([object.union(shell, {"enabled": false})])] {
		said(subject(object.union(rules, {"nested_after": after}))) == {
			"ConfigMap fleet/eu no longer tells of shell",
		}
	}
	said(subject(object.union(rules, {"nested_after": falco([shell])}))) == set()
	said(subject(object.union(rules, {"action": "delete"}))) == {"rules of ConfigMap fleet/eu go: shell"}
	plain := {"kind": "ConfigMap", "nested_before": falco({"rule": "x"})}
	said(subject(plain)) == set()
}

trail(path, b, a) := said(thing("cloudtrail.services.k8s.aws", "Trail", {"fields": [edit(path, b, a)]}))

test_weaker if {
	trail(["spec", "isMultiRegionTrail"], true, false) == {"Trail fleet/eu may tell less: isMultiRegionTrail"}
	count(trail(["spec", "enableLogFileValidation"], true, "${X}")) == 1
	count(trail(["spec", "eventSelectors"], [{}], null)) == 1
	count(trail(["spec", "suspend"], false, true)) == 1
	trail(["spec", "isMultiRegionTrail"], false, true) == set()
	trail(["metadata", "labels", "a"], "b", null) == set()
	said(subject({"fields": [edit(["spec", "a"], 1, null)]})) == set()
}
