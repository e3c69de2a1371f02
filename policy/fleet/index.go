package fleet

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/classpatch"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/graph"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/glob"
)

// Index is what is known of one side: all resources of its builds, who refers
// to whom, and which clusters each belongs to. It is immutable and safe for
// concurrent use. What it returns is shared and must not be changed.
type Index struct {
	cfg   config.Config
	nodes []*node
	// management and production are the config's patterns.
	management, production []glob.Pattern
	// here finds an object in a destination, tree in any.
	here map[spot]*node
	tree map[render.Identity][]*node
	// made finds what becomes a Secret of a destination.
	made map[spot]*node
	// users are those who refer to an object of their own destination;
	// distant are those whose own destination lacks what they refer to.
	users   map[spot][]user
	distant map[render.Identity][]user
	// clusters are sorted by namespace, name and destination.
	clusters   []*cluster
	clusterOf  map[spot]*cluster
	selections map[*node]*selection
	patches    map[*node][]classpatch.Patch // of the classes whose patches are read
	providers  map[string]bool              // namespaces that hold providers
	byResource map[*render.Resource]*node
	reaches    []*graph.Set // by vertex: places in clusters
	known      map[*graph.Set][]engine.Cluster
	merges     *merges
	infra      map[*graph.Set][]*node // what machines of these clusters take defaults from
	facts      func() *records
}

// Where a link's target was found.
const (
	FoundDestination = "destination" // in the destination of the one who refers
	FoundTree        = "tree"        // in another destination of the repository
	FoundMissing     = "missing"
)

// spot is an object's place.
type spot struct {
	destination string
	render.Identity
}

// node is one resource of one root.
type node struct {
	res  *render.Resource
	root render.Root
	// spot is its place, with placeholders in the name applied.
	spot   spot
	object map[string]any
	holes  []engine.Placeholder
	links  []link
	// vertex is its place in the graph of reach; copies of an object share it.
	vertex int32
}

// link is a reference with what it leads to; several targets when only other
// destinations have one.
type link struct {
	path    render.Path
	role    string
	target  render.Identity
	found   string
	targets []*node
}

// New indexes the builds of one side. Builds that failed and objects that are
// applied nowhere are left out. The order of the builds does not matter, and
// the builds must not be changed while the index is used.
func New(builds []render.Build, cfg config.Config) *Index {
	ix := &Index{
		cfg:        cfg,
		here:       map[spot]*node{},
		tree:       map[render.Identity][]*node{},
		made:       map[spot]*node{},
		users:      map[spot][]user{},
		distant:    map[render.Identity][]user{},
		clusterOf:  map[spot]*cluster{},
		selections: map[*node]*selection{},
		providers:  map[string]bool{},
		patches:    map[*node][]classpatch.Patch{},
		known:      map[*graph.Set][]engine.Cluster{},
		merges:     newMerges(),
		infra:      map[*graph.Set][]*node{},
		management: patterns(cfg.Clusters.Management),
		production: patterns(cfg.Clusters.Production),
		byResource: map[*render.Resource]*node{},
	}
	ix.addAll(builds)
	for _, n := range ix.nodes {
		ix.connect(n)
		for i := range n.links {
			ix.record(n, &n.links[i])
		}
		if provides(n) {
			ix.providers[n.spot.Namespace] = true
		}
	}
	ix.findClusters()
	ix.selectClusters()
	ix.spread()
	ix.readClasses()
	thinAll(ix.users)
	thinAll(ix.distant)
	ix.facts = sync.OnceValue(func() *records { return collect(ix) })
	return ix
}

// addAll makes the nodes, in the order of destinations, roots and identities.
func (ix *Index) addAll(builds []render.Build) {
	sorted := make([]*render.Build, 0, len(builds))
	for i := range builds {
		if builds[i].Status == render.StatusBuilt {
			sorted = append(sorted, &builds[i])
		}
	}
	slices.SortStableFunc(sorted, func(a, b *render.Build) int {
		return cmp.Or(strings.Compare(a.Root.Destination, b.Root.Destination),
			strings.Compare(a.Root.Path, b.Root.Path))
	})
	for _, build := range sorted {
		for i := range build.Resources {
			if res := &build.Resources[i]; !res.Local {
				ix.add(ix.node(res, build.Root))
			}
		}
	}
}

// node reads a resource without adding it.
func (ix *Index) node(res *render.Resource, root render.Root) *node {
	object, holes := symbol.Resolve(res.Object, ix.cfg.Substitute)
	name, _ := symbol.Expand(res.Name, ix.cfg.Substitute)
	owner := res.Identity
	owner.Namespace, _ = symbol.Expand(res.Namespace, ix.cfg.Substitute)
	id := reference.Place(owner, res.Group, res.Kind, name)
	return &node{
		res: res, root: root, spot: spot{root.Destination, id},
		object: object, holes: holes, vertex: -1,
	}
}

func (ix *Index) add(n *node) {
	ix.nodes = append(ix.nodes, n)
	ix.byResource[n.res] = n
	if first := ix.here[n.spot]; first != nil {
		n.vertex = first.vertex
		return
	}
	n.vertex = int32(len(ix.here))
	ix.here[n.spot] = n
	if secret := secretMade(n); secret != "" {
		at := spot{n.spot.destination, reference.Place(n.spot.Identity, "", "Secret", secret)}
		if ix.made[at] == nil {
			ix.made[at] = n
		}
	}
	if !symbol.Holds(n.spot.Name) && !symbol.Holds(n.spot.Namespace) {
		ix.tree[n.spot.Identity] = append(ix.tree[n.spot.Identity], n)
	}
}

// lookup finds an object for one who lives in a destination: there first,
// then in the rest of the tree. A name that holds a placeholder means the same
// only within one destination.
func (ix *Index) lookup(destination string, id render.Identity) ([]*node, string) {
	if n := ix.here[spot{destination, id}]; n != nil {
		return []*node{n}, FoundDestination
	}
	if n := ix.made[spot{destination, id}]; n != nil {
		return []*node{n}, FoundDestination
	}
	if others := ix.tree[id]; len(others) > 0 {
		return others, FoundTree
	}
	return nil, FoundMissing
}

// connect finds the targets of a node's references.
func (ix *Index) connect(n *node) {
	for _, ref := range reference.Of(n.spot.Identity, n.object) {
		targets, found := ix.lookup(n.spot.destination, ref.Target)
		if found == FoundMissing && ix.arises(n, ref) {
			continue
		}
		n.links = append(n.links, link{ref.Path, ref.Role, ref.Target, found, targets})
	}
	slices.SortStableFunc(n.links, func(a, b link) int { return a.path.Compare(b.path) })
}

// arises reports whether a controller makes what a reference names, so that it
// is not in the tree by design.
func (ix *Index) arises(n *node, ref reference.Reference) bool {
	id := ref.Target
	switch {
	case id.Kind == "AWSClusterControllerIdentity":
		return id.Name == "default"
	case isCluster(n.spot.Identity) && ref.Role != reference.RoleClass:
		return field.At(n.object, "spec", "topology") != nil && len(ref.Path) == 2
	case id.Kind != "Secret" || id.Group != "":
		return false
	case strings.HasSuffix(id.Name, "-azure-json"):
		return true
	}
	for _, suffix := range secretSuffixes {
		owner, cut := strings.CutSuffix(id.Name, suffix)
		at := reference.Place(id, reference.GroupCluster, "Cluster", owner)
		if cut && ix.here[spot{n.spot.destination, at}] != nil {
			return true
		}
	}
	return false
}

// record notes a link on its target's side.
func (ix *Index) record(n *node, l *link) {
	switch l.found {
	case FoundDestination:
		ix.users[l.targets[0].spot] = append(ix.users[l.targets[0].spot], user{n, l})
	case FoundTree:
		ix.distant[l.target] = append(ix.distant[l.target], user{n, l})
	}
}

// usersOf returns who refers to an object by name, without selectors.
func (ix *Index) usersOf(at spot) []user {
	distant := ix.distant[at.Identity]
	if len(distant) == 0 || symbol.Holds(at.Name) || symbol.Holds(at.Namespace) {
		return ix.users[at]
	}
	return slices.Concat(ix.users[at], distant)
}

// clusterAt returns the cluster whose object a node is; nil for other objects.
func (ix *Index) clusterAt(n *node) *cluster {
	return ix.clusterOf[n.spot]
}

// find returns the node of a resource; one that the index does not hold (a
// local one) is read as if it were there.
func (ix *Index) find(res *render.Resource, root render.Root) *node {
	if n := ix.byResource[res]; n != nil {
		return n
	}
	n := ix.node(res, root)
	if first := ix.here[n.spot]; first != nil && !res.Local {
		n.vertex = first.vertex
	}
	ix.connect(n)
	return n
}
