package fleet

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
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
func (w crowd) near(destination, namespace string, selector map[string]any) []*cluster {
	best := w[[4]string{destination, namespace}]
	for key, value := range field.Texts(selector, "matchLabels") {
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
	budget := selectorBudget
	shared := map[string]*selection{}
	for _, n := range ix.nodes {
		selector, selects := selectorOf(n)
		if !selects {
			continue
		}
		if budget < 0 {
			selector = nil
		}
		key := strings.Join([]string{n.spot.destination, n.spot.Namespace, n.selectorText(selector)}, "\x00")
		s := shared[key]
		if s == nil {
			s = all.pick(n.spot, selector, &budget)
			shared[key] = s
			for _, c := range s.clusters {
				c.selectedBy = append(c.selectedBy, s)
			}
		}
		s.owners = append(s.owners, n)
		ix.selections[n] = s
	}
}

// selectorText returns a text that equal selectors share.
func (n *node) selectorText(selector map[string]any) string {
	text, err := json.Marshal(selector)
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
	selector, ok := field.At(n.object, "spec", "clusterSelector").(map[string]any)
	empty := len(field.Texts(selector, "matchLabels")) == 0 && len(field.List(selector, "matchExpressions")) == 0
	return selector, ok && (!empty || n.spot.Kind != "ClusterResourceSet")
}

// pick returns the clusters that match: those of the destination, or when none
// does, those of other destinations.
func (w crowd) pick(from spot, selector map[string]any, budget *int) *selection {
	near := w.near(from.destination, from.Namespace, selector)
	if hits := matching(selector, near, budget); len(hits) > 0 {
		return &selection{clusters: hits, found: FoundDestination}
	}
	if raw, err := json.Marshal(selector); err != nil || symbol.Holds(string(raw)) {
		return &selection{found: FoundMissing}
	}
	far := w.near(anywhere, from.Namespace, selector)
	return &selection{clusters: matching(selector, far, budget), found: FoundTree}
}

func matching(selector map[string]any, clusters []*cluster, budget *int) []*cluster {
	*budget -= len(clusters)
	var hits []*cluster
	for _, c := range clusters {
		if selects(selector, c.known.Labels) {
			hits = append(hits, c)
		}
	}
	return hits
}

// selects reports whether labels match a selector. An operator that does not
// exist is taken as matching: what it reaches is said rather than missed.
func selects(selector map[string]any, labels map[string]string) bool {
	for key, want := range field.Texts(selector, "matchLabels") {
		if have, ok := labels[key]; !ok || have != want {
			return false
		}
	}
	for _, expression := range field.List(selector, "matchExpressions") {
		have, ok := labels[field.Text(expression, "key")]
		within := slices.ContainsFunc(field.List(expression, "values"), func(v any) bool { return field.Text(v) == have })
		fits := true
		switch field.Text(expression, "operator") {
		case "In":
			fits = ok && within
		case "NotIn":
			fits = !ok || !within
		case "Exists":
			fits = ok
		case "DoesNotExist":
			fits = !ok
		}
		if !fits {
			return false
		}
	}
	return true
}
