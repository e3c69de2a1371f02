# METADATA
# title: What tells of an attack
# description: |
#   Whether the changed object is one by which people hear of what happens:
#   alert rules and receivers, detection rules, audit trails of clouds, and the
#   agents that bring logs away, which go by their name.
package countersign.lib.evidence

telling := {
	"monitoring.coreos.com": {"PrometheusRule", "AlertmanagerConfig", "Alertmanager", "Prometheus"},
	"notification.toolkit.fluxcd.io": {"Alert", "Provider"},
	"logging.cnrm.cloud.google.com": {"LoggingLogSink"}, "insights.azure.com": {"DiagnosticSetting"},
	"cloudtrail.services.k8s.aws": {"Trail", "EventDataStore"},
}

told if input.change.kind in telling[input.change.group]

told if regex.match(`^cloudtrail\.aws\.`, input.change.group)

told if {
	regex.match(
		`(^|\.)(falcosecurity\.dev|falco\.org|fluentbit\.fluent\.io|fluentd\.fluent\.io|logging\.banzaicloud\.io)$`,
		input.change.group,
	)
}

# Known agents go by their name, whatever installs them.
told if {
	input.change.kind in {
		"DaemonSet", "Deployment", "StatefulSet", "HelmRelease", "HelmChartProxy", "Application", "ConfigMap", "HelmChart",
		"ClusterResourceSet",
	}
	some agent in agents
	regex.match(concat("", ["(^|[-.])", agent, "([-.]|$)"]), lower(input.change.name))
}

agents := {
	"falco", "tetragon", "tracee", "auditd", "osquery", "wazuh", "fluent-?bit", "fluentd", "vector", "promtail",
	"filebeat", "alloy", "otel-collector", "alertmanager",
}
