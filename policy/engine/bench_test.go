package engine_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/rego"
)

// root is a cluster's root of 16 objects, as large as real ones are.
func root(tb testing.TB) []engine.Object {
	tb.Helper()
	content, err := os.ReadFile("testdata/root.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	objects, err := enginetest.Plain{}.Objects(tb.Context(), content)
	if err != nil {
		tb.Fatal(err)
	}
	if len(objects) != 16 {
		tb.Fatalf("%d objects", len(objects))
	}
	return objects
}

func builtIn(tb testing.TB) *engine.Engine {
	tb.Helper()
	e, err := engine.New(rego.FS)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// processor is the processor time of this process: others' load is not in it.
func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure runs a benchmark and reports the processor time of a run.
func measure(b *testing.B, run func()) {
	b.ReportAllocs()
	start := processor(b)
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(processor(b)-start)/1e6/float64(b.N), "cpu-ms/op")
}

// BenchmarkObjects judges a root of 16 objects by all rules.
func BenchmarkObjects(b *testing.B) {
	e, objects := builtIn(b), root(b)
	measure(b, func() {
		report, err := e.Objects(b.Context(), objects, nil)
		if err != nil {
			b.Fatal(err)
		}
		if len(report.Errors) > 0 {
			b.Fatal(report.Errors)
		}
	})
	b.ReportMetric(float64(len(e.Rules())), "rules")
}

// BenchmarkNew loads all rules.
func BenchmarkNew(b *testing.B) {
	measure(b, func() { builtIn(b) })
}

func TestDigestWithoutCompiling(t *testing.T) {
	e := builtIn(t)
	digest, rules, err := engine.Digest(rego.FS)
	if err != nil || digest != e.Digest() || rules != len(e.Rules()) {
		t.Errorf("%s of %d rules, %v; want %s of %d", digest, rules, err, e.Digest(), len(e.Rules()))
	}
}
