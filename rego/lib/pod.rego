# METADATA
# title: Pods without privileges
# description: |
#   Whether what a pod may do ends at its own containers. The measure is the
#   baseline of the Pod Security Standards, so that root inside of a container
#   is allowed, and besides: no node of its choice, no account but the
#   namespace's default, no secret that it did not have. It is a list of what
#   is fine: a field that is not on it, and a value that a placeholder decides,
#   is not.
package countersign.lib.pod

import data.countersign.lib.field

# calm reports whether a pod's spec has nothing else than what is fine.
calm(spec) if {
	is_object(spec)
	is_array(spec.containers)
	count(spec.containers) > 0
	every key, x in spec {
		fine(key, x)
	}
}

# An explicit null is nothing.
fine(_, x) if is_null(x)

fine(key, _) if {
	key in {
		"restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds", "dnsPolicy", "dnsConfig",
		"enableServiceLinks", "imagePullSecrets", "topologySpreadConstraints", "shareProcessNamespace", "hostname",
		"subdomain", "setHostnameAsFQDN", "preemptionPolicy", "readinessGates", "os", "serviceAccountName",
		"serviceAccount", "automountServiceAccountToken",
	}
}

fine(key, x) if {
	key in {"hostNetwork", "hostPID", "hostIPC"}
	x == false
}

fine("schedulerName", x) if x == "default-scheduler"

fine("priorityClassName", x) if {
	is_string(x)
	not startswith(x, "system-")
	not contains(x, "${")
}

# Nodes of the control plane are not for the asking.
fine(key, x) if {
	key in {"nodeSelector", "affinity"}
	not regex.match(`node-role|control-plane|controlplane|hostname|\$\{`, json.marshal(x))
}

fine("tolerations", x) if {
	is_array(x)
	every toleration in x {
		not value_of(toleration, "key") in {null, ""}
		not regex.match(`node-role|control-plane|controlplane|\$\{`, field.text(value_of(toleration, "key")))
	}
}

fine("securityContext", x) if {
	is_object(x)
	every key, v in x {
		of_pod(key, v)
	}
}

fine(key, x) if {
	key in {"containers", "initContainers"}
	is_array(x)
	every container in x {
		is_object(container)
		every k, v in container {
			of_container(k, v)
		}
	}
}

fine("volumes", x) if {
	is_array(x)
	every volume in x {
		own_volume(volume)
	}
}

value_of(x, key) := field.get(x, [key])

of_pod(_, v) if is_null(v)

of_pod(key, _) if {
	key in {"runAsUser", "runAsGroup", "runAsNonRoot", "fsGroup", "fsGroupChangePolicy", "supplementalGroups"}
}

of_pod("seccompProfile", v) if value_of(v, "type") in {"RuntimeDefault", "Localhost"}

of_container(_, v) if is_null(v)

of_container(key, _) if {
	key in {
		"name", "image", "imagePullPolicy", "command", "args", "workingDir", "resources", "resizePolicy",
		"terminationMessagePath", "terminationMessagePolicy", "stdin", "stdinOnce", "tty", "restartPolicy", "env",
		"envFrom",
	}
}

# A host in a probe makes the kubelet ask for others.
of_container(key, v) if {
	key in {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}
	not contains(json.marshal(v), `"host":`)
}

of_container("ports", v) if {
	is_array(v)
	every port in v {
		value_of(port, "hostPort") in {null, 0}
		value_of(port, "hostIP") in {null, ""}
	}
}

of_container("volumeMounts", v) if {
	is_array(v)
	every mount in v {
		value_of(mount, "mountPropagation") in {null, "None", "HostToContainer"}
	}
}

of_container("securityContext", v) if {
	is_object(v)
	every key, x in v {
		contained(key, x)
	}
}

contained(_, x) if is_null(x)

contained(key, _) if key in {"runAsUser", "runAsGroup", "runAsNonRoot", "readOnlyRootFilesystem"}

contained(key, x) if {
	key in {"privileged", "allowPrivilegeEscalation"}
	x == false
}

contained("capabilities", x) if {
	is_object(x)
	every key, names in x {
		dropped(key, names)
	}
}

contained("seccompProfile", x) if value_of(x, "type") in {"RuntimeDefault", "Localhost"}

contained("procMount", x) if x == "Default"

dropped("drop", _)

dropped("add", names) if names in {null, []}

own_volume(volume) if {
	is_object(volume)
	every key, source in volume {
		own_source(key, source)
	}
}

own_source(key, _) if key in {"name", "configMap", "emptyDir", "persistentVolumeClaim", "downwardAPI", "secret"}

own_source("projected", source) if {
	every part in source.sources {
		every key, _ in part {
			key in {"configMap", "downwardAPI", "secret"}
		}
	}
}

# secrets are the names of the Secrets that a pod gets.
secrets(spec) := {field.text(name) |
	walk(spec, [path, name])
	of_secret(path)
}

of_secret(path) if {
	n := count(path)
	n > 1
	[path[n - 2], path[n - 1]] in {
		["secret", "secretName"], ["secret", "name"], ["secretKeyRef", "name"], ["secretRef", "name"],
	}
}

of_secret(path) if {
	count(path) == 3
	path[0] == "imagePullSecrets"
	path[2] == "name"
}

# account is who the pod is for the API server.
account(spec) := name if {
	name := field.text(value_of(spec, "serviceAccountName"))
	name != ""
} else := name if {
	name := field.text(value_of(spec, "serviceAccount"))
	name != ""
} else := "default"
