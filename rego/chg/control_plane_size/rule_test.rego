package countersign.rules.chg.control_plane_size_test

import data.countersign.rules.chg.control_plane_size as rule

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

plane(replicas) := {"spec": {"replicas": replicas}}

turned(kind, b, a) := subject({"kind": kind, "before": plane(b), "after": plane(a)})

test_fewer if {
	said(turned("KubeadmControlPlane", 3, 1)) == {"control plane 3 → 1 machines of KubeadmControlPlane fleet/eu"}
	said(turned("KamajiControlPlane", 3, 2)) == {"control plane 3 → 2 machines of KamajiControlPlane fleet/eu"}
	said(turned("KubeadmControlPlane", 3, null)) == {
		"control plane 3 → 1 machines of KubeadmControlPlane fleet/eu",
	}
	some words in said(turned("KubeadmControlPlane", "3", "0"))
	words == "control plane 3 → 0 machines of KubeadmControlPlane fleet/eu: nothing runs the cluster any more"
}

test_unknown if {
	every pair in [[3, "${X}"], ["${X}", "${Y}"], ["${X}", 3]] {
		count(said(turned("KubeadmControlPlane", pair[0], pair[1]))) == 1
	}
	some words in said(turned("KubeadmControlPlane", 3, "${X}"))
	endswith(words, "how many, nobody knows here")
	said(turned("KamajiControlPlane", 3, null)) != set()
}

test_even if {
	every kind in ["KubeadmControlPlane", "RKE2ControlPlane", "KThreesControlPlane", "TalosControlPlane"] {
		said(turned(kind, 1, 2)) == {
			sprintf("2 control plane machines for %s fleet/eu: etcd bears no more failures than with one less", [kind]),
		}
	}
	count(said(subject({"action": "create", "kind": "KubeadmControlPlane", "after": plane(4)}))) == 1
	count(said(turned("KubeadmControlPlane", 3, 2))) == 2
}

test_even_elsewhere if {
	said(turned("KamajiControlPlane", 1, 2)) == set()
	said(subject({"action": "delete", "kind": "KubeadmControlPlane", "before": plane(2)})) == set()
	every spec in [
		{"kubeadmConfigSpec": {"clusterConfiguration": {"etcd": {"external": {"endpoints": []}}}}},
		{"serverConfig": {"externalDatastoreSecret": {"name": "db"}}},
	] {
		outside := object.union(plane(2), {"spec": spec})
		said(subject({"kind": "RKE2ControlPlane", "before": plane(1), "after": outside})) == set()
	}
}

test_silent if {
	every pair in [[1, 3], [3, 3], [null, 1], [2, 2], [null, null], [null, 3]] {
		said(turned("KubeadmControlPlane", pair[0], pair[1])) == set()
	}
	said(subject({"action": "create", "kind": "KubeadmControlPlane", "after": plane(3)})) == set()
}

topology(replicas) := {"spec": {"topology": {"controlPlane": {"replicas": replicas}}}}

test_topology if {
	doc := subject({"kind": "Cluster", "before": topology(3), "after": topology(1)})
	said(doc) == {"control plane 3 → 1 machines of Cluster fleet/eu"}
	count(said(subject({"kind": "Cluster", "before": topology(1), "after": topology(2)}))) == 1
	said(subject({"kind": "Cluster", "before": topology(null), "after": topology(null)})) == set()
}
