package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a runner whose runs a test plays.
type script struct {
	run     func(ctx context.Context, lease store.Lease) (store.Outcome, error)
	refuses error // what Trouble answers

	mu       sync.Mutex
	runs     []store.Lease
	troubles []string
	running  map[store.Target]bool
	twice    bool
}

func (s *script) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	s.mu.Lock()
	s.runs = append(s.runs, lease)
	if s.running == nil {
		s.running = map[store.Target]bool{}
	}
	s.twice = s.twice || s.running[lease.Target]
	s.running[lease.Target] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running[lease.Target] = false
	}()
	return s.run(ctx, lease)
}

func (s *script) Trouble(_ context.Context, lease store.Lease, err error, parked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles = append(s.troubles, fmt.Sprintf("%d: %v, parked %t", lease.Attempts, err, parked))
	return s.refuses
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

// stage is a store and a loop at work on it. Time is the bubble's, the store's too.
type stage struct {
	*testing.T
	store  *store.Store
	script *script
	loop   *Loop
	stop   func() error // ends the loop and says what Run said
}

func newStage(t *testing.T, s *script, edit ...func(*Options)) *stage {
	t.Helper()
	return onStore(t, openStore(t), s, edit...)
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	opened, err := store.Open(t.Context(),
		store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "store.db"), Clock: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened
}

func onStore(t *testing.T, opened *store.Store, s *script, edit ...func(*Options)) *stage {
	t.Helper()
	options := Options{Store: opened, Runner: s, Owner: "test", Jitter: func() float64 { return 0 },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, e := range edit {
		e(&options)
	}
	g := &stage{T: t, store: opened, script: s, loop: New(options)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.loop.Run(ctx, 10*time.Second) }()
	g.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = g.stop() })
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (g *stage) wake(wakes ...store.Wake) {
	g.Helper()
	must(g.T, g.store.Wake(g.Context(), wakes...))
	g.loop.Nudge()
}

func (g *stage) quiet() {
	g.Helper()
	must(g.T, g.loop.Quiet(g.Context()))
}

func (g *stage) depth() store.Depth {
	g.Helper()
	d, err := g.store.Depth(g.Context())
	must(g.T, err)
	d.Oldest = time.Time{}
	return d
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func pull(n int64, priority store.Priority) store.Wake {
	return store.Wake{Target: store.Target{Repository: 1, Pull: n}, Installation: 7, Priority: priority}
}

func fine(context.Context, store.Lease) (store.Outcome, error) { return store.Outcome{}, nil }

var errBroken = errors.New("GitHub is broken")

func TestWhatIsWokenRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t, &script{run: fine})
		began := time.Now()
		g.wake(pull(1, store.Push), pull(2, store.Review))
		g.quiet()
		same(t, "runs", g.script.count(), 2)
		same(t, "depth", g.depth(), store.Depth{})
		if took := time.Since(began); took > time.Second {
			t.Errorf("a nudge was heard after %v", took)
		}
	})
}

// Without a nudge, as when another replica took the webhook.
func TestWithoutNudgeWorkIsFoundInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t, &script{run: fine})
		must(t, g.store.Wake(t.Context(), pull(1, store.Push)))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		same(t, "runs", g.script.count(), 1)
	})
}

func TestABurstEndsInAHandfulOfRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{run: func(ctx context.Context, _ store.Lease) (store.Outcome, error) {
			select {
			case <-time.After(3 * time.Second):
				return store.Outcome{}, nil
			case <-ctx.Done():
				return store.Outcome{}, ctx.Err()
			}
		}}
		g := newStage(t, s)
		burst := make([]store.Wake, 100)
		for i := range burst {
			burst[i] = pull(1, store.Review)
		}
		rounds := 100
		if testing.Short() { // the race detector makes SQLite slow
			rounds = 10
		}
		for range rounds {
			g.wake(burst...)
		}
		g.quiet()
		if n := s.count(); n < 1 || n > 5 {
			t.Errorf("%d events made %d runs", 100*rounds, n)
		}
		if s.twice {
			t.Error("two runs of one target at once")
		}
		// The last wake was answered: nothing waits.
		same(t, "depth", g.depth(), store.Depth{})
	})
}

// Events that keep coming for ten seconds, each while the last is being
// answered, are a handful of runs, and the last one is answered; then a single
// event is answered at once again.
func TestAStreamOfEventsComesToRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{run: func(context.Context, store.Lease) (store.Outcome, error) {
			time.Sleep(60 * time.Millisecond) // the bubble's time: the run's own
			return store.Outcome{}, nil
		}}
		g := newStage(t, s)
		for range 1000 {
			g.wake(pull(1, store.Review))
			time.Sleep(10 * time.Millisecond)
		}
		last := time.Now()
		time.Sleep(lastRest + time.Second)
		synctest.Wait()
		n := s.count()
		if n > 12 || s.runs[n-1].Until.Add(-time.Minute).Before(last) {
			t.Errorf("%d runs, the last one from %v, the last event was at %v", n, s.runs[n-1].Woken, last)
		}
		same(t, "left", g.depth(), store.Depth{})
		time.Sleep(time.Minute)
		for i := range 5 {
			g.wake(pull(1, store.Review))
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			same(t, "single events", s.count(), n+i+1)
		}
	})
}

// Who waits for quiet waits for the answer to the last event, rest or no rest.
func TestQuietWaitsForRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{run: func(context.Context, store.Lease) (store.Outcome, error) {
			time.Sleep(60 * time.Millisecond)
			return store.Outcome{}, nil
		}}
		g := newStage(t, s)
		for i := range 300 {
			g.wake(pull(1, store.Review))
			time.Sleep(10 * time.Millisecond)
			if i%100 != 99 {
				continue
			}
			last := time.Now().Add(-10 * time.Millisecond)
			g.quiet()
			s.mu.Lock()
			claimed := s.runs[len(s.runs)-1].Until.Add(-time.Minute)
			s.mu.Unlock()
			if claimed.Before(last) {
				t.Errorf("event %d at %v is not answered: the last run began at %v", i, last, claimed)
			}
			same(t, "left", g.depth(), store.Depth{})
		}
	})
}

func TestAPushCancelsTheOlderRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		wake   store.Wake
		cancel bool
	}{
		{"push", pull(1, store.Push), true},
		{"group", store.Wake{Target: store.Target{Repository: 1, Group: "refs/heads/g"}, Priority: store.MergeGroup}, true},
		{"review", pull(1, store.Review), false},
		{"repository", store.Wake{Target: store.Target{Repository: 1}, Priority: store.Push}, false},
		{"installation", store.Wake{Target: store.Target{Group: "installation/7"}, Priority: store.Push}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var causes []error
				s := &script{}
				s.run = func(ctx context.Context, _ store.Lease) (store.Outcome, error) {
					if s.count() > 1 {
						return store.Outcome{}, nil
					}
					select {
					case <-time.After(15 * time.Second):
						return store.Outcome{}, nil
					case <-ctx.Done():
						causes = append(causes, context.Cause(ctx))
						return store.Outcome{}, fmt.Errorf("render: %w", ctx.Err())
					}
				}
				g := newStage(t, s)
				g.wake(c.wake)
				synctest.Wait()
				began := time.Now()
				g.wake(c.wake)
				g.quiet()
				same(t, "runs", s.count(), 2)
				if !c.cancel {
					same(t, "causes", len(causes), 0)
					return
				}
				if len(causes) != 1 || !errors.Is(causes[0], ErrSuperseded) {
					t.Errorf("causes are %v", causes)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the newer push waited for %v", took)
				}
				same(t, "attempts", s.runs[1].Attempts, 1) // being superseded is no failure
				same(t, "troubles", s.troubles, []string(nil))
			})
		})
	}
}

func TestFailuresBackOffAndPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		s := &script{refuses: errors.New("cannot tell"), run: func(context.Context, store.Lease) (store.Outcome, error) {
			at = append(at, time.Since(began).Round(time.Second))
			return store.Outcome{}, errBroken
		}}
		g := newStage(t, s)
		g.wake(pull(1, store.Push))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		same(t, "runs at", at, []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 75 * time.Second})
		same(t, "troubles", s.troubles, []string{
			"2: GitHub is broken, parked false", "3: GitHub is broken, parked false",
			"4: GitHub is broken, parked false", "5: GitHub is broken, parked true"})
		same(t, "depth", g.depth(), store.Depth{Parked: 1})
		parked, err := g.store.Parked(t.Context())
		must(t, err)
		same(t, "reason", parked[0].Reason, "GitHub is broken")

		s.run = fine
		g.wake(pull(1, store.Command))
		g.quiet()
		same(t, "depth once it was woken and went well", g.depth(), store.Depth{})
	})
}

func TestBackoffIsBoundedAndSpread(t *testing.T) {
	for attempts := range 100 {
		for _, jitter := range []float64{0, 0.5, 0.999} {
			r := &run{Loop: New(Options{Jitter: func() float64 { return jitter }}), lease: store.Lease{Attempts: attempts}}
			if d := r.backoff(); d < 5*time.Second || d > 5*time.Minute {
				t.Errorf("attempt %d, jitter %v: %v", attempts, jitter, d)
			}
		}
	}
}

func TestAPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.run = func(context.Context, store.Lease) (store.Outcome, error) { panic("token ghs_secret") }
		g := newStage(t, s)
		g.wake(pull(1, store.Push))
		g.quiet()
		time.Sleep(6 * time.Second) // the first back-off
		g.wake(pull(2, store.Push)) // others go on
		g.quiet()
		if len(s.troubles) != 1 || !strings.Contains(s.troubles[0], "panicked") || strings.Contains(s.troubles[0], "ghs_") {
			t.Errorf("troubles are %q", s.troubles)
		}
	})
}

// A run that ends the process ends no attempt: at last the target is parked
// before it is touched.
func TestWhatEndsTheProcessIsParkedAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := openStore(t)
		must(t, opened.Wake(t.Context(), pull(1, store.Push)))
		for range 20 {
			leases, err := opened.Claim(t.Context(), store.Claimant{Owner: "dies", Lease: time.Minute, Most: 1})
			must(t, err)
			same(t, "leases", len(leases), 1)
			time.Sleep(time.Minute)
		}
		s := &script{run: fine}
		g := onStore(t, opened, s)
		g.quiet()
		same(t, "runs", s.count(), 0)
		same(t, "depth", g.depth(), store.Depth{Parked: 1})
		same(t, "troubles", len(s.troubles), 1)
	})
}

func TestGitHubsPatienceDelaysTheInstallation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(17 * time.Minute)
		limited := errors.New("limited")
		var at []string
		s := &script{}
		s.run = func(_ context.Context, lease store.Lease) (store.Outcome, error) {
			at = append(at, fmt.Sprintf("%d %t", lease.Pull, time.Now().Before(until)))
			if time.Now().Before(until) && lease.Installation == 7 {
				return store.Outcome{}, limited
			}
			return store.Outcome{}, nil
		}
		g := newStage(t, s, func(o *Options) {
			o.Workers = 1
			o.RetryAt = func(err error) time.Time {
				if errors.Is(err, limited) {
					return until
				}
				return time.Time{}
			}
		})
		g.wake(pull(1, store.Push), pull(2, store.Push))
		other := pull(3, store.Push)
		other.Repository, other.Installation = 2, 8
		g.wake(other)
		g.quiet()
		time.Sleep(18 * time.Minute)
		g.quiet()
		same(t, "runs of the other installation and of this one", at, []string{"1 true", "3 true", "1 false", "2 false"})
		for _, lease := range s.runs {
			same(t, "attempts", lease.Attempts, 1)
		}
		same(t, "troubles", s.troubles, []string(nil))
	})
}

// Two loops on one store: one that is cut off from the time of the store loses
// its lease, is cancelled and settles nothing.
func TestALostLeaseIsCancelledAndSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var skew atomic.Int64
		opened, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "store.db"),
			Clock: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
		must(t, err)
		t.Cleanup(func() { must(t, opened.Close()) })
		var cause atomic.Value
		slow := &script{run: func(ctx context.Context, _ store.Lease) (store.Outcome, error) {
			<-ctx.Done()
			cause.Store(context.Cause(ctx))
			return store.Outcome{}, errBroken
		}}
		first := onStore(t, opened, slow)
		first.wake(pull(1, store.Push))
		synctest.Wait()
		skew.Store(int64(2 * time.Minute))
		other := &script{run: func(context.Context, store.Lease) (store.Outcome, error) {
			time.Sleep(30 * time.Second)
			return store.Outcome{}, nil
		}}
		second := onStore(t, opened, other)
		second.quiet()
		if got, _ := cause.Load().(error); !errors.Is(got, store.ErrStale) {
			t.Errorf("the cause is %v", got)
		}
		same(t, "runs of the first", slow.count(), 1)
		same(t, "runs of the second", other.count(), 1)
		same(t, "troubles", slow.troubles, []string(nil))
		same(t, "depth", first.depth(), store.Depth{})
	})
}

func TestALeaseIsKeptAsLongAsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.run = func(ctx context.Context, _ store.Lease) (store.Outcome, error) {
			time.Sleep(10 * time.Minute)
			return store.Outcome{}, context.Cause(ctx)
		}
		opened := openStore(t)
		g := onStore(t, opened, s)
		onStore(t, opened, s)
		g.wake(pull(1, store.Push))
		g.quiet()
		same(t, "runs", s.count(), 1)
	})
}

func TestARunThatNeverEndsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{run: func(ctx context.Context, _ store.Lease) (store.Outcome, error) {
			<-ctx.Done()
			return store.Outcome{}, ctx.Err()
		}}
		g := newStage(t, s, func(o *Options) { o.Longest = 2 * time.Minute })
		g.wake(pull(1, store.Push))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		same(t, "depth", g.depth(), store.Depth{Parked: 1})
		same(t, "last trouble", s.troubles[len(s.troubles)-1], "5: it took too long and was ended, parked true")
	})
}

func TestStopLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heeded atomic.Int64
		s := &script{run: func(ctx context.Context, lease store.Lease) (store.Outcome, error) {
			if lease.Pull == 1 {
				time.Sleep(8 * time.Second) // within the grace
				return store.Outcome{}, ctx.Err()
			}
			<-ctx.Done()
			heeded.Add(1)
			return store.Outcome{}, ctx.Err()
		}}
		g := newStage(t, s, func(o *Options) { o.Workers = 2 })
		g.wake(pull(1, store.MergeGroup), pull(2, store.Push), pull(3, store.Push))
		synctest.Wait()
		began := time.Now()
		must(t, g.stop())
		same(t, "took", time.Since(began), 10*time.Second)
		same(t, "heeded", heeded.Load(), int64(1))
		same(t, "runs", s.count(), 2)
		same(t, "depth", g.depth(), store.Depth{Due: 2})

		again := &script{run: fine}
		next := onStore(t, g.store, again)
		next.quiet()
		same(t, "runs after the restart", again.count(), 2)
		for _, lease := range again.runs {
			same(t, "attempts", lease.Attempts, 1)
		}
	})
}

func TestAStubbornRunDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{run: func(context.Context, store.Lease) (store.Outcome, error) {
			time.Sleep(time.Minute)
			return store.Outcome{}, errBroken
		}}
		g := newStage(t, s)
		g.wake(pull(1, store.Push))
		synctest.Wait()
		began := time.Now()
		if err := g.stop(); err == nil || !strings.Contains(err.Error(), "1 runs did not stop") {
			t.Errorf("stop says %v", err)
		}
		same(t, "took", time.Since(began), 13*time.Second)
		time.Sleep(time.Minute)
	})
}

func TestTheUrgentGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{T: t, store: openStore(t)}
		must(t, g.store.Wake(t.Context(), pull(1, store.Sweep), pull(2, store.Command), pull(3, store.Push),
			pull(4, store.Review), pull(5, store.MergeGroup)))
		s := &script{run: fine}
		onStore(t, g.store, s, func(o *Options) { o.Workers = 1 }).quiet()
		var order []int64
		for _, lease := range s.runs {
			order = append(order, lease.Pull)
		}
		same(t, "order", order, []int64{5, 4, 3, 2, 1})
	})
}

func TestWorkersBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		s := &script{run: func(context.Context, store.Lease) (store.Outcome, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return store.Outcome{}, nil
		}}
		g := newStage(t, s, func(o *Options) { o.Workers = 3 })
		for n := range int64(10) {
			g.wake(pull(n+1, store.Push))
		}
		g.quiet()
		same(t, "runs", s.count(), 10)
		same(t, "most at once", most.Load(), int64(3))
	})
}

func TestQuietSaysWhatItCannotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := openStore(t)
		l := New(Options{Store: opened, Runner: &script{run: fine}})
		must(t, opened.Wake(t.Context(), pull(1, store.Push)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := l.Quiet(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody works, and Quiet says %v", err)
		}
		must(t, opened.Close())
		if err := l.Quiet(t.Context()); !errors.Is(err, store.ErrClosed) {
			t.Errorf("the store is closed, and Quiet says %v", err)
		}
	})
}

func TestObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		s := &script{run: func(_ context.Context, lease store.Lease) (store.Outcome, error) {
			time.Sleep(2 * time.Second)
			if lease.Pull == 1 {
				return store.Outcome{After: time.Hour}, nil
			}
			return store.Outcome{}, errBroken
		}}
		g := newStage(t, s, func(o *Options) {
			o.Workers = 1
			o.Observe = func(lease store.Lease, took time.Duration, end store.End, err error) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprintf("%d %v %d %v", lease.Pull, took, end, err))
			}
		})
		g.wake(pull(1, store.Review), pull(2, store.Push))
		g.quiet()
		must(t, g.stop())
		same(t, "seen", seen, []string{"1 2s 0 <nil>", "2 2s 1 GitHub is broken"})
	})
}
