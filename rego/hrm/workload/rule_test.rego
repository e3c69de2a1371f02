package countersign.rules.hrm.workload_test

import data.countersign.rules.hrm.workload as rule

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

container := {"name": "web", "image": "example.com/web:1.0"}

spec := {"containers": [container]}

workload(pod) := {
	"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
	"spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
		"metadata": {"labels": {"app": "web"}, "creationTimestamp": null}, "spec": pod,
	}},
}

change(b, a) := subject({
	"kind": "Deployment", "group": "apps", "namespace": "shop", "name": "web",
	"before": b, "after": a,
})

with_action(doc, action) := object.union(doc, {"change": {"action": action}})

harmless(doc) if {
	count(hits(doc)) == 1
}

# pod reports whether a pod is harmless on both sides, on either, and when it comes or goes.
pod(p) if {
	harmless(change(workload(p), workload(p)))
	harmless(with_action(change(null, workload(p)), "create"))
	harmless(with_action(change(workload(p), null), "delete"))
}

# noisy reports whether a pod is not harmless, whichever side it is on.
noisy(p) if {
	not harmless(change(workload(p), workload(p)))
	not harmless(change(workload(spec), workload(p)))
	not harmless(change(workload(p), workload(spec)))
	not harmless(with_action(change(null, workload(p)), "create"))
	not harmless(with_action(change(workload(p), null), "delete"))
}

also(x) := object.union(spec, x)

inside(x) := {"containers": [object.union(container, x)]}

test_everyday if {
	every p in [
		spec, also({"serviceAccountName": "default", "hostNetwork": false, "volumes": null}),
		also({"tolerations": [{"key": "gpu", "operator": "Exists"}], "nodeSelector": {"disk": "ssd"}}),
		also({"securityContext": {"runAsUser": 0, "sysctls": null, "seccompProfile": {"type": "RuntimeDefault"}}}),
		also({"volumes": [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "projected": {"sources": [
			{"configMap": {"name": "c"}},
		]}}]}),
		also({"initContainers": [container], "schedulerName": "default-scheduler", "priorityClassName": "low"}),
		inside({"ports": [{"containerPort": 80}], "volumeMounts": [{"name": "a", "mountPath": "/a"}], "args": ["${X}"]}),
		inside({"livenessProbe": {"httpGet": {"path": "/", "port": 80}}, "startupProbe": null}),
		inside({"securityContext": {
			"privileged": false, "allowPrivilegeEscalation": false, "runAsUser": 0, "procMount": "Default",
			"capabilities": {"drop": ["ALL"], "add": []}, "seccompProfile": {"type": "Localhost"}, "seLinuxOptions": null,
		}}),
	] {
		pod(p)
	}
}

test_privileged_pods if {
	every p in [
		also({"hostNetwork": true}), also({"hostPID": true}), also({"hostIPC": "${X}"}), also({"hostUsers": true}),
		also({"nodeName": "cp-0"}), also({"unknownField": 1}), also({"nodeSelector": {"node-role.kubernetes.io/master": ""}}),
		also({"affinity": {"a": "node-role.kubernetes.io/control-plane"}}), also({"tolerations": [{"operator": "Exists"}]}),
		also({"tolerations": [{"key": "node-role.kubernetes.io/control-plane"}]}), also({"tolerations": "${X}"}),
		also({"priorityClassName": "system-node-critical"}), also({"schedulerName": "mine"}),
		also({"securityContext": {"sysctls": [{"name": "a"}]}}), also({"securityContext": {"seLinuxOptions": {}}}),
		also({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), also({"securityContext": "x"}),
		also({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}), also({"volumes": "x"}), also({"volumes": ["x"]}),
		also({"volumes": [{"name": "a", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}),
		also({"volumes": [{"name": "a", "csi": {}}]}), also({"initContainers": [{"securityContext": {"privileged": true}}]}),
		also({"ephemeralContainers": [container]}), {"containers": []}, {"containers": ["x"]}, {}, null, "x",
	] {
		noisy(p)
	}
}

test_privileged_containers if {
	every context in [
		{"privileged": true}, {"privileged": "${X}"}, {"privileged": "false"}, {"allowPrivilegeEscalation": true},
		{"capabilities": {"add": ["NET_ADMIN"]}}, {"capabilities": "x"}, {"procMount": "Unmasked"},
		{"seccompProfile": {"type": "Unconfined"}}, {"windowsOptions": {"hostProcess": true}}, {"seLinuxOptions": {}}, "x",
	] {
		noisy(inside({"securityContext": context}))
	}
	every x in [
		{"ports": [{"containerPort": 1, "hostPort": 1}]}, {"ports": [{"hostIP": "0.0.0.0"}]}, {"unknownField": 1},
		{"volumeMounts": [{"mountPropagation": "Bidirectional"}]}, {"volumeDevices": []}, {"ports": "x"},
		{"livenessProbe": {"httpGet": {"host": "169.254.169.254"}}},
	] {
		noisy(inside(x))
	}
}

test_accounts if {
	every p in [also({"serviceAccountName": "admin"}), also({"serviceAccount": "admin"})] {
		noisy(p)
	}
	quiet := workload(also({"serviceAccountName": "app", "automountServiceAccountToken": false}))
	harmless(change(quiet, quiet))
	not harmless(with_action(change(null, quiet), "create"))
	not harmless(with_action(change(quiet, null), "delete"))
	not harmless(change(quiet, workload(also({"serviceAccountName": "app"}))))
	not harmless(change(quiet, workload(also({"serviceAccountName": "b", "automountServiceAccountToken": false}))))
}

secret_of(name) := [
	also({"volumes": [{"name": "a", "secret": {"secretName": name}}]}),
	also({"volumes": [{"name": "a", "projected": {"sources": [{"secret": {"name": name}}]}}]}),
	also({"imagePullSecrets": [{"name": name}]}),
	inside({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]}),
	inside({"envFrom": [{"secretRef": {"name": name}}]}),
]

test_secrets_that_it_has_and_that_it_gains if {
	every p in secret_of("web") {
		harmless(change(workload(p), workload(p)))
		harmless(change(workload(p), workload(spec)))
		not harmless(change(workload(spec), workload(p)))
		not harmless(with_action(change(null, workload(p)), "create"))
	}
}

test_secrets_of_clusters if {
	every name in ["eu-kubeconfig", "eu-ca", "eu-etcd", "eu-proxy", "eu-sa", "${X}"] {
		every p in secret_of(name) {
			not harmless(change(workload(p), workload(p)))
		}
	}
}

test_other_kinds if {
	job := object.union(workload(spec), {"kind": "Job"})
	harmless(object.union(change(null, job), {"change": {"kind": "Job", "group": "batch", "action": "create"}}))
	nested := {"schedule": "@daily", "jobTemplate": {"spec": job.spec}}
	cron := {"kind": "CronJob", "metadata": job.metadata, "spec": nested}
	harmless(object.union(change(null, cron), {"change": {"kind": "CronJob", "action": "create"}}))
	root := object.union(cron, {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"hostPID": true}}}}}})
	not harmless(object.union(change(null, root), {"change": {"kind": "CronJob", "action": "create"}}))
	odd := object.union(cron, {"spec": {"jobTemplate": {"spec": {"managedBy": "x"}}}})
	not harmless(object.union(change(null, odd), {"change": {"kind": "CronJob", "action": "create"}}))
	single := {"kind": "Pod", "metadata": job.metadata, "spec": spec}
	harmless(object.union(change(single, single), {"change": {"kind": "Pod", "group": ""}}))
}

test_around_the_pod if {
	held := {"template": {"metadata": {"finalizers": ["x"]}}}
	every x in [{"spec": {"unknownField": 1}}, {"status": {}}, {"spec": held}] {
		not harmless(change(workload(spec), object.union(workload(spec), x)))
	}
	injected := {"spec": {"template": {"metadata": {"annotations": {"iam.amazonaws.com/role": "admin"}}}}}
	not harmless(change(workload(spec), object.union(workload(spec), injected)))
	noted := {"spec": {"template": {"metadata": {"annotations": {"checksum/config": "a"}}}}}
	harmless(change(workload(spec), object.union(workload(spec), noted)))
}
