package countersign.rules.chg.deletion_test

import data.countersign.rules.chg.deletion as rule

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

gone(kind, object) := subject({"action": "delete", "kind": kind, "before": object})

test_what_goes_with_it if {
	words := {
		"Cluster": "deletes the cluster fleet/eu and every machine of it",
		"Namespace": "deletes the namespace fleet/eu and everything in it",
		"BareMetalHost": "deletes the host fleet/eu: its machine is shut down and wiped",
		"KubeadmControlPlane": "deletes the control plane KubeadmControlPlane fleet/eu",
		"AzureManagedControlPlane": "deletes the control plane AzureManagedControlPlane fleet/eu",
		"AWSCluster": "deletes the infrastructure AWSCluster fleet/eu: network, load balancers, machines",
		"ApplicationSet": "deletes ApplicationSet fleet/eu and all that it applied",
	}
	every kind, message in words {
		hits(gone(kind, {})) == {{"message": message, "severity": "critical"}}
	}
}

test_whose if {
	doc := object.union(gone("AWSCluster", {}), {"clusters": [{"namespace": "fleet", "name": "us"}]})
	said(doc) == {"deletes the infrastructure AWSCluster fleet/eu of fleet/us: network, load balancers, machines"}
}

test_less_than_a_cluster if {
	every kind in ["AWSMachineTemplate", "AWSClusterTemplate", "KubeadmControlPlaneTemplate", "AWSMachine"] {
		said(gone(kind, {})) == set()
		said(gone(kind, {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}})) == set()
	}
}

test_only_deletes if {
	every action in ["create", "update", "move"] {
		said(subject({"action": action, "kind": "Cluster", "before": {}})) == set()
	}
}

orphan := {{"message": "Cluster fleet/eu goes from Git and lives on: nobody looks after it", "severity": "high"}}

test_orphans if {
	every key, text in {
		"kustomize.toolkit.fluxcd.io/prune": "disabled", "argocd.argoproj.io/sync-options": "Delete=false",
	} {
		hits(gone("Cluster", {"metadata": {"annotations": {key: text}}})) == orphan
	}
}

lives_on(doc) if {
	some words in said(doc)
	contains(words, "lives on")
}

test_flux if {
	every spec in [
		{"prune": true}, {"prune": "${X}"}, {"deletionPolicy": "Delete"},
		{"deletionPolicy": "WaitForTermination"},
	] {
		said(gone("Kustomization", {"spec": spec})) == {"deletes Kustomization fleet/eu and all that it applied"}
	}
	every spec in [null, {}, {"prune": false}, {"prune": true, "deletionPolicy": "Orphan"}] {
		lives_on(gone("Kustomization", {"spec": spec}))
	}
}

test_argo if {
	every finalizer in [
		"resources-finalizer.argocd.argoproj.io", "resources-finalizer.argocd.argoproj.io/background",
	] {
		said(gone("Application", {"metadata": {"finalizers": [finalizer]}})) == {
			"deletes Application fleet/eu and all that it applied",
		}
	}
	every finalizers in [null, [], ["other"]] {
		lives_on(gone("Application", {"metadata": {"finalizers": finalizers}}))
	}
}
