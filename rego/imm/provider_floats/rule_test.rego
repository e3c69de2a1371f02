package countersign.rules.imm.provider_floats_test

import data.countersign.rules.imm.provider_floats as rule

provider(spec) := {
	"params": {"CS-IMM-009": {"known_hosts": ["github.com", "gitlab.com"]}},
	"resource": {"kind": "InfrastructureProvider", "object": {"spec": spec}},
}

pinned(spec) := provider(object.union({"version": "v1.10.1"}, spec))

hits(doc) := found if found := rule.findings with input as doc

test_no_version if {
	every spec in [null, {}, {"version": null}, {"version": ""}, {"version": "latest"}, {"version": " Latest "}] {
		some hit in hits(provider(spec))
		hit.path == ["spec", "version"]
	}
}

test_a_version if {
	every version in ["v1.10.1", "${VERSION}"] {
		count(hits(provider({"version": version}))) == 0
	}
}

test_manifests_from_the_cluster_need_none if {
	count(hits(provider({"fetchConfig": {"selector": {"matchLabels": {"provider": "aws"}}}}))) == 0
	count(hits(provider({"fetchConfig": {"selector": {}}}))) == 1
}

test_the_place_it_comes_from if {
	every url in ["https://github.com/a/b/releases", "https://GitHub.com:443/a", "", null] {
		count(hits(pinned({"fetchConfig": {"url": url}}))) == 0
	}
	every url in [
		"https://github.com.evil.example/a", "https://evil.example/github.com", "https://github.com@evil.example/a",
		"https://user:github.com@evil.example", "evil",
	] {
		some hit in hits(pinned({"fetchConfig": {"url": url}}))
		hit.path == ["spec", "fetchConfig", "url"]
	}
	some guess in hits(pinned({"fetchConfig": {"url": "${URL}"}}))
	guess.confidence == "unknown"
}

test_an_image_that_holds_the_manifests if {
	{hit.path[1] | some hit in hits(provider({"fetchConfig": {"oci": "r.example/p"}}))} == {"version", "fetchConfig"}
	{hit.path[1] | some hit in hits(provider({"fetchConfig": {"oci": "r.example/p:v1"}}))} == {"version"}
	count(hits(pinned({"fetchConfig": {"oci": "r.example/p"}}))) == 0
}

test_other_images if {
	severities := {
		"r.example/p:v1.0.0": "medium", "r.example:5000/p@sha256:00": "medium", "${IMAGE}": "medium",
		"r.example:5000/p": "high", "r.example/p:latest": "high",
	}
	every image, severity in severities {
		some hit in hits(pinned({"deployment": {"containers": [{"name": "manager", "imageUrl": image}]}}))
		hit.path == ["spec", "deployment", "containers", 0, "imageUrl"]
		hit.severity == severity
	}
	every containers in [null, [], [{"name": "manager"}], [{"imageUrl": ""}]] {
		count(hits(pinned({"deployment": {"containers": containers}}))) == 0
	}
}

test_patches_that_matter if {
	every patch in [
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n", "spec:\n  template:\n    args: [a]\n",
		{"patch": "- op: add\n  path: /spec/containers/0/args/-", "target": {"kind": "Deployment"}},
		{"target": {"kind": "ClusterRole"}, "patch": "x"},
	] {
		some hit in hits(pinned({"manifestPatches": [patch]}))
		hit.path == ["spec", "manifestPatches", 0]
		count(hits(pinned({"patches": [patch]}))) == 1
	}
	every patch in ["metadata:\n  labels: {a: b}\n", {"patch": "x"}, null, 1] {
		count(hits(pinned({"manifestPatches": [patch]}))) == 0
	}
}
