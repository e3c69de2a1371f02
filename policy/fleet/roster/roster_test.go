package roster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/engine"
)

// TestMerge compares the merge with sorting all.
func TestMerge(t *testing.T) {
	list := rapid.Custom(func(t *rapid.T) []engine.Cluster {
		return Compact(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) engine.Cluster {
			return engine.Cluster{
				Name:   rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
				Labels: map[string]string{"l": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "label")},
			}
		}), 0, 8).Draw(t, "clusters"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		want := Compact(slices.Concat(a, b))
		if diff := cmp.Diff(want, Merge(a, b), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
