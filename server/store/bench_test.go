package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkRecord is the webhook's promise: a delivery with its wake, durable,
// from 32 callers at once. It prints the rate and the 99th percentile.
func BenchmarkRecord(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			s := open(b, Options{URL: e.url(b)})
			var mu sync.Mutex
			var took []time.Duration
			var n atomic.Int64
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					start := time.Now()
					facts := Facts{Heads: []HeadSeen{{Repository: 1, Pull: i % 50, SHA: fmt.Sprint(i)}}}
					if _, err := s.Record(b.Context(), Delivery{GUID: fmt.Sprint(i)}, facts, push(i%50)); err != nil {
						b.Error(err)
						return
					}
					mu.Lock()
					took = append(took, time.Since(start))
					mu.Unlock()
				}
			})
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkWebhooks is the same at the promised rate: 200 deliveries a second.
func BenchmarkWebhooks(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			s := open(b, Options{URL: e.url(b)})
			took := make([]time.Duration, b.N)
			every := time.NewTicker(time.Second / 200)
			defer every.Stop()
			var callers sync.WaitGroup
			for i := range took {
				<-every.C
				callers.Go(func() {
					start := time.Now()
					facts := Facts{Heads: []HeadSeen{{Repository: 1, Pull: int64(i % 50), SHA: fmt.Sprint(i)}}}
					if _, err := s.Record(b.Context(), Delivery{GUID: fmt.Sprint(i)}, facts, push(int64(i%50))); err != nil {
						b.Error(err)
					}
					took[i] = time.Since(start)
				})
			}
			callers.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[b.N-1].Microseconds())/1000, "max-ms")
		})
	}
}

// BenchmarkClaim takes one target out of ten thousand that wait.
func BenchmarkClaim(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			s := open(b, Options{URL: e.url(b)})
			var wakes []Wake
			for i := range int64(10_000) {
				wakes = append(wakes, Wake{Target{i % 40, i, ""}, i % 4, Push})
			}
			must(b, s.Wake(b.Context(), wakes...))
			for b.Loop() {
				lease := claimOne(b, s)
				must(b, s.Settle(b.Context(), lease, Outcome{End: Postpone}))
			}
		})
	}
}
