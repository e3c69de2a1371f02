package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/pool"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
)

// FactsDigest sums up what a root offers to other roots and needs from them:
// classes and what they are made of, identities, the facts of its clusters,
// selectors, names that others may refer to. Where it is equal on both sides,
// no other root and no fleet rule need be looked at. It is made from the
// objects as rendered, so that it holds for every config. A build that failed
// has no facts: all such digests are equal.
//
// How many nodes a root's own clusters have is no such fact: what a change adds
// is the difference of the roots that it touches, whatever the others have.
func FactsDigest(build render.Build) string {
	ix := New([]render.Build{build}, config.Config{})
	h := sha256.New()
	for _, n := range ix.nodes {
		ix.writeFacts(h, n)
	}
	for _, r := range ix.facts().list {
		fmt.Fprintf(h, "cluster %x\n", r.facts())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeFacts writes what one object means to other roots.
func (ix *Index) writeFacts(w io.Writer, n *node) {
	if !offers(n.spot.Identity) {
		return
	}
	fmt.Fprintf(w, "%q %q\n", n.spot.destination, n.spot.Identity)
	if ix.sharesContent(n) {
		fmt.Fprintf(w, "content %s\n", n.res.Digest)
	}
	for _, l := range n.links {
		if l.found == FoundMissing {
			fmt.Fprintf(w, "needs %q %q\n", l.role, l.target)
		}
	}
	if namespace, name := memberOf(n); name != "" {
		fmt.Fprintf(w, "member %q %q\n", namespace, name)
		if !ix.holdsCluster(n) {
			// The cluster that these nodes count for is another root's.
			nodes, _, symbol := pool.Size(n.object, field.At(n.object, "spec", "replicas"))
			fmt.Fprintf(w, "nodes %d %q\n", nodes, symbol)
		}
	}
	if selector, ok := selectorOf(n); ok {
		fmt.Fprintf(w, "selects %q\n", n.selectorText(selector))
	}
}

// offers reports whether other roots may refer to objects like this one.
func offers(id render.Identity) bool {
	switch id.Group {
	case "":
		return id.Kind == "Secret" || id.Kind == "ConfigMap"
	case reference.GroupCluster, reference.GroupCertManager:
		return true
	case "external-secrets.io", "secrets.hashicorp.com", "bitnami.com":
		return true
	case "apps":
		return id.Kind == "Deployment" && providerNamespace(id.Namespace)
	}
	return strings.HasSuffix(id.Group, "."+reference.GroupCluster)
}

// sharesContent reports whether another root may depend on what is in an
// object: it is made to be shared, belongs to a class, or nobody in its own
// root has a use for it.
func (ix *Index) sharesContent(n *node) bool {
	users := ix.users[n.spot]
	switch n.spot.Kind {
	case "ClusterClass", "ClusterIssuer", "Issuer":
		return true
	case "Cluster", "MachineDeployment", "MachineSet", "MachinePool", "Machine", "MachineHealthCheck", "ConfigMap":
		return false // their facts say it all
	}
	return len(users) == 0 || strings.HasSuffix(n.spot.Kind, "Identity") || slices.ContainsFunc(users, user.ofClass)
}

// clusterOf returns the cluster that an object names as its own.
func clusterOf(n *node) (render.Identity, bool) {
	namespace, name := memberOf(n)
	return reference.Place(render.Identity{Namespace: namespace}, reference.GroupCluster, "Cluster", name), name != ""
}

// holdsCluster reports whether the cluster that an object names is here.
func (ix *Index) holdsCluster(n *node) bool {
	id, ok := clusterOf(n)
	if !ok {
		return false
	}
	_, found := ix.lookup(n.spot.destination, id)
	return found != FoundMissing
}

// Needs returns what the objects of a root refer to and the root itself does
// not hold: to be looked for in other roots. Sorted, without duplicates; names
// that a placeholder without default decides are left out.
func Needs(build render.Build) []render.Identity {
	ix := New([]render.Build{build}, config.Config{})
	var needs []render.Identity
	add := func(id render.Identity) {
		if !symbol.Holds(id.Name) && !symbol.Holds(id.Namespace) {
			needs = append(needs, id)
		}
	}
	for _, n := range ix.nodes {
		for _, l := range n.links {
			if l.found == FoundMissing {
				add(l.target)
			}
		}
		if id, ok := clusterOf(n); ok && !ix.holdsCluster(n) {
			add(id)
		}
	}
	slices.SortFunc(needs, compareIdentities)
	return slices.Compact(needs)
}
