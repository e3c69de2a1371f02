package countersign.rules.gen.dangling_reference_test

import data.countersign.rules.gen.dangling_reference as rule

link(role, kind, found) := {
	"path": ["spec", "ref"], "role": role, "found": found,
	"group": "g", "kind": kind, "namespace": "fleet", "name": "eu", "object": null,
}

object_with(labels, links) := {"links": links, "resource": {"object": {"metadata": {"labels": labels}}}}

hits(doc) := found if found := rule.findings with input as doc

confidences(links) := {hit.confidence | some hit in hits(object_with(null, links))}

test_what_belongs_with_the_object if {
	every role in ["infrastructure", "control-plane", "machine-template", "bootstrap", "remediation"] {
		confidences([link(role, "AWSCluster", "missing")]) == {"certain"}
	}
}

test_what_is_found if {
	every found in ["destination", "tree"] {
		confidences([link("infrastructure", "AWSCluster", found)]) == set()
	}
	confidences([]) == set()
}

test_what_may_live_elsewhere_is_unknown if {
	every role in ["class", "identity"] {
		confidences([link(role, "X", "missing")]) == {"unknown"}
	}
}

test_secrets_payloads_and_clusters_are_not_expected if {
	every role in ["secret", "payload", "issuer", "cluster", "cluster-infrastructure"] {
		confidences([link(role, "X", "missing")]) == set()
	}
	confidences([link("identity", "Secret", "missing")]) == set()
}

test_a_link_that_nobody_wrote if {
	confidences([object.union(link("infrastructure", "X", "missing"), {"path": []})]) == set()
}

test_the_identity_that_aws_makes_itself if {
	own := object.union(link("identity", "AWSClusterControllerIdentity", "missing"), {"name": "default"})
	confidences([own]) == set()
}

test_what_a_topology_owns if {
	missing := [link("bootstrap", "X", "missing")]
	count(hits(object_with({"topology.cluster.x-k8s.io/owned": ""}, missing))) == 0
	count(hits(object_with({"a": "b"}, missing))) == 1
}

test_placeholders_are_unknown if {
	every part in ["name", "kind"] {
		every text in ["${X}", "${ X }-0"] {
			guess := object.union(link("bootstrap", "X", "missing"), {part: text})
			confidences([guess]) == {"unknown"}
		}
	}
	confidences([link("machine-template", "Metal3DataTemplate", "missing")]) == {"unknown"}
}
