# METADATA
# title: Rights that amount to all rights
# description: |
#   What rules of Kubernetes RBAC allow, as far as it leads to the whole
#   cluster: reading credentials, granting rights, acting as others, and
#   commanding clusters.
package countersign.lib.rbac

import data.countersign.lib.field

writing := {"create", "update", "patch", "delete", "deletecollection", "*"}

groups := {
	"cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io",
	"bootstrap.cluster.x-k8s.io", "addons.cluster.x-k8s.io", "runtime.cluster.x-k8s.io",
	"operator.cluster.x-k8s.io",
}

# power is a set of what one rule of a role allows, in words.
power(rule) := union({rights(rule), everything(rule), commands(rule)})

rights(rule) := {need.word |
	some need in needs
	count(groups_of & need.groups) > 0
	count(resources & need.resources) > 0
	count(verbs & need.verbs) > 0
} if {
	field.list(field.get(rule, ["resourceNames"])) == []
	groups_of := {x | some x in field.list(field.get(rule, ["apiGroups"]))}
	resources := {x | some x in field.list(field.get(rule, ["resources"]))}
	verbs := {x | some x in field.list(field.get(rule, ["verbs"]))}
} else := set()

# needs are what a rule must name to mean a word, one of each, whatever the
# name of the resource; wildcards stand for them.
needs := [
	{
		"word": "grants rights",
		"groups": {"rbac.authorization.k8s.io", "*"},
		"resources": {"clusterroles", "roles", "*"},
		"verbs": {"escalate", "bind", "*"},
	},
	{
		"word": "acts as others",
		"groups": {"", "*"},
		"resources": {"users", "groups", "serviceaccounts", "*"},
		"verbs": {"impersonate", "*"},
	},
	{
		"word": "acts as others",
		"groups": {"authentication.k8s.io", "*"},
		"resources": {"userextras", "*"},
		"verbs": {"impersonate", "*"},
	},
	{
		"word": "reaches kubelets",
		"groups": {"", "*"},
		"resources": {"nodes/proxy", "*/proxy", "*"},
		"verbs": ({"get"} | writing),
	},
	{
		"word": "reads secrets",
		"groups": {"", "*"},
		"resources": {"secrets", "*"},
		"verbs": {"get", "list", "watch", "*"},
	},
	{
		"word": "makes tokens",
		"groups": {"", "*"},
		"resources": {"serviceaccounts/token", "*/token", "*"},
		"verbs": {"create", "*"},
	},
	{
		"word": "approves certificates",
		"groups": {"certificates.k8s.io", "*"},
		"resources": {"certificatesigningrequests/approval", "*/approval", "*"},
		"verbs": {"update", "patch", "*"},
	},
	{
		"word": "approves certificates",
		"groups": {"certificates.k8s.io", "*"},
		"resources": {"signers", "*"},
		"verbs": {"approve", "sign", "*"},
	},
	{
		"word": "rewrites admission",
		"groups": {"admissionregistration.k8s.io", "*"},
		"resources": {"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "*"},
		"verbs": writing,
	},
]

everything(rule) := {"does everything"} if {
	"*" in field.list(field.get(rule, ["apiGroups"]))
	"*" in field.list(field.get(rule, ["resources"]))
	"*" in field.list(field.get(rule, ["verbs"]))
} else := set()

commands(rule) := {"commands clusters"} if {
	some g in field.list(field.get(rule, ["apiGroups"]))
	g in (groups | {"*"})
	some v in field.list(field.get(rule, ["verbs"]))
	v in writing
	some r in field.list(field.get(rule, ["resources"]))
	not endswith(field.text(r), "/status")
	count(field.list(field.get(rule, ["resourceNames"]))) == 0
} else := set()

# powers is what a Role or ClusterRole allows; reading secrets counts where it
# is not bounded by a namespace.
powers(role) := all if {
	field.get(role, ["kind"]) == "ClusterRole"
	all := union({power(rule) | some rule in field.list(field.get(role, ["rules"]))})
}

powers(role) := all - {"reads secrets"} if {
	field.get(role, ["kind"]) == "Role"
	all := union({power(rule) | some rule in field.list(field.get(role, ["rules"]))})
}

# worst are the powers that are those of an administrator at once.
worst := {"does everything", "grants rights", "acts as others"}

# strong reports whether a role, by its name, is one that known controllers
# need and nobody else may have.
strong(name) if name in {"cluster-admin", "argocd-application-controller", "argocd-server", "crd-controller"}

strong(name) if endswith(name, "manager-role")

strong(name) if startswith(name, "crd-controller-")

# known_role reports whether a role is a known controller's own: one of
# Cluster API's providers, Flux or Argo CD.
known_role(role) if {
	labelled(role)
	endswith(field.text(field.get(role, ["metadata", "name"])), "manager-role")
}

known_role(role) if {
	name := field.text(field.get(role, ["metadata", "name"]))
	name != "cluster-admin"
	not endswith(name, "manager-role")
	strong(name)
}

labelled(object) if {
	provider := field.text(field.get(object, ["metadata", "labels", "cluster.x-k8s.io/provider"]))
	regex.match(`^(cluster-api|(core|bootstrap|control-plane|infrastructure|ipam|addon|runtime-extension)-.+)$`, provider)
}

# of_provider reports whether a binding is one of a Cluster API provider: by
# the role's name, or by the provider's label on the binding.
of_provider(binding) if labelled(binding)

of_provider(binding) if endswith(field.text(field.get(binding, ["roleRef", "name"])), "manager-role")

# stranger reports whether a subject is none of those controllers.
stranger(subject) if not field.get(subject, ["kind"]) == "ServiceAccount"

stranger(subject) if {
	field.get(subject, ["kind"]) == "ServiceAccount"
	not known_account(
		field.text(field.get(subject, ["namespace"])),
		field.text(field.get(subject, ["name"])),
	)
}

known_account("flux-system", name) if name in {"kustomize-controller", "helm-controller", "source-controller"}

known_account("flux-system", name) if {
	name in {"notification-controller", "image-reflector-controller", "image-automation-controller"}
}

known_account("argocd", name) if name in {"argocd-application-controller", "argocd-server"}
