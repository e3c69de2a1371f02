package countersign.rules.gen.not_evaluated_test

import data.countersign.rules.gen.not_evaluated as rule

of(group, kind, opaque, object) := {"resource": {"group": group, "kind": kind, "opaque": opaque, "object": object}}

class(patch) := of("cluster.x-k8s.io", "ClusterClass", "", {"spec": {"patches": [{"name": "a"}, patch]}})

hits(doc) := found if found := rule.findings with input as doc

test_external_patches_of_both_shapes if {
	every name in ["generateExtension", "generatePatchesExtension"] {
		some hit in hits(class({"external": {name: "patcher.eu"}}))
		hit.path == ["spec", "patches", 1, "external", name]
		every nothing in [null, ""] {
			count(hits(class({"external": {name: nothing}}))) == 0
		}
	}
}

test_patches_of_the_class_itself if {
	every patch in [null, {}, {"external": null}, {"definitions": []}, {"external": {"validateExtension": "x"}}] {
		count(hits(class(patch))) == 0
	}
	count(hits(of("cluster.x-k8s.io", "ClusterClass", "", {}))) == 0
	count(hits(of("x", "Other", "", {"spec": {"patches": [{"external": {"generateExtension": "x"}}]}}))) == 0
}

test_what_nobody_can_read if {
	count(hits(of("apps", "Deployment", "sops key", {}))) == 1
	count(hits(of("controlplane.cluster.x-k8s.io", "XControlPlane", "sops key", {}))) == 1
	count(hits(of("", "Secret", "sops key", {}))) == 0
}

test_control_planes if {
	every kind in ["KubeadmControlPlane", "RKE2ControlPlaneTemplate", "KThreesControlPlane", "TalosControlPlane"] {
		count(hits(of("controlplane.cluster.x-k8s.io", kind, "", {}))) == 0
	}
	count(hits(of("controlplane.cluster.x-k8s.io", "NovelControlPlane", "", {}))) == 1
	count(hits(of("apps", "NovelControlPlane", "", {}))) == 0
}
