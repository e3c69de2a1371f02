# METADATA
# scope: package
# title: Each cluster makes its own certificate authorities
# description: |
#   Cluster API makes a new authority for each cluster unless one is already
#   there under the name that it looks for. One that comes from Git, from a
#   secret store or from an issuer can be known elsewhere, chained or shared,
#   and then the fall of one cluster is the fall of others. The key of service
#   accounts is a pair like them.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-ISO-006
#   kind: finding
#   scope: object
#   severity: critical
#   guideline: cluster-isolation-and-segregation/certificate-authority-isolation
#   kinds:
#     - core/Secret
#     - external-secrets.io/*
#     - secrets.hashicorp.com/*
#     - bitnami.com/SealedSecret
#     - cert-manager.io/Certificate
#     - bootstrap.cluster.x-k8s.io/*
#     - controlplane.cluster.x-k8s.io/*
#   providers: [all]
#   remediation: let Cluster API generate the authorities, an independent root for each cluster
#   since: 0.1.0
#   waivable: true
package countersign.rules.iso.foreign_ca

import data.countersign.lib.bootstrap
import data.countersign.lib.field
import data.countersign.lib.value

suffix := `-(ca|cca|etcd|proxy|sa)$`

# targets says for each kind where it names the Secret that it makes; what is
# not named is called as the object itself.
targets := {
	"Secret": [["metadata", "name"]],
	"SealedSecret": [["spec", "template", "metadata", "name"], ["metadata", "name"]],
	"ExternalSecret": [["spec", "target", "name"], ["metadata", "name"]],
	"ClusterExternalSecret": [
		["spec", "externalSecretSpec", "target", "name"],
		["spec", "externalSecretName"],
		["metadata", "name"],
	],
	"VaultStaticSecret": [["spec", "destination", "name"]],
	"VaultPKISecret": [["spec", "destination", "name"]],
	"VaultDynamicSecret": [["spec", "destination", "name"]],
	"Certificate": [["spec", "secretName"]],
}

place := [path | some path in targets[input.resource.kind]; value.set(field.at(path))][0]

target := field.text(field.at(place))

# of_cluster reports whether the Secret is one that Cluster API would take.
of_cluster if {
	some cluster in input.clusters
	regex.replace(target, suffix, "") == cluster.name
}

of_cluster if {
	some home in homes
	some part in ["labels", "annotations"]
	value.set(field.get(field.at(home), ["metadata", part, "cluster.x-k8s.io/cluster-name"]))
}

of_cluster if {
	some home in homes
	field.get(field.at(home), ["type"]) == "cluster.x-k8s.io/secret"
}

# homes are where kinds describe the Secret that they make.
homes := [[], ["spec", "template"], ["spec", "target", "template"], ["spec", "destination"]]

of_cluster if {
	input.resource.kind == "Certificate"
	value.truthy(field.at(["spec", "isCA"]))
}

# public reports whether a Secret holds nothing but a bundle of certificates.
public if {
	input.resource.kind == "Secret"
	keys := {key | some part in ["data", "stringData"]; some key, _ in field.map(field.at([part]))}
	every key in keys {
		key == "ca.crt"
	}
}

findings contains {
	"path": place,
	"message": sprintf("the certificate authority or key %s is not the cluster's own", [field.word(target)]),
	"evidence": field.at(["spec", "issuerRef"]),
} if {
	regex.match(suffix, target)
	of_cluster
	not public
}

# authority matches the files in which kubeadm, RKE2 and K3s keep theirs.
authority := `^(/etc/kubernetes/pki/((etcd/|front-proxy-)?ca|sa)\.|/var/lib/rancher/(rke2|k3s)/server/tls/[^ ]*ca\.)`

findings contains {
	"path": array.concat(path, ["path"]),
	"message": sprintf("bootstrap data brings the certificate authority %s", [field.word(file.path)]),
} if {
	some [path, file] in bootstrap.files
	regex.match(authority, field.text(field.get(file, ["path"])))
}
