package roster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
)

// Compact sorts clusters and drops those that say the same. It works in place.
func Compact(clusters []engine.Cluster) []engine.Cluster {
	slices.SortStableFunc(clusters, compare)
	return slices.CompactFunc(clusters, func(a, b engine.Cluster) bool { return compare(a, b) == 0 })
}

func compare(a, b engine.Cluster) int {
	order := cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Environment, b.Environment), strings.Compare(a.Role, b.Role),
		rank(a.ExternallyManaged)-rank(b.ExternallyManaged))
	if order != 0 || maps.Equal(a.Labels, b.Labels) {
		return order
	}
	return strings.Compare(fmt.Sprintf("%q", a.Labels), fmt.Sprintf("%q", b.Labels))
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Merge merges compact lists; where one holds the other it is the answer
// itself, so that the result is shared and must not be changed.
func Merge(old, fresh []engine.Cluster) []engine.Cluster {
	merged := make([]engine.Cluster, 0, max(len(old), len(fresh)))
	for i, j := 0, 0; i < len(old) || j < len(fresh); {
		order := -1
		if i == len(old) {
			order = 1
		} else if j < len(fresh) {
			order = compare(old[i], fresh[j])
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
