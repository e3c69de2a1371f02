package fleet

import (
	"fmt"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

// synthetic makes the builds of n clusters, each a root of its own; every
// tenth shares its VPC with the one before.
func synthetic(tb testing.TB, n int) []render.Build {
	builds := make([]render.Build, 0, n)
	for i := range n {
		name := fmt.Sprintf("c%05d", i)
		objects, err := documents(clusterText(name))
		if err != nil {
			tb.Fatal(err)
		}
		for _, object := range objects {
			if object["kind"] == "AWSCluster" {
				vpc := i
				if i%10 == 9 {
					vpc--
				}
				object["spec"].(map[string]any)["network"] = map[string]any{
					"vpc": map[string]any{"id": fmt.Sprintf("vpc-%d", vpc)},
				}
			}
		}
		builds = append(builds, buildOf("clusters/"+name, objects))
	}
	identity, err := documents(identityText1)
	if err != nil {
		tb.Fatal(err)
	}
	return append(builds, buildOf("identities", identity))
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{40, 5000} {
		builds := synthetic(b, n)
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(builds, noConfig).facts()
			}
		})
	}
}

// BenchmarkFleet asks about one changed cluster, with and without being told
// which root it is in.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{40, 5000} {
		builds := synthetic(b, n)
		base := New(builds, noConfig)
		root := fmt.Sprintf("clusters/c%05d", n-1)
		changed := append([]render.Build(nil), builds...)
		objects, err := documents(infraText(fmt.Sprintf("c%05d", n-1), "AWSCluster", "{network: {vpc: {id: vpc-3}}}"))
		if err != nil {
			b.Fatal(err)
		}
		changed[n-1] = buildOf(root, objects)
		head := New(changed, noConfig)
		base.facts()
		head.facts()
		for _, ask := range []Question{{}, {Roots: []string{root}}} {
			b.Run(fmt.Sprintf("clusters=%d/roots=%d", n, len(ask.Roots)), func(b *testing.B) {
				for b.Loop() {
					if f := head.Fleet(base, ask); len(f.Shares) != 1 {
						b.Fatalf("%d shares", len(f.Shares))
					}
				}
			})
		}
	}
}

func BenchmarkFactsDigest(b *testing.B) {
	build := synthetic(b, 1)[0]
	for b.Loop() {
		FactsDigest(build)
	}
}
