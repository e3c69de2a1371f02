package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/countersign-dev/countersign/bench/joined"
	"github.com/countersign-dev/countersign/bench/synthetic"
	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render/child"
)

// TestMain makes this binary a render child when it is started as one.
func TestMain(m *testing.M) {
	child.Enter(joined.RenderChild)
	os.Exit(m.Run())
}

// open writes a fleet and opens it with a warm pool.
func open(tb testing.TB, clusters int) *joined.Server {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "fleet")
	if err := synthetic.Write(tb.Context(), dir, clusters); err != nil {
		tb.Fatal(err)
	}
	s, err := joined.Open(tb.Context(), dir, "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestTheFleetIsClean(t *testing.T) {
	const clusters = 12
	a, err := open(t, clusters).Audit(t.Context(), synthetic.Main)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Roots) != len(synthetic.Roots(clusters)) {
		t.Errorf("%d roots, want %d", len(a.Roots), len(synthetic.Roots(clusters)))
	}
	for _, root := range a.Roots {
		if root.Status != "built" || root.Objects < 2 {
			t.Errorf("root %s: %s, %d objects, %v", root.Path, root.Status, root.Objects, root.Error)
		}
	}
	for _, f := range a.Findings {
		t.Errorf("%s %s: %s %s: %s", f.Rule, f.Destination, f.Object.Kind, f.Path, f.Message)
	}
	if verdict := policy.Decide(a, policy.PullRequest{}); verdict.Exit() != 0 || len(a.Problems) > 0 {
		t.Errorf("exit %d, problems %v", verdict.Exit(), a.Problems)
	}
}

func TestBranchesAreJudgedAsTheySay(t *testing.T) {
	const clusters = 12
	s := open(t, clusters)
	cases := map[string]struct{ affected, findings int }{
		"scale": {1, 0}, "resize": {1, 0}, "ssh": {1, 3}, "fifty": {clusters, 0}, "upgrade": {clusters, 0}, "new": {1, 0},
		"delete": {1, 0}, "docs": {0, 0},
	}
	for _, branch := range synthetic.Branches(clusters) {
		want, known := cases[branch.Name]
		if !known {
			t.Errorf("branch %s: nobody says what it does", branch.Name)
		}
		a, err := s.Review(t.Context(), synthetic.Main, branch.Name)
		if err != nil {
			t.Fatal(err)
		}
		affected := 0
		for _, root := range a.Roots {
			if root.Status != "unchanged" {
				affected++
			}
		}
		if affected != want.affected || len(a.Findings) != want.findings || len(a.Problems) > 0 {
			t.Errorf("%s: %d roots affected, want %d; findings %v, want %d; problems %v", branch.Name, affected,
				want.affected, a.Findings, want.findings, a.Problems)
		}
	}
}

func BenchmarkReviewOnePool(b *testing.B) { benchmarkHeads(b, synthetic.Scale) }

func BenchmarkReviewOneOverlay(b *testing.B) { benchmarkHeads(b, synthetic.Resize) }

// benchmarkHeads reviews one head after the other, so that none is known.
func benchmarkHeads(b *testing.B, change func(branch string, i, size int) synthetic.Branch) {
	s := open(b, 100)
	const heads = 16
	for i := range heads {
		if err := synthetic.Commit(b.Context(), s.Dir, change(fmt.Sprint("head-", i), 2*i+1, 20+i)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.Review(b.Context(), synthetic.Main, "resize"); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.Review(b.Context(), synthetic.Main, fmt.Sprint("head-", i%heads)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReviewEveryCluster(b *testing.B) { benchmarkReview(b, "upgrade") }

func BenchmarkReviewNothingAffected(b *testing.B) { benchmarkReview(b, "docs") }

func benchmarkReview(b *testing.B, branch string) {
	s := open(b, 100)
	for b.Loop() {
		if _, err := s.Review(b.Context(), synthetic.Main, branch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAudit(b *testing.B) {
	s := open(b, 100)
	for b.Loop() {
		if _, err := s.Audit(b.Context(), synthetic.Main); err != nil {
			b.Fatal(err)
		}
	}
}
