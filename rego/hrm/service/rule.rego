# METADATA
# scope: package
# title: Services and settings of applications
# description: |
#   What goes with the workloads of an application: services, ingresses,
#   settings, disruption budgets, autoscalers and volume claims, in a namespace
#   of its own and unrelated to any cluster. A service that sends traffic
#   elsewhere, an autoscaler of machines, and settings that hold manifests or a
#   kubeconfig are more than that.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-HRM-004
#   kind: harmless
#   scope: change
#   guideline: second-pair-of-eyes
#   kinds:
#     - core/Service
#     - core/ConfigMap
#     - core/PersistentVolumeClaim
#     - networking.k8s.io/Ingress
#     - policy/PodDisruptionBudget
#     - autoscaling/HorizontalPodAutoscaler
#   providers: [all]
#   since: 0.1.0
package countersign.rules.hrm.service

import data.countersign.lib.change
import data.countersign.lib.everyday
import data.countersign.lib.field

reasons contains {"message": sprintf("a %s of an application, in a namespace of its own", [input.change.kind])} if {
	everyday.apart
	every side in change.sides {
		plain(side)
	}
}

plain(object) if {
	input.change.kind == "Service"
	everyday.holds(object, {"spec"})
	everyday.within(object.spec, {
		"type", "selector", "ports", "clusterIP", "sessionAffinity", "ipFamilies", "ipFamilyPolicy",
		"internalTrafficPolicy", "externalTrafficPolicy", "publishNotReadyAddresses",
	})
	field.get(object, ["spec", "type"]) in {null, "ClusterIP", "NodePort", "LoadBalancer"}
	field.get(object, ["spec", "clusterIP"]) in {null, "", "None"}
	count(field.map(field.get(object, ["spec", "selector"]))) > 0
}

plain(object) if {
	input.change.kind == "Ingress"
	everyday.holds(object, {"spec"})
	everyday.within(object.spec, {"ingressClassName", "rules", "tls", "defaultBackend"})
}

# Text that reads as manifests is for a controller that nobody knows here.
plain(object) if {
	input.change.kind == "ConfigMap"
	everyday.holds(object, {"data", "binaryData", "immutable"})
	every nested in array.concat(input.change.nested_before, input.change.nested_after) {
		every document in nested.documents {
			field.get(document, ["kind"]) == null
		}
	}
}

plain(object) if {
	input.change.kind == "PodDisruptionBudget"
	everyday.holds(object, {"spec"})
	everyday.within(object.spec, {"minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy"})
}

# Machines have a scale as workloads do.
plain(object) if {
	input.change.kind == "HorizontalPodAutoscaler"
	everyday.holds(object, {"spec"})
	startswith(field.text(field.get(object, ["spec", "scaleTargetRef", "apiVersion"])), "apps/")
	object.spec.scaleTargetRef.kind in {"Deployment", "StatefulSet", "ReplicaSet"}
}

plain(object) if {
	input.change.kind == "PersistentVolumeClaim"
	everyday.holds(object, {"spec"})
	everyday.claim(object.spec)
}
