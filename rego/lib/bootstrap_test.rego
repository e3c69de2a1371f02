package countersign.lib.bootstrap_test

import data.countersign.lib.bootstrap

of(kind, spec, nested) := {"resource": {"kind": kind, "object": {"spec": spec}, "nested": nested}}

test_where_each_kind_keeps_it if {
	prefixes := {
		"KubeadmControlPlane": ["spec", "kubeadmConfigSpec"], "KubeadmConfigTemplate": ["spec", "template", "spec"],
		"RKE2ControlPlane": ["spec"], "RKE2ConfigTemplate": ["spec", "template", "spec"],
		"KThreesControlPlane": ["spec", "kthreesConfigSpec"], "K0sControlPlane": ["spec", "k0sConfigSpec"],
		"MicroK8sConfigTemplate": ["spec", "template", "spec", "initConfiguration"], "EKSConfig": ["spec"],
	}
	every kind, prefix in prefixes {
		bootstrap.prefix == prefix with input as of(kind, {}, [])
	}
}

test_texts_that_were_not_unpacked if {
	user_data := {"config": "#!/bin/sh", "data": {"a": "b", "c": 1}}
	root := ["spec", "agentConfig", "additionalUserData"]
	expected := {
		[array.concat(root, ["config"]), "#!/bin/sh"],
		[array.concat(root, ["data", "a"]), "b"],
	}
	spec := {"agentConfig": {"additionalUserData": user_data}}
	found := bootstrap.cloud_texts with input as of("RKE2Config", spec, [])
	found == expected
	nested := [{"path": array.concat(root, ["config"]), "text": "", "documents": [{}]}]
	rest := bootstrap.cloud_texts with input as of("RKE2Config", spec, nested)
	count(rest) == 1
}

test_nothing_where_nothing_is if {
	every spec in [null, {}, {"users": null, "files": "x", "preKubeadmCommands": {}}, {"users": [null], "files": [1]}] {
		doc := of("KubeadmConfig", spec, [])
		bootstrap.users == set() with input as doc
		bootstrap.files == set() with input as doc
		bootstrap.texts == set() with input as doc
		bootstrap.cloud_texts == set() with input as doc
	}
}

test_content_as_it_was_unpacked if {
	path := ["spec", "files", 0]
	place := ["spec", "files", 0, "content"]
	files := {"files": [{"path": "/a", "content": "raw"}]}
	bootstrap.content(path) == "raw" with input as of("KubeadmConfig", files, [])
	text := [{"path": place, "text": "unpacked", "documents": []}]
	bootstrap.content(path) == "unpacked" with input as of("KubeadmConfig", files, text)
	documents := [{"path": place, "text": "", "documents": [{"a": 1}, {"b": 2}]}]
	bootstrap.content(path) == "{\"a\":1}\n{\"b\":2}" with input as of("KubeadmConfig", files, documents)
	not bootstrap.content(["spec", "files", 1]) with input as of("KubeadmConfig", files, [])
}

class(write) := of("ClusterClass", {"patches": [{"definitions": [{"jsonPatches": [write]}]}]}, [])

test_class_writes if {
	found := bootstrap.class_writes("/users") with input as class({"op": "add", "path": "/spec/users/-"})
	found == {["spec", "patches", 0, "definitions", 0, "jsonPatches", 0]}
	none := bootstrap.class_writes("/users") with input as class({"op": "remove", "path": "/spec/users"})
	none == set()
}
