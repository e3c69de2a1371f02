# METADATA
# scope: package
# title: Workloads without privileges
# description: |
#   Everyday workloads of an application: in a namespace that is neither a
#   provider's, nor the system's, nor that of GitOps, unrelated to any cluster,
#   with pods that hold to the baseline of the Pod Security Standards, that run
#   as the default account of their namespace and get no secret that they did
#   not have. With a service account of its own a workload is harmless only
#   where it gets no token, before and after. Secrets that Cluster API keeps for
#   its clusters are never an application's.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-HRM-003
#   kind: harmless
#   scope: change
#   guideline: second-pair-of-eyes
#   kinds:
#     - apps/Deployment
#     - apps/StatefulSet
#     - apps/DaemonSet
#     - apps/ReplicaSet
#     - batch/Job
#     - batch/CronJob
#     - core/Pod
#   providers: [all]
#   since: 0.1.0
package countersign.rules.hrm.workload

import data.countersign.lib.change
import data.countersign.lib.everyday
import data.countersign.lib.field
import data.countersign.lib.pod

reasons contains {"message": "a workload without privileges, in a namespace of its own"} if {
	everyday.apart
	every side in change.sides {
		plain(side)
	}
	not credentials
	same_account
}

spec_path := {"Pod": ["spec"], "CronJob": ["spec", "jobTemplate", "spec", "template", "spec"]}

pod_path := object.get(spec_path, input.change.kind, ["spec", "template", "spec"])

pod_of(object) := field.get(object, pod_path)

plain(object) if {
	everyday.holds(object, {"spec"})
	pod.calm(pod_of(object))
	every path in [["spec"], ["spec", "jobTemplate", "spec"]] {
		outside(object, path)
	}
	quiet_template(object)
}

outside(_, _) if input.change.kind == "Pod"

outside(object, path) if field.get(object, path) == null

outside(object, path) if everyday.within(field.get(object, path), around)

# around are the fields around the pod's template.
around := {
	"replicas", "selector", "template", "strategy", "updateStrategy", "minReadySeconds", "revisionHistoryLimit",
	"progressDeadlineSeconds", "paused", "serviceName", "podManagementPolicy", "ordinals", "backoffLimit",
	"backoffLimitPerIndex", "completions", "completionMode", "parallelism", "activeDeadlineSeconds", "suspend",
	"ttlSecondsAfterFinished", "podFailurePolicy", "schedule", "timeZone", "concurrencyPolicy", "jobTemplate",
	"successfulJobsHistoryLimit", "failedJobsHistoryLimit", "startingDeadlineSeconds", "volumeClaimTemplates",
	"persistentVolumeClaimRetentionPolicy",
}

# The template's keys command controllers as the object's do.
quiet_template(_) if input.change.kind == "Pod"

quiet_template(object) if {
	input.change.kind != "Pod"
	every place in [template_path, ["spec", "jobTemplate", "metadata"]] {
		everyday.quiet(field.get(object, place))
	}
}

template_path := array.concat(array.slice(pod_path, 0, count(pod_path) - 1), ["metadata"])

# credentials are what the pod did not have, or no application may have.
credentials if {
	some name in pod.secrets(pod_of(change.after))
	not name in pod.secrets(pod_of(change.before))
}

credentials if {
	some side in change.sides
	some name in pod.secrets(pod_of(side))
	regex.match(`-(kubeconfig|ca|etcd|proxy|sa|token)$|\$\{`, name)
}

same_account if {
	every side in change.sides {
		pod.account(pod_of(side)) == "default"
	}
}

same_account if {
	change.stays
	every side in change.sides {
		field.get(pod_of(side), ["automountServiceAccountToken"]) == false
	}
	pod.account(pod_of(change.before)) == pod.account(pod_of(change.after))
}
