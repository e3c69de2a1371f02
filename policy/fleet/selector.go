package fleet

import (
	"encoding/json"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/selector"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
)

// selectorBudget bounds how many clusters are compared with selectors, over a
// whole side. Past it a selector counts as picking every cluster of its
// namespace: too many rather than too few.
const selectorBudget = 4_000_000

// selection is what one selector picks; equal selectors share it.
type selection struct {
	clusters []*cluster // sorted
	found    string
	// owners are the objects that hold the selector.
	owners []*node
}

// crowd finds clusters by where they are: a destination (or "" for the whole
// tree) and a namespace, and one label ("" for any).
type crowd map[[4]string][]*cluster

// anywhere stands for all destinations; no root has such a path.
const anywhere = "\x00"

func (w crowd) add(c *cluster) {
	for _, destination := range []string{c.node.spot.destination, anywhere} {
		at := [4]string{destination, c.node.spot.Namespace}
		w[at] = append(w[at], c)
		for key, value := range c.known.Labels {
			at[2], at[3] = key, value
			w[at] = append(w[at], c)
		}
	}
}

// near returns the fewest clusters that certainly hold all that a selector
// can pick.
func (w crowd) near(destination, namespace string, labels map[string]string) []*cluster {
	best := w[[4]string{destination, namespace}]
	for key, value := range labels {
		if some := w[[4]string{destination, namespace, key, value}]; len(some) < len(best) {
			best = some
		}
	}
	return best
}

// selectClusters finds the clusters that addons are installed on.
func (ix *Index) selectClusters() {
	all := crowd{}
	for _, c := range ix.clusters {
		all.add(c)
	}
	p := picker{crowd: all, budget: selectorBudget, shared: map[[3]string]*selection{}}
	for _, n := range ix.nodes {
		if object, selects := selectorOf(n); selects {
			s := p.pick(n, object)
			s.owners = append(s.owners, n)
			ix.selections[n] = s
		}
	}
}

// selectorText returns a text that equal selectors share.
func (n *node) selectorText(object map[string]any) string {
	text, err := json.Marshal(object)
	if err != nil { // not JSON: then no other object may share it
		return n.res.Digest
	}
	return string(text)
}

// selectorOf returns an object's cluster selector, and whether it has one that
// can pick anything: an empty one picks nothing for a ClusterResourceSet and
// everything for a HelmChartProxy.
func selectorOf(n *node) (map[string]any, bool) {
	if n.spot.Group != reference.GroupAddons {
		return nil, false
	}
	object, ok := field.At(n.object, "spec", "clusterSelector").(map[string]any)
	return object, ok && (n.spot.Kind != "ClusterResourceSet" || selector.Read(object).Parts() > 0)
}

// picker finds what selectors pick.
type picker struct {
	crowd
	budget int
	shared map[[3]string]*selection // by destination, namespace and selector
}

// pick returns the clusters that match: those of the destination, or when none
// does, those of other destinations.
func (p *picker) pick(n *node, object map[string]any) *selection {
	if p.budget < 0 {
		object = nil
	}
	text := n.selectorText(object)
	near := p.matching([3]string{n.spot.destination, n.spot.Namespace, text}, FoundDestination, object)
	if len(near.clusters) > 0 || symbol.Holds(text) {
		return near
	}
	return p.matching([3]string{anywhere, n.spot.Namespace, text}, FoundTree, object)
}

func (p *picker) matching(key [3]string, found string, object map[string]any) *selection {
	if s := p.shared[key]; s != nil {
		return s
	}
	s := &selection{found: found}
	p.shared[key] = s
	wanted := selector.Read(object)
	near := p.near(key[0], key[1], wanted.Labels())
	p.budget -= len(near) * max(wanted.Parts(), 1)
	for _, c := range near {
		if wanted.Match(c.known.Labels) {
			s.clusters = append(s.clusters, c)
			c.selectedBy = append(c.selectedBy, s)
		}
	}
	return s
}
