package fleet

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/graph"
)

// An answer names only some of a crowd, for a list in every answer costs the
// product of two lists. Where one is cut, an entry without a name stands for
// the rest: a rule that asks what all of them are finds one that is not.
const (
	// maxListed bounds the users of one role that an object is said to have,
	// and the clusters that a selector is said to pick.
	maxListed = 100
	// maxInfra bounds the infrastructure that a machine is said to depend on.
	maxInfra = 250
)

// user is one who refers to an object; without a node it stands for more that
// hold links like its own.
type user struct {
	node *node
	link *link
}

// ofClass reports whether a user is a ClusterClass or stands for some.
func (u user) ofClass() bool {
	if u.node == nil {
		return u.link.found == restOfClasses
	}
	return isClass(u.node)
}

// restOfClasses is in the link of a user that stands for ClusterClasses.
const restOfClasses = "classes"

func thinAll[K comparable](users map[K][]user) {
	for key, list := range users {
		if len(list) > maxListed {
			users[key] = thin(list)
		}
	}
}

// thin keeps the first users of each role, ClusterClasses apart from others,
// and for the others of the role one without a node.
func thin(users []user) []user {
	slices.SortStableFunc(users, func(a, b user) int {
		return cmp.Or(boolRank(a.ofClass())-boolRank(b.ofClass()), strings.Compare(a.link.role, b.link.role),
			compareIdentities(a.node.res.Identity, b.node.res.Identity))
	})
	var kept []user
	count := 0
	for i, u := range users {
		if i > 0 && (users[i-1].ofClass() != u.ofClass() || users[i-1].link.role != u.link.role) {
			count = 0
		}
		if count++; count <= maxListed {
			kept = append(kept, u)
		} else if count == maxListed+1 {
			rest := &link{role: u.link.role}
			if u.ofClass() {
				rest.found = restOfClasses
			}
			kept = append(kept, user{nil, rest})
		}
	}
	return kept
}

// mergeBudget bounds what is spent on merging lists of clusters over the
// questions that are put to an index; past it a change that reaches different
// clusters on the two sides reaches all of both.
const mergeBudget = 4_000_000

// merges remembers which clusters a change reaches on both sides, for many
// changes reach the same.
type merges struct {
	mutex sync.Mutex
	lists map[[2]*graph.Set][]engine.Cluster
	left  int
}

func newMerges() *merges {
	return &merges{lists: map[[2]*graph.Set][]engine.Cluster{}, left: mergeBudget}
}

// reached returns the clusters of a node of the base and of one of the index;
// either may be nil.
func (ix *Index) reached(base *Index, before, after *node) []engine.Cluster {
	key := [2]*graph.Set{base.setOf(before), ix.setOf(after)}
	old, fresh := base.known[key[0]], ix.known[key[1]]
	switch {
	case len(old) == 0 || key[0] == key[1]:
		return fresh
	case len(fresh) == 0:
		return old
	}
	m := ix.merges
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if list, known := m.lists[key]; known {
		return list
	}
	if m.left -= len(old) + len(fresh); m.left < 0 {
		key = [2]*graph.Set{}
		if list, known := m.lists[key]; known {
			return list
		}
		old, fresh = base.everything(), ix.everything()
	}
	m.lists[key] = mergeClusters(old, fresh)
	return m.lists[key]
}

// everything returns all clusters of a side.
func (ix *Index) everything() []engine.Cluster {
	all := make([]engine.Cluster, 0, len(ix.clusters))
	for _, c := range ix.clusters {
		all = append(all, c.known)
	}
	return compactClusters(all)
}

// mergeClusters merges sorted lists; where one holds the other it is the
// answer itself.
func mergeClusters(old, fresh []engine.Cluster) []engine.Cluster {
	merged := make([]engine.Cluster, 0, max(len(old), len(fresh)))
	for i, j := 0, 0; i < len(old) || j < len(fresh); {
		order := -1
		if i == len(old) {
			order = 1
		} else if j < len(fresh) {
			order = compareClusters(old[i], fresh[j])
		}
		if order <= 0 {
			merged = append(merged, old[i])
			i++
		} else {
			merged = append(merged, fresh[j])
		}
		if order >= 0 {
			j++
		}
	}
	switch len(merged) {
	case len(fresh):
		return fresh
	case len(old):
		return old
	}
	return slices.Clip(merged)
}
