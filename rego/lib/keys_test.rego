package countersign.lib.keys_test

import data.countersign.lib.keys

test_keys_for_people if {
	every key in [
		"app", "team-a", "example.com/owner", "app.kubernetes.io/name", "helm.sh/chart", "checksum/config",
		"prometheus.io/scrape", "notk8s.io.example.com/a",
	] {
		keys.quiet(key)
	}
}

test_keys_of_controllers if {
	every key in [
		"k8s.io/a", "cluster.x-k8s.io/paused", "Cluster.X-K8S.io/paused", "kubernetes.io/psp", "app.kubernetes.io/other",
		"argocd.argoproj.io/sync-options", "kustomize.toolkit.fluxcd.io/prune", "helm.sh/hook", "countersign.dev/x",
		"eks.amazonaws.com/role-arn", "azure.workload.identity/use", "reboot.metal3.io", "reboot.metal3.io/now",
	] {
		not keys.quiet(key)
	}
}

test_no_keys if {
	every key in ["", "/", "a/", "/a", "a/b/c", "a b", "${X}", "${X}/a", "-a", "a\nb", "ä"] {
		not keys.quiet(key)
	}
}

test_what_steers if {
	contains(keys.steers("cluster.x-k8s.io/delete-machine"), "deletes")
	contains(keys.steers("pre-drain.delete.hook.machine.cluster.x-k8s.io/x"), "draining")
	contains(keys.steers("reboot.metal3.io/x"), "restarts")
	contains(keys.steers("sigs.k8s.io/cluster-api-provider-aws-last-applied"), "AWS")
}

test_what_does_not_steer if {
	every key in ["app", "cluster.x-k8s.io/other", "cluster.x-k8s.io/delete-machine2", "helm.sh/chart"] {
		not keys.steers(key)
	}
}
