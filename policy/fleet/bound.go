package fleet

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/graph"
	"github.com/countersign-dev/countersign/policy/fleet/roster"
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

// kin names the users that stand for one another: those of a role,
// ClusterClasses apart from others.
func (u user) kin() string {
	if u.ofClass() {
		return "class " + u.link.role
	}
	return u.link.role
}

// thin keeps the first users of each kin, and for the others one without a
// node.
func thin(users []user) []user {
	slices.SortStableFunc(users, func(a, b user) int {
		return cmp.Or(strings.Compare(a.kin(), b.kin()),
			compareIdentities(a.node.res.Identity, b.node.res.Identity))
	})
	var kept []user
	count := 0
	for i, u := range users {
		if i > 0 && users[i-1].kin() != u.kin() {
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
	m.lists[key] = roster.Merge(old, fresh)
	return m.lists[key]
}

// everything returns all clusters of a side.
func (ix *Index) everything() []engine.Cluster {
	all := make([]engine.Cluster, 0, len(ix.clusters))
	for _, c := range ix.clusters {
		all = append(all, c.known)
	}
	return roster.Compact(all)
}
