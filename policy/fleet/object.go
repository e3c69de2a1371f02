package fleet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// Object returns the input of the object rules for one resource of one root.
// The resource need not be in the index: a local one is judged as if it were,
// but nobody refers to it.
func (ix *Index) Object(res *render.Resource, root render.Root) engine.Object {
	n := ix.find(res, root)
	out := engine.Object{
		Resource:     res,
		Root:         root.Path,
		Destination:  root.Destination,
		Resolved:     n.object,
		Placeholders: n.holes,
		Clusters:     ix.known[ix.setOf(n)],
		Links:        ix.linksOf(n),
	}
	if strings.HasSuffix(n.spot.Kind, "Template") {
		out.ClassWrites = ix.classWrites(n)
	}
	for _, r := range ix.referrers(n) {
		if len(out.UsedBy) == 0 || out.UsedBy[len(out.UsedBy)-1] != r.Identity {
			out.UsedBy = append(out.UsedBy, r.Identity)
		}
	}
	return out
}

// linksOf returns what a node refers to, by path, then the clusters that it
// selects, then for a machine the infrastructure of its clusters: no field
// names that one, so these links have no path.
func (ix *Index) linksOf(n *node) []engine.Link {
	links := make([]engine.Link, 0, len(n.links))
	for _, l := range n.links {
		links = append(links, linkTo(l.path, l.role, l.found, l.target, l.targets))
	}
	if s := ix.selections[n]; s != nil {
		at := field.Path("spec", "clusterSelector")
		for _, c := range s.clusters[:min(len(s.clusters), maxListed)] {
			links = append(links, linkTo(at, reference.RoleCluster, s.found, c.node.spot.Identity, []*node{c.node}))
		}
		if len(s.clusters) > maxListed {
			links = append(links, linkToMore(at, reference.RoleCluster))
		}
	}
	infras := ix.infraOf(n)
	for _, infra := range infras[:min(len(infras), maxInfra)] {
		found := FoundDestination
		if infra.spot.destination != n.spot.destination {
			found = FoundTree
		}
		links = append(links, linkTo(render.Path{}, reference.RoleClusterInfrastructure, found,
			infra.spot.Identity, []*node{infra}))
	}
	if len(infras) > maxInfra {
		links = append(links, linkToMore(render.Path{}, reference.RoleClusterInfrastructure))
	}
	return links
}

// linkToMore stands for links that are not written: to an object of which
// nothing is known.
func linkToMore(path render.Path, role string) engine.Link {
	return engine.Link{Path: path, Role: role, Found: FoundTree, Object: map[string]any{}}
}

// linkTo writes a link; its target is named as rendered where it was found.
func linkTo(path render.Path, role, found string, target render.Identity, targets []*node) engine.Link {
	l := engine.Link{Path: path, Role: role, Found: found, Target: target}
	if len(targets) > 0 {
		l.Target, l.Object, l.Source = targets[0].res.Identity, targets[0].object, targets[0].res.Source
	}
	return l
}

// referrers returns who refers to a node, sorted by identity and role.
func (ix *Index) referrers(n *node) []engine.Referrer {
	if n.vertex < 0 {
		return nil
	}
	var out []engine.Referrer
	for _, u := range ix.usersOf(n.spot) {
		r := engine.Referrer{Role: u.link.role}
		if u.node != nil {
			r.Identity = u.node.res.Identity
		}
		out = append(out, r)
	}
	if c := ix.clusterAt(n); c != nil {
		out = append(out, c.selectors()...)
	}
	slices.SortFunc(out, compareReferrers)
	return slices.Compact(out)
}

func compareReferrers(a, b engine.Referrer) int {
	return cmp.Or(compareIdentities(a.Identity, b.Identity), strings.Compare(a.Role, b.Role))
}

func compareIdentities(a, b render.Identity) int {
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
