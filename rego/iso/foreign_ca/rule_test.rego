package countersign.rules.iso.foreign_ca_test

import data.countersign.rules.iso.foreign_ca as rule

of(kind, object) := {"clusters": [{"name": "eu"}], "resource": {"kind": kind, "nested": [], "object": object}}

secret(name, fields) := of("Secret", object.union({"metadata": {"name": name}, "data": {"tls.key": "x"}}, fields))

hits(doc) := found if found := rule.findings with input as doc

paths(doc) := {hit.path | some hit in hits(doc)}

test_the_secrets_that_cluster_api_takes if {
	every end in ["ca", "cca", "etcd", "proxy", "sa"] {
		paths(secret(concat("-", ["eu", end]), {})) == {["metadata", "name"]}
	}
}

test_of_a_cluster_by_name_type_or_label if {
	paths(secret("us-ca", {})) == set()
	count(paths(secret("us-ca", {"type": "cluster.x-k8s.io/secret"}))) == 1
	labels := {"metadata": {"name": "us-ca", "labels": {"cluster.x-k8s.io/cluster-name": "us"}}}
	count(paths(secret("us-ca", labels))) == 1
}

test_other_secrets if {
	every name in ["eu-kubeconfig", "eu", "eu-caching", "ca"] {
		paths(secret(name, {"type": "cluster.x-k8s.io/secret"})) == set()
	}
}

test_a_public_bundle_has_no_key if {
	bundle := {"metadata": {"name": "eu-proxy"}, "data": {"ca.crt": "x"}, "stringData": null}
	paths(of("Secret", bundle)) == set()
	paths(of("Secret", object.union(bundle, {"stringData": {"tls.key": ""}}))) != set()
}

test_secrets_made_from_elsewhere if {
	named := {"metadata": {"name": "eu-ca"}}
	paths(of("SealedSecret", named)) == {["metadata", "name"]}
	paths(of("ExternalSecret", named)) == {["metadata", "name"]}
	other := {"metadata": {"name": "x"}, "spec": {"target": {"name": "eu-etcd"}}}
	paths(of("ExternalSecret", other)) == {["spec", "target", "name"]}
	every_space := {"metadata": {"name": "x"}, "spec": {"externalSecretSpec": {"target": {"name": "eu-ca"}}}}
	count(paths(of("ClusterExternalSecret", every_space))) == 1
	paths(of("VaultStaticSecret", {"spec": {"destination": {"name": "eu-ca"}}})) == {["spec", "destination", "name"]}
	template := {"type": "cluster.x-k8s.io/secret"}
	typed := {"metadata": {"name": "us-ca"}, "spec": {"target": {"template": template}}}
	count(paths(of("ExternalSecret", typed))) == 1
}

test_a_certificate_of_an_issuer if {
	chained := {"spec": {"isCA": true, "secretName": "us-ca", "issuerRef": {"name": "company"}}}
	some hit in hits(of("Certificate", chained))
	hit.path == ["spec", "secretName"]
	hit.evidence == {"name": "company"}
	paths(of("Certificate", {"spec": {"secretName": "us-ca"}})) == set()
	paths(of("Certificate", {"spec": {"isCA": true, "secretName": "webhook"}})) == set()
}

test_absent_and_null if {
	every kind in ["Secret", "ExternalSecret", "Certificate", "VaultStaticSecret", "KubeadmConfig"] {
		every object in [{}, {"metadata": null, "spec": null}, {"metadata": {"name": null}}] {
			paths(of(kind, object)) == set()
		}
	}
}

files(path) := of("KubeadmControlPlane", {"spec": {"kubeadmConfigSpec": {"files": [{"path": path}]}}})

test_files_of_an_authority if {
	every path in [
		"/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/etcd/ca.key",
		"/etc/kubernetes/pki/front-proxy-ca.key", "/etc/kubernetes/pki/sa.key",
		"/var/lib/rancher/rke2/server/tls/server-ca.key", "/var/lib/rancher/k3s/server/tls/client-ca.crt",
	] {
		paths(files(path)) == {["spec", "kubeadmConfigSpec", "files", 0, "path"]}
	}
	every path in ["/etc/kubernetes/pki/audit.yaml", "/etc/ssl/certs/ca.crt", "", null] {
		paths(files(path)) == set()
	}
}
