package fleet

import (
	"regexp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// Change returns the input of the change rules for one change. The index is
// the head's; base is the other side's (an empty one where there is none).
// Failing is left to the caller, who runs the object rules.
func (ix *Index) Change(ch *render.Change, base *Index) engine.Change {
	out := engine.Change{Change: ch}
	from := ch.Destination
	if ch.From != "" {
		from = ch.From
	}
	var before, after *node
	if ch.Before != nil {
		before = base.find(ch.Before, rootOf(base, ch.Before, from))
		out.Before = before.object
		out.ReferencedBy = base.referrers(before)
	}
	if ch.After != nil {
		after = ix.find(ch.After, rootOf(ix, ch.After, ch.Destination))
		out.After = after.object
		out.ReferencedBy = append(out.ReferencedBy, ix.referrers(after)...)
	}
	out.Clusters = ix.reached(base, before, after)
	slices.SortFunc(out.ReferencedBy, compareReferrers)
	out.ReferencedBy = slices.Compact(out.ReferencedBy)
	out.NamespaceRole = ix.namespaceRole(ch.Resource(), base)
	if after != nil {
		out.Related = ix.related(after)
	} else if before != nil {
		out.Related = base.related(before)
	}
	return out
}

// rootOf returns the root that a resource was rendered by; for one that the
// index does not hold, a root that only names the destination.
func rootOf(ix *Index, res *render.Resource, destination string) render.Root {
	if n := ix.byResource[res]; n != nil {
		return n.root
	}
	return render.Root{Destination: destination}
}

// relatedRoles are the links whose targets change rules compare with.
var relatedRoles = []string{
	reference.RoleControlPlane, reference.RoleInfrastructure, reference.RoleClass, reference.RoleIdentity,
}

// related returns the objects that change rules compare a node with: what it
// refers to, and for anything in a cluster that cluster and its control plane.
func (ix *Index) related(n *node) []engine.Link {
	var links []engine.Link
	for _, l := range n.links {
		if l.found != FoundMissing && slices.Contains(relatedRoles, l.role) {
			links = append(links, linkTo(l.path, l.role, l.found, l.target, l.targets))
		}
	}
	namespace, name := memberOf(n)
	if name == "" || isCluster(n.spot.Identity) {
		return links
	}
	id := reference.Place(render.Identity{Namespace: namespace}, reference.GroupCluster, "Cluster", name)
	owners, found := ix.lookup(n.spot.destination, id)
	if found == FoundMissing {
		return links
	}
	path := field.Path("spec", "clusterName")
	links = append(links, linkTo(path, reference.RoleCluster, found, id, owners))
	for _, l := range owners[0].links {
		if l.role == reference.RoleControlPlane && l.found != FoundMissing {
			links = append(links, linkTo(path, reference.RoleControlPlane, l.found, l.target, l.targets))
		}
	}
	return links
}

// The roles of namespaces.
const (
	NamespaceProvider = "provider"
	NamespaceSystem   = "system"
	NamespaceGitOps   = "gitops"
)

// providerName is how providers name their namespaces.
var providerName = regexp.MustCompile(`^(cap[a-z0-9]{1,12}(-[a-z0-9-]+)?|` +
	`(caaph|caren|caip|rke2|k3s|kthrees|k0smotron|kamaji|metal3|` +
	`baremetal-operator|rancher-turtles|azureserviceoperator|orc)` +
	`(-[a-z0-9-]+)?|ca(bp|cp)[a-z0-9-]+)-system$`)

func providerNamespace(name string) bool {
	return providerName.MatchString(name)
}

// systemNamespaces and gitOpsNamespaces are names that everybody uses.
var (
	systemNamespaces = []string{
		"cert-manager", "tigera-operator", "calico-system", "calico-apiserver", "cilium", "gatekeeper-system",
		"kyverno", "external-secrets", "sealed-secrets", "olm", "openshift-operators",
	}
	gitOpsNamespaces = []string{
		"flux-system", "argocd", "argo-cd", "openshift-gitops", "cattle-fleet-system", "fleet-system",
		"cattle-fleet-local-system", "projectsveltos",
	}
)

// namespaceRole says what lives in a resource's namespace, for a Namespace in
// itself: by what either side holds there, then by its name.
func (ix *Index) namespaceRole(res *render.Resource, base *Index) string {
	name := res.Namespace
	if res.Group == "" && res.Kind == "Namespace" {
		name = res.Name
	}
	switch {
	case name == "":
		return ""
	case ix.providers[name] || base.providers[name] || providerNamespace(name):
		return NamespaceProvider
	case strings.HasPrefix(name, "kube-") || slices.Contains(systemNamespaces, name):
		return NamespaceSystem
	case slices.Contains(gitOpsNamespaces, name):
		return NamespaceGitOps
	}
	return ""
}
