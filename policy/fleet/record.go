package fleet

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
)

// records are the facts of all clusters of a side, grouped by what they use.
type records struct {
	list   []*record // in the order of Index.clusters
	at     map[spot]*record
	groups map[group][]member
	names  map[name][]*record
	byRoot map[string][]*record
	total  int // a cluster that two roots render counts once
}

// group is a thing that clusters may share.
type group struct{ what, key string }

// member is a cluster's part in a group.
type member struct {
	record *record
	use    use
}

// name is what a cluster is called, wherever it is rendered.
type name struct{ namespace, name string }

// record is what fleet rules compare of one cluster.
type record struct {
	cluster  *cluster
	order    int // in records.list
	provider string
	nodes    int      // asked for, as far as known
	unknown  []string // what stands for the size of pools that a placeholder decides
	uses     []use
	// print is equal for equal facts.
	print [sha256.Size]byte
}

// collect makes the records of an index. Its cost is linear in the objects.
func collect(ix *Index) *records {
	rs := &records{
		at: map[spot]*record{}, groups: map[group][]member{}, names: map[name][]*record{},
		byRoot: map[string][]*record{},
	}
	c := collector{ix: ix, networks: map[scoped][]use{}, uses: map[scoped][]use{}, names: map[*node]named{},
		left: useBudget}
	for _, cluster := range ix.clusters {
		r := c.record(cluster)
		r.order = len(rs.list)
		rs.list = append(rs.list, r)
		rs.at[cluster.node.spot] = r
		rs.names[r.name()] = append(rs.names[r.name()], r)
		root := cluster.node.root.Path
		rs.byRoot[root] = append(rs.byRoot[root], r)
		seen := map[group]bool{}
		for _, u := range r.uses {
			g := group{u.what, u.key}
			if !seen[g] {
				seen[g] = true
				rs.groups[g] = append(rs.groups[g], member{r, u})
			}
		}
	}
	for _, named := range rs.names {
		rs.total += len(distinct(named))
	}
	return rs
}

// scoped is an object in the account or on the server of its cluster.
type scoped struct {
	node  *node
	scope string
}

// useBudget bounds the uses of all clusters of a side. Clusters past it all
// share one thing: what is not compared.
const useBudget = 500_000

// uncompared is what clusters past the budget share.
const uncompared = "more networks than are compared"

// collector reads records; what a shared object says is read once.
type collector struct {
	ix       *Index
	networks map[scoped][]use
	uses     map[scoped][]use // networks among them
	names    map[*node]named  // of identities
	left     int
}

// named is a thing as it is compared and as people know it.
type named struct{ key, words string }

// parts are the objects that make up a cluster.
type parts struct {
	infra, controlPlane *node
	machines            []*node // machine templates that name networks
}

func (c *collector) record(cl *cluster) *record {
	r := &record{cluster: cl}
	p := cl.parts
	scope := ""
	if p.infra != nil {
		r.provider = provider(p.infra.spot.Kind)
		scope = scopeOf(p.infra)
	}
	for i, n := range []*node{p.infra, p.controlPlane} {
		if n != nil && (i == 0 || n != p.infra) {
			c.add(r, c.usesOf(n, scope))
		}
	}
	for _, n := range p.machines {
		if c.left < 0 {
			break
		}
		c.add(r, c.networksOf(n, scope))
	}
	for _, n := range cl.members {
		c.add(r, authorities(n))
	}
	if c.left < 0 {
		r.uses = append(r.uses, newUse(cl.node, ShareNetwork, uncompared,
			field.Path("metadata", "name")))
	}
	r.nodes, r.unknown = size(cl, p)
	r.print = r.digest()
	return r
}

// add spends on looking as well, for clusters may share a list of objects.
func (c *collector) add(r *record, uses []use) {
	if c.left -= 1 + len(uses); c.left >= 0 {
		r.uses = append(r.uses, uses...)
	}
}

// usesOf reads what the infrastructure or control plane of a cluster uses.
func (c *collector) usesOf(n *node, scope string) []use {
	at := scoped{n, scope}
	uses, known := c.uses[at]
	if !known {
		uses = slices.Concat(c.networksOf(n, scope), c.principals(n), accounts(n))
		c.uses[at] = uses
	}
	return uses
}

// networksOf reads the networks of an object, without those that a class patch
// may put something else in the place of.
func (c *collector) networksOf(n *node, scope string) []use {
	at := scoped{n, scope}
	if uses, known := c.networks[at]; known {
		return uses
	}
	uses := networks(n, scope)
	if strings.HasSuffix(n.spot.Kind, "Template") && len(uses) > 0 {
		writes := c.ix.classWrites(n)
		uses = slices.DeleteFunc(uses, func(u use) bool {
			return slices.ContainsFunc(writes, func(w engine.ClassWrite) bool {
				return w.Op != "external" && (u.path.HasPrefix(w.Path) || w.Path.HasPrefix(u.path))
			})
		})
	}
	c.networks[at] = uses
	return uses
}

// scopeOf returns what names of networks are relative to.
func scopeOf(infra *node) string {
	own := infra.below(base(infra))
	switch provider(infra.spot.Kind) {
	case "openstack":
		return field.Text(own, "identityRef", "cloudName") + field.Text(own, "cloudName")
	case "vsphere":
		return field.Text(own, "server")
	}
	return ""
}

// findParts finds what the clusters are made of: their own objects, or those
// of their class. What several clusters share is looked through once.
func (ix *Index) findParts() {
	shared := map[*node]parts{}
	of := func(n *node) parts {
		p, known := shared[n]
		if !known {
			p = parts{target(n.links, reference.RoleInfrastructure), target(n.links, reference.RoleControlPlane),
				networked(n.links)}
			shared[n] = p
		}
		return p
	}
	for _, c := range ix.clusters {
		if class := target(c.node.links, reference.RoleClass); class != nil {
			c.parts = of(class)
			continue
		}
		c.parts.infra = target(c.node.links, reference.RoleInfrastructure)
		c.parts.controlPlane = target(c.node.links, reference.RoleControlPlane)
		if c.parts.controlPlane != nil {
			c.parts.machines = slices.Clip(of(c.parts.controlPlane).machines)
		}
		for _, n := range c.members {
			if n.spot.Group == reference.GroupCluster {
				c.parts.machines = append(c.parts.machines, networked(n.links)...)
			}
		}
	}
}

// settings returns the object that providers read a cluster's settings from:
// its infrastructure, or the managed control plane that stands for it; nil for
// none.
func (p parts) settings() *node {
	if p.controlPlane != nil && provider(p.controlPlane.spot.Kind) != "" {
		return p.controlPlane
	}
	return p.infra
}

// target returns the first object that links of a role lead to; nil for none.
func target(links []link, role string) *node {
	for _, l := range links {
		if l.role == role && l.found != FoundMissing {
			return l.targets[0]
		}
	}
	return nil
}

// networked returns the machine templates that links lead to and that name
// networks: those of other providers leave it to their cluster.
func networked(links []link) []*node {
	var found []*node
	for _, l := range links {
		if l.role == reference.RoleMachineTemplate && l.found != FoundMissing &&
			provider(l.targets[0].spot.Kind) == "vsphere" {
			found = append(found, l.targets[0])
		}
	}
	return found
}

// digest sums up a record: its facts and its size.
func (r *record) digest() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%x %d %q", r.facts(), r.nodes, r.unknown))
}

// facts sums up what clusters of other roots may be compared by.
func (r *record) facts() [sha256.Size]byte {
	h := sha256.New()
	k := r.cluster.known
	fmt.Fprintf(h, "%q %q %q %q %t %q", k.Namespace, k.Name, k.Environment, k.Role, k.ExternallyManaged, r.provider)
	for _, key := range slices.Sorted(maps.Keys(k.Labels)) {
		fmt.Fprintf(h, " %q=%q", key, k.Labels[key])
	}
	for _, u := range r.uses {
		fmt.Fprintf(h, "\n%q %q %q", u.what, u.key, u.path.String())
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Records returns what is known of every cluster of the side, sorted by
// namespace, name and destination. Changed and New are not set.
func (ix *Index) Records() []engine.FleetCluster {
	facts := ix.facts()
	out := make([]engine.FleetCluster, 0, len(facts.list))
	for _, r := range facts.list {
		out = append(out, r.public())
	}
	return out
}

func (r *record) public() engine.FleetCluster {
	n := r.cluster.node
	out := engine.FleetCluster{
		Cluster: r.cluster.known, Destination: n.spot.destination, Root: n.root.Path,
		Object: n.res.Identity, Provider: r.provider, Replicas: r.nodes,
	}
	if len(r.unknown) > 0 {
		out.Replicas = -1
	}
	return out
}

// name returns what the record's cluster is called.
func (r *record) name() name {
	return name{r.cluster.known.Namespace, r.cluster.known.Name}
}

// of returns the records of some roots, of all when there are none.
func (rs *records) of(roots []string) []*record {
	if roots == nil {
		return rs.list
	}
	var some []*record
	for _, root := range slices.Compact(slices.Sorted(slices.Values(roots))) {
		some = append(some, rs.byRoot[root]...)
	}
	return some
}

// copyOf is equal for two renderings of one cluster. A name that a placeholder
// decides is another cluster in each destination.
func (r *record) copyOf() string {
	n := r.cluster.node
	text := r.cluster.known.Namespace + "/" + r.cluster.known.Name + "\x00" + n.res.Digest
	if symbol.Holds(n.spot.Name) || symbol.Holds(n.spot.Namespace) {
		text += "\x00" + n.spot.destination
	}
	return text
}

// distinct drops further renderings of the same cluster.
func distinct(list []*record) []*record {
	seen := make(map[string]bool, len(list))
	var out []*record
	for _, r := range list {
		if key := r.copyOf(); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}

// identityText writes an identity for people.
func identityText(id render.Identity) string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}
