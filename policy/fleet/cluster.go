package fleet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/glob"
)

// cluster is one Cluster object of one destination.
type cluster struct {
	node  *node
	known engine.Cluster
	// members are objects that name the cluster: workers, and secrets by the
	// convention of their names.
	members []*node
	// selectedBy are the selectors that pick it.
	selectedBy []*selection
	// parts are what it is made of.
	parts parts
}

// selectors returns the addons that pick a cluster.
func (c *cluster) selectors() []engine.Referrer {
	var out []engine.Referrer
	for _, s := range c.selectedBy {
		for _, owner := range s.owners {
			if len(out) == maxListed {
				return append(out, engine.Referrer{Role: reference.RoleCluster})
			}
			out = append(out, engine.Referrer{Identity: owner.res.Identity, Role: reference.RoleCluster})
		}
	}
	return out
}

// environmentProduction is the environment of clusters that matter most.
const environmentProduction = "production"

// findClusters collects the Cluster objects and what is known of them.
func (ix *Index) findClusters() {
	managing := map[string]bool{} // destinations that hold providers
	count := map[string]int{}     // clusters of a destination
	for _, n := range ix.nodes {
		if provides(n) {
			managing[n.spot.destination] = true
		}
		if isCluster(n.spot.Identity) && ix.here[n.spot] == n {
			ix.clusters = append(ix.clusters, &cluster{node: n})
			count[n.spot.destination]++
		}
	}
	for _, c := range ix.clusters {
		alone := managing[c.node.spot.destination] && count[c.node.spot.destination] == 1
		c.known = ix.describe(c.node, alone)
		ix.clusterOf[c.node.spot] = c
	}
	slices.SortFunc(ix.clusters, func(a, b *cluster) int {
		return cmp.Or(strings.Compare(a.known.Namespace, b.known.Namespace),
			strings.Compare(a.known.Name, b.known.Name),
			strings.Compare(a.node.spot.destination, b.node.spot.destination))
	})
}

func isCluster(id render.Identity) bool {
	return id.Group == reference.GroupCluster && id.Kind == "Cluster"
}

// describe says what is known of a cluster. Alone means that it is the only
// one of a destination that holds providers: then it most likely runs them.
func (ix *Index) describe(n *node, alone bool) engine.Cluster {
	known := engine.Cluster{
		Namespace:   cmp.Or(n.res.Namespace, "default"),
		Name:        n.res.Name,
		Labels:      field.Texts(n.object, "metadata", "labels"),
		Environment: ix.environment(n),
		Role:        "unknown",
	}
	qualified := cmp.Or(n.spot.Namespace, "default") + "/" + n.spot.Name
	switch {
	case matchAny(ix.management, n.root.Path) || matchAny(ix.management, qualified):
		known.Role = "management"
	case len(ix.management) > 0:
		known.Role = "workload"
	case alone:
		known.Role = "management"
	}
	for _, l := range n.links {
		if l.role == reference.RoleInfrastructure && l.found != FoundMissing {
			annotations := field.Texts(l.targets[0].object, "metadata", "annotations")
			_, known.ExternallyManaged = annotations[reference.AnnotationManagedBy]
		}
	}
	return known
}

// environment reads the label that the config names; without one, the root's
// path may say that it is production.
func (ix *Index) environment(n *node) string {
	value := ""
	if label := ix.cfg.Clusters.EnvironmentLabel; label != "" {
		value = field.Texts(n.object, "metadata", "labels")[label]
	}
	switch {
	case symbol.Holds(value):
		return ""
	case value != "" && matchAny(ix.production, value):
		return environmentProduction
	case value != "":
		return value
	case matchAny(ix.production, n.root.Path):
		return environmentProduction
	}
	return ""
}

// patterns compiles the patterns of a config. The config's reader refuses one
// that does not compile; here it matches nothing.
func patterns(texts []string) []glob.Pattern {
	compiled := make([]glob.Pattern, len(texts))
	for i, text := range texts {
		if pattern, err := glob.Compile(text); err == nil {
			compiled[i] = pattern
		}
	}
	return compiled
}

func matchAny(patterns []glob.Pattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p glob.Pattern) bool { return p.Match(name) })
}

// provides reports whether an object installs Cluster API providers.
func provides(n *node) bool {
	id := n.spot.Identity
	switch {
	case id.Group == reference.GroupOperator && strings.HasSuffix(id.Kind, "Provider"):
		return true
	case id.Group == reference.GroupClusterctl && id.Kind == "Provider":
		return true
	case id.Kind == "Deployment" && id.Group == "apps":
		_, labelled := field.Texts(n.object, "metadata", "labels")[reference.LabelProvider]
		return labelled || providerNamespace(id.Namespace)
	}
	return false
}

// secretSuffixes end the names of the Secrets that belong to a cluster.
var secretSuffixes = []string{"-kubeconfig", "-ca", "-etcd", "-proxy", "-sa"}

// memberOf returns the clusters that an object names as its own, by reference,
// label or the convention of secret names; "" for none.
func memberOf(n *node) (namespace, name string) {
	namespace = n.spot.Namespace
	if n.spot.Group == reference.GroupCluster || strings.HasSuffix(n.spot.Group, "."+reference.GroupCluster) {
		if name = field.Text(n.object, "spec", "clusterName"); name != "" {
			return namespace, name
		}
	}
	if name, _ = field.Texts(n.object, "metadata", "labels")[reference.LabelClusterName]; name != "" {
		return namespace, name
	}
	secret := secretMade(n)
	for _, suffix := range secretSuffixes {
		if prefix, cut := strings.CutSuffix(secret, suffix); cut && prefix != "" {
			return namespace, prefix
		}
	}
	return "", ""
}

// secretMade returns the name of the Secret that an object is or becomes; ""
// for none.
func secretMade(n *node) string {
	switch n.spot.Group + "/" + n.spot.Kind {
	case "/Secret":
		return n.spot.Name
	case reference.GroupCertManager + "/Certificate":
		return field.Text(n.object, "spec", "secretName")
	case "external-secrets.io/ExternalSecret":
		return cmp.Or(field.Text(n.object, "spec", "target", "name"), n.spot.Name)
	case "bitnami.com/SealedSecret":
		return cmp.Or(field.Text(n.object, "spec", "template", "metadata", "name"), n.spot.Name)
	case "secrets.hashicorp.com/VaultStaticSecret":
		return field.Text(n.object, "spec", "destination", "name")
	}
	return ""
}
