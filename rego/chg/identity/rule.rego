# METADATA
# scope: package
# title: Identities, credentials and accounts
# description: |
#   Who the controllers are for a cloud, which Secret proves it, who may use an
#   identity, and in which account, project, region or network a cluster lies.
#   Also the Secrets that Cluster API keeps for a cluster (kubeconfig and
#   certificates), and objects that become such a Secret.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-017
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.identity

import data.countersign.lib.change
import data.countersign.lib.field

verb := change.doing

reasons contains {"message": sprintf("%s the identity %s%s", [verb, change.named, scope])} if {
	regex.match(`(^|\.)(infrastructure\.cluster\.x-k8s\.io)$`, input.change.group)
	regex.match(`Identity$`, input.change.kind)
}

scope := ": who may use it turns" if {
	change.was(["spec", "allowedNamespaces"]) != change.now(["spec", "allowedNamespaces"])
} else := ""

reasons contains {
	"message": sprintf("%s %s, which is the identity or a secret of %s", [verb, change.named, users]),
} if {
	some user in input.referenced_by
	user.role in {"identity", "secret"}
}

users := change.listed({sprintf("%s %s", [field.word(user.kind), change.placed(user)]) |
	some user in input.referenced_by
	user.role in {"identity", "secret"}
})

# The Secrets of a cluster go by its name.
reasons contains {
	"message": sprintf("%s %s: a kubeconfig, certificates or keys of a cluster", [verb, change.named]),
} if {
	input.change.kind in {"Secret", "ExternalSecret", "SealedSecret", "Certificate"}
	cluster_secret
}

cluster_secret if regex.match(`-(kubeconfig|ca|etcd|proxy|sa)$`, input.change.name)

cluster_secret if {
	some side in change.sides
	field.text(field.get(side, ["type"])) == "cluster.x-k8s.io/secret"
}

reasons contains {"message": sprintf("%s the credentials %s", [verb, change.named])} if {
	input.change.group == ""
	input.change.kind == "Secret"
	not cluster_secret
	input.change.action != "delete"
}

# Fields that say who and where, in an object or in a template.
who := [
	"identityRef", "sourceIdentityRef", "credentialsRef", "hetznerSecretRef", "infraClusterSecretRef", "cloudsSecret",
	"roleARN", "roleName", "credentialRef", "acsEndpoint", "serviceAccounts", "servicePrincipal", "iamInstanceProfile",
]

whereabouts := [
	"subscriptionID", "project", "region", "location", "resourceGroup", "tenantID", "compartmentId", "compartment",
	"server", "partition", "account", "cloudName",
]

fields contains path if {
	some base in [["spec"], ["spec", "template", "spec"]]
	some name in array.concat(who, whereabouts)
	path := array.concat(base, [name])
}

fields contains path if {
	some base in [["spec"], ["spec", "template", "spec"]]
	some below in [
		["network", "vpc", "id"], ["networkSpec", "vnet", "name"], ["networkSpec", "vnet", "resourceGroup"],
		["network", "name"], ["network", "id"], ["networkSpec", "vcn", "id"], ["prismCentral", "credentialRef"],
	]
	path := array.concat(base, below)
}

fields contains ["metadata", "annotations", "serviceoperator.azure.com/credential-from"]

reasons contains {
	"path": path,
	"message": sprintf("%s of %s: %s", [change.dotted(path), change.named, change.turns(said(b), said(a))]),
} if {
	change.stays
	regex.match(`cluster\.x-k8s\.io$|azure\.com$`, input.change.group)
	some path in fields
	b := change.was(path)
	a := change.now(path)
	b != a
}

# A reference is shown by its name.
said(x) := field.get(x, ["name"]) if field.get(x, ["name"]) != null

said(x) := x if field.get(x, ["name"]) == null
