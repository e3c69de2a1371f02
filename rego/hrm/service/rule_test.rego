package countersign.rules.hrm.service_test

import data.countersign.rules.hrm.service as rule

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

metadata := {"name": "web", "namespace": "shop"}

harmless(kind, thing) if {
	both := object.union({"kind": kind, "metadata": metadata}, thing)
	count(hits(subject({"kind": kind, "namespace": "shop", "before": both, "after": both}))) == 1
	count(hits(subject({"kind": kind, "action": "create", "after": both}))) == 1
	count(hits(subject({"kind": kind, "action": "delete", "before": both}))) == 1
}

# silent reports whether an object is not harmless, whichever side it is on.
silent(kind, good, thing) if {
	b := object.union({"kind": kind, "metadata": metadata}, good)
	a := object.union({"kind": kind, "metadata": metadata}, thing)
	count(hits(subject({"kind": kind, "before": b, "after": a}))) == 0
	count(hits(subject({"kind": kind, "before": a, "after": b}))) == 0
	count(hits(subject({"kind": kind, "action": "create", "after": a}))) == 0
}

service := {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}

test_services if {
	every spec in [{}, {"type": "LoadBalancer"}, {"type": "NodePort"}, {"clusterIP": "None"}] {
		harmless("Service", object.union(service, {"spec": spec}))
	}
	every spec in [
		{"type": "ExternalName", "externalName": "x"}, {"type": "ExternalName"}, {"type": "${X}"}, {"externalIPs": []},
		{"clusterIP": "10.96.0.10"}, {"loadBalancerIP": "192.0.2.1"}, {"selector": null}, {"unknownField": 1},
	] {
		silent("Service", service, object.union(service, {"spec": spec}))
	}
	silent("Service", service, {"spec": {"ports": []}})
	silent("Service", service, {"spec": null})
	silent("Service", service, object.union(service, {"status": {}}))
}

ingress := {"spec": {"ingressClassName": "nginx", "rules": []}}

test_ingresses if {
	harmless("Ingress", ingress)
	silent("Ingress", ingress, {"spec": {"unknownField": 1}})
	snippet := {"metadata": {"annotations": {"nginx.ingress.kubernetes.io/server-snippet": "b"}}}
	silent("Ingress", ingress, object.union(ingress, snippet))
}

settings := {"data": {"a": "b"}}

nested(documents) := [{"path": ["data", "a"], "encoding": "", "name": "a", "text": "", "documents": documents}]

test_settings if {
	harmless("ConfigMap", settings)
	harmless("ConfigMap", {"data": null, "immutable": true})
	silent("ConfigMap", settings, {"spec": {}})
	thing := object.union(settings, {"metadata": metadata})
	every side in ["nested_before", "nested_after"] {
		doc := {"kind": "ConfigMap", "before": thing, "after": thing}
		count(hits(subject(object.union(doc, {side: nested([{"level": "info"}])})))) == 1
		count(hits(subject(object.union(doc, {side: nested([{"level": "info"}, {"kind": "Cluster"}])})))) == 0
	}
}

test_secrets_never if {
	silent("Secret", settings, settings)
	silent("ServiceAccount", {}, {})
}

test_budgets if {
	harmless("PodDisruptionBudget", {"spec": {"minAvailable": 1, "selector": {}}})
	silent("PodDisruptionBudget", {"spec": {}}, {"spec": {"unknownField": 1}})
}

scaled(version, kind) := {"spec": {"scaleTargetRef": {"apiVersion": version, "kind": kind, "name": "web"}}}

test_autoscalers if {
	good := scaled("apps/v1", "Deployment")
	harmless("HorizontalPodAutoscaler", good)
	every target in [
		["cluster.x-k8s.io/v1beta1", "MachineDeployment"], ["apps/v1", "MachineDeployment"], ["x/v1", "Deployment"],
	] {
		silent("HorizontalPodAutoscaler", good, scaled(target[0], target[1]))
	}
	silent("HorizontalPodAutoscaler", good, {"spec": null})
}

test_claims if {
	good := {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}
	harmless("PersistentVolumeClaim", good)
	every spec in [{"volumeName": "pv"}, {"dataSourceRef": {}}] {
		silent("PersistentVolumeClaim", good, object.union(good, {"spec": spec}))
	}
}

test_each_tie_to_the_fleet_matters if {
	both := object.union({"metadata": metadata}, settings)
	doc := subject({"kind": "ConfigMap", "before": both, "after": both})
	count(hits(doc)) == 1
	every x in [
		{"clusters": [{"namespace": "fleet", "name": "eu"}]}, {"referenced_by": [{"role": "payload"}]},
		{"namespace_role": "gitops"}, {"change": {"action": "move"}}, {"change": {"opaque": "sops"}},
	] {
		count(hits(object.union(doc, x))) == 0
	}
}

test_other_kinds_and_fields if {
	goods := {
		"Service": service, "Ingress": ingress, "ConfigMap": settings, "PodDisruptionBudget": {"spec": {}},
		"HorizontalPodAutoscaler": scaled("apps/v1", "Deployment"), "PersistentVolumeClaim": {"spec": {}},
	}
	every kind, good in goods {
		harmless(kind, good)
		silent(kind, good, object.union(good, {"status": {}}))
		silent("Other", good, good)
	}
}
