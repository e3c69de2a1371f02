package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestWokenWhileItRuns(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		for range 10_000 / 100 { // a storm is one review
			must(t, s.Wake(ctx, push(1)))
		}
		lease := claimOne(t, s)
		claimNone(t, s, "a second worker")
		same(t, "quiet", get(s.Extend(ctx, lease, time.Minute))(t), Quiet)
		clock.Add(time.Second)
		must(t, s.Wake(ctx, Wake{Target: pull(1), Priority: Sweep}))
		same(t, "swept", get(s.Extend(ctx, lease, time.Minute))(t), Sweep)
		must(t, s.Wake(ctx, push(1)))
		woken := clock.Now()
		same(t, "pushed", get(s.Extend(ctx, lease, time.Minute))(t), Push)
		claimNone(t, s, "woken while leased")
		must(t, s.Settle(ctx, lease, Outcome{}))
		again := claimOne(t, s)
		same(t, "the later wake", []any{again.Priority, again.Woken, again.Attempts, again.Installation},
			[]any{Push, woken, 1, int64(7)})
		must(t, s.Settle(ctx, again, Outcome{}))
		claimNone(t, s, "answered")
	})
}

// A dead owner's work is due again at once, a living one's stays leased.
func TestBury(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, _ *ticker) {
		ctx := t.Context()
		must(t, s.Wake(ctx, push(1), push(2)))
		var leases []Lease
		for _, owner := range []string{"dead", "alive"} {
			leases = append(leases, get(s.Claim(ctx, Claimant{Owner: owner, Lease: time.Minute, Most: 1}))(t)...)
		}
		same(t, "buried", get(s.Bury(ctx, "dead"))(t), int64(1))
		if err := s.Settle(ctx, leases[0], Outcome{}); !errors.Is(err, ErrStale) {
			t.Errorf("the dead settled: %v", err)
		}
		must(t, s.Holds(ctx, leases[1]))
		again := claimOne(t, s)
		same(t, "what the dead was at", []any{again.Target, again.Attempts}, []any{leases[0].Target, 2})
		same(t, "buried twice", get(s.Bury(ctx, "dead"))(t), int64(0))
	})
}

func TestLeaseRunsOut(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		must(t, s.Wake(ctx, push(1)))
		old := claimOne(t, s)
		clock.Add(time.Minute - time.Microsecond)
		must(t, s.Holds(ctx, old))
		claimNone(t, s, "still leased")
		clock.Add(time.Microsecond)
		stale := func(why string) {
			t.Helper()
			_, extended := s.Extend(ctx, old, time.Hour)
			for what, err := range map[string]error{
				"holds": s.Holds(ctx, old), "extend": extended, "settle": s.Settle(ctx, old, Outcome{}),
				"retry": s.Settle(ctx, old, Outcome{End: Retry}), "release": s.Release(ctx, old),
				"park": s.Settle(ctx, old, Outcome{End: Park, Reason: "r"}),
			} {
				if !errors.Is(err, ErrStale) {
					t.Errorf("%s: %s: %v", why, what, err)
				}
			}
		}
		stale("ran out")
		fresh := claimOne(t, s)
		if fresh.Fence <= old.Fence || fresh.Attempts != 2 || fresh.Woken != old.Woken {
			t.Errorf("claimed again: %+v after %+v", fresh, old)
		}
		stale("taken over")
		must(t, s.Holds(ctx, fresh))
		forged := fresh
		forged.Pull = 2
		if err := s.Holds(ctx, forged); !errors.Is(err, ErrStale) {
			t.Errorf("another target's fence: %v", err)
		}
		must(t, s.Settle(ctx, fresh, Outcome{}))
		if err := s.Settle(ctx, fresh, Outcome{}); !errors.Is(err, ErrStale) {
			t.Errorf("settled twice: %v", err)
		}
		if err := s.Holds(ctx, Lease{Target: pull(1)}); !errors.Is(err, ErrStale) {
			t.Errorf("no lease at all: %v", err)
		}
		claimNone(t, s, "answered")
	})
}

func TestRetryAndPark(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		must(t, s.Wake(ctx, push(1)))
		for attempt := 1; attempt <= 5; attempt++ {
			lease := claimOne(t, s)
			same(t, "attempts", lease.Attempts, attempt)
			if attempt > 1 {
				same(t, "reason", lease.Reason, "it crashed")
			}
			must(t, s.Settle(ctx, lease, Outcome{End: Retry, After: time.Minute, Reason: "it crashed"}))
			must(t, s.Wake(ctx, Wake{Target: pull(1), Priority: Sweep}))
			claimNone(t, s, "a sweep ends no back-off")
			same(t, "waiting", get(s.Depth(ctx))(t).Waiting, 1)
			clock.Add(time.Minute)
		}
		must(t, s.Settle(ctx, claimOne(t, s), Outcome{End: Postpone, After: time.Minute, Reason: "GitHub is down"}))
		clock.Add(time.Minute)
		lease := claimOne(t, s)
		same(t, "nobody's fault", lease.Attempts, 6)
		must(t, s.Settle(ctx, lease, Outcome{End: Park, Reason: "poison"}))
		must(t, s.Wake(ctx, Wake{Target: pull(1), Priority: Sweep}, push(2)))
		same(t, "others proceed", claimOne(t, s).Pull, int64(2))
		claimNone(t, s, "a sweep frees nothing")
		same(t, "parked", get(s.Parked(ctx))(t),
			[]Parked{{Target: pull(1), Installation: 7, Attempts: 6, Reason: "poison", Since: clock.Now()}})
		same(t, "depth", get(s.Depth(ctx))(t), Depth{Leased: 1, Parked: 1, Oldest: clock.Now()})
		must(t, s.Wake(ctx, push(1)))
		lease = claimOne(t, s)
		same(t, "a push starts anew", lease.Attempts, 1)

		// What comes while a run fails may be the cure.
		must(t, s.Wake(ctx, push(1)))
		must(t, s.Settle(ctx, lease, Outcome{End: Park, Reason: "poison"}))
		lease = claimOne(t, s)
		must(t, s.Wake(ctx, push(1)))
		must(t, s.Settle(ctx, lease, Outcome{End: Retry, After: time.Hour}))
		lease = claimOne(t, s)
		must(t, s.Settle(ctx, lease, Outcome{End: Retry, After: time.Hour}))
		must(t, s.Wake(ctx, Wake{Target: pull(1), Priority: Review}))
		same(t, "a review ends the back-off", claimOne(t, s).Pull, int64(1))

		for _, o := range []Outcome{{End: Park}, {End: Retry, Again: clock.Now()}, {After: -1}, {End: 4}, {End: -1}} {
			if err := s.Settle(ctx, lease, o); err == nil || errors.Is(err, ErrStale) {
				t.Errorf("outcome %+v: %v", o, err)
			}
		}
	})
}

func TestRestAlarmDelay(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		must(t, s.Wake(ctx, push(1)))
		alarm := clock.Now().Add(time.Hour)
		must(t, s.Settle(ctx, claimOne(t, s), Outcome{After: 10 * time.Second, Again: alarm}))
		must(t, s.Wake(ctx, push(1)))
		claimNone(t, s, "it rests, whoever wakes it")
		clock.Add(10 * time.Second)
		must(t, s.Settle(ctx, claimOne(t, s), Outcome{Again: alarm}))
		claimNone(t, s, "before the alarm")
		clock.Add(time.Hour)
		lease := claimOne(t, s)
		same(t, "woken by the alarm", []any{lease.Priority, lease.Woken}, []any{Sweep, alarm})
		must(t, s.Settle(ctx, lease, Outcome{End: Retry, After: time.Minute}))
		claimNone(t, s, "an alarm that rang ends no back-off")
		clock.Add(time.Minute)
		claimOne(t, s)
		clock.Add(time.Hour) // the worker dies
		lease = claimOne(t, s)
		must(t, s.Settle(ctx, lease, Outcome{}))
		claimNone(t, s, "an alarm rings once")

		// Retry-After holds one installation's work alone.
		must(t, s.Delay(ctx, 7, clock.Now().Add(time.Minute)))
		must(t, s.Delay(ctx, 7, clock.Now().Add(time.Second)))
		must(t, s.Wake(ctx, push(1), Wake{Target: Target{Repository: 2, Pull: 1}, Installation: 8, Priority: Sweep}))
		same(t, "another installation", claimOne(t, s).Repository, int64(2))
		clock.Add(59 * time.Second)
		claimNone(t, s, "the longer delay stands")
		same(t, "depth", get(s.Depth(ctx))(t).Waiting, 1)
		clock.Add(time.Second)
		same(t, "after the delay", claimOne(t, s).Repository, int64(1))
	})
}

// A flood in one place must not starve another, nor a stream of urgent work the rest.
func TestTurns(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		add := func(installation, repository, pulls int64, p Priority) {
			var wakes []Wake
			for n := range pulls {
				wakes = append(wakes, Wake{Target{repository, n + 1, ""}, installation, p})
			}
			must(t, s.Wake(ctx, wakes...))
		}
		add(1, 10, 50, Push) // a bot
		clock.Add(time.Millisecond)
		add(1, 11, 3, Push)
		add(2, 20, 2, Push)
		add(2, 21, 1, Command)
		repositories := func(most, times int) (list []int64) {
			for range times {
				for _, l := range get(s.Claim(ctx, Claimant{Lease: time.Second, Most: most}))(t) {
					list = append(list, l.Repository)
					must(t, s.Settle(ctx, l, Outcome{}))
				}
			}
			return list
		}
		same(t, "one at a time", repositories(1, 7), []int64{10, 20, 11, 20, 10, 11, 10})
		add(2, 20, 3, Push)
		same(t, "many at once", repositories(6, 1), []int64{20, 11, 20, 10, 20, 10})
		clock.Add(aging + time.Second)
		add(3, 30, 1, Push)
		same(t, "a command that waited is a push", slices.Contains(repositories(3, 1), 21), false)
		clock.Add(time.Hour)
		add(3, 30, 40, MergeGroup)
		same(t, "who waited long is first", slices.Contains(repositories(3, 1), 21), true)
	})
}

// Who has workers at it already comes after who has none, though served before.
func TestWorkUnderWayCounts(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		add := func(installation, repository, pulls int64) {
			for n := range pulls {
				must(t, s.Wake(ctx, Wake{Target{repository, n, ""}, installation, Push}))
			}
		}
		claim := func(most int) (leases []Lease) {
			return get(s.Claim(ctx, Claimant{Lease: time.Hour, Most: most}))(t)
		}
		places := func(leases []Lease) (list []int64) {
			for _, lease := range leases {
				list = append(list, lease.Repository)
			}
			return list
		}
		add(1, 10, 9)
		claim(2) // of repository 10, and they stay
		add(1, 11, 9)
		add(2, 20, 1)
		for _, lease := range claim(1) {
			same(t, "an installation without workers", lease.Repository, int64(20))
			must(t, s.Settle(ctx, lease, Outcome{}))
		}
		add(2, 20, 3) // served last, yet nobody is at it
		same(t, "installations", places(claim(3)), []int64{20, 20, 11})
		// Two are at 10 and one at 11: 11 is next, then it is the turn of who was served longer ago.
		same(t, "repositories", places(claim(3)), []int64{20, 11, 10})
		same(t, "three at 10, two at 11", places(claim(1)), []int64{11})
	})
}

func TestPriorities(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		for _, p := range []Priority{Sweep, Command, Push, Review, MergeGroup} {
			must(t, s.Wake(ctx, Wake{Target: pull(int64(p)), Priority: p}))
		}
		must(t, s.Wake(ctx, Wake{Target: pull(9), Priority: Sweep}))
		must(t, s.Wake(ctx, Wake{Target: pull(9), Priority: MergeGroup}))
		var order []int64
		for _, l := range get(s.Claim(ctx, Claimant{Lease: time.Second, Most: 9}))(t) {
			order = append(order, l.Pull)
		}
		same(t, "order", order, []int64{0, 9, 1, 2, 3, 4})
		for _, c := range []Claimant{{Lease: time.Second}, {Most: 1}} {
			if _, err := s.Claim(ctx, c); err == nil {
				t.Errorf("claimant %+v is served", c)
			}
		}
	})
}

// Many workers and many events at once: no two at one target, and each event is
// seen by a run that was claimed after it.
func TestWorkersTogether(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			address := e.url(t)
			replicas := []*Store{open(t, Options{URL: address}), open(t, Options{URL: address})}
			const targets, rounds, callers = 6, 20, 4
			floor := &workfloor{busy: map[Target]bool{}, seen: map[string]bool{}}
			var senders, workers sync.WaitGroup
			for n := range callers {
				senders.Go(func() {
					for i := range rounds {
						target, guid := pull(int64(i%targets)), fmt.Sprint(n, "-", i)
						facts := Facts{Heads: []HeadSeen{{Repository: 1, Pull: target.Pull, SHA: guid}}}
						other := Wake{pull(int64((i + n) % targets)), 7, Review}
						if _, err := replicas[n%2].Record(t.Context(), Delivery{GUID: guid}, facts, Wake{target, 7, Push}, other); err != nil {
							t.Error(err)
						}
					}
				})
			}
			sent := make(chan struct{})
			go func() { senders.Wait(); close(sent) }()
			for n := range callers {
				workers.Go(func() {
					for over := false; ; {
						select {
						case <-sent:
							over = true
						default:
						}
						leases, err := replicas[n%2].Claim(t.Context(), Claimant{Lease: time.Minute, Most: 2})
						if err != nil {
							t.Error(err)
							return
						}
						for _, lease := range leases {
							floor.run(t, replicas[n%2], lease)
						}
						if over && len(leases) == 0 {
							return
						}
					}
				})
			}
			workers.Wait()
			same(t, "depth", get(replicas[0].Depth(t.Context()))(t), Depth{})
			same(t, "events seen by a run", len(floor.seen), callers*rounds)
		})
	}
}

// workfloor watches the workers.
type workfloor struct {
	mu   sync.Mutex
	busy map[Target]bool
	seen map[string]bool
}

func (f *workfloor) run(t *testing.T, s *Store, lease Lease) {
	f.mu.Lock()
	if f.busy[lease.Target] {
		t.Errorf("two at %v", lease.Target)
	}
	f.busy[lease.Target] = true
	f.mu.Unlock()
	heads, err := s.Heads(t.Context(), lease.Repository, lease.Pull)
	if err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	for _, head := range heads {
		f.seen[head.SHA] = true
	}
	f.busy[lease.Target] = false
	f.mu.Unlock()
	if err := s.Settle(t.Context(), lease, Outcome{}); err != nil {
		t.Error(err)
	}
}
