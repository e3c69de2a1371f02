package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// item is work as people think of it: what must be answered, and who is at it.
type item struct {
	installation  int64
	asked         int64     // wakes so far, alarms included
	answered      int64     // the wakes that a run has answered
	running       *Lease    // the newest claim, until it is settled
	sawAsked      int64     // what it answers
	urgent, later Priority  // of what is unanswered, and of what came since the claim
	since, next   time.Time // when those began
	backoff, rest time.Time
	alarm         time.Time
	attempts      int
	parked        bool
}

// model is the queue without SQL.
type model struct {
	s      *Store
	clock  *ticker
	items  map[Target]*item
	delays map[int64]time.Time
	old    []Lease // leases that were ended or replaced
	fence  int64
}

func (m *model) leased(i *item) bool { return i.running != nil && i.running.Until.After(m.clock.Now()) }

func (m *model) rings(i *item) bool { return !i.alarm.IsZero() && !i.alarm.After(m.clock.Now()) }

func (m *model) due(i *item) bool {
	now := m.clock.Now()
	return !i.parked && !m.leased(i) && !i.rest.After(now) && !m.delays[i.installation].After(now) &&
		(i.asked > i.answered && !i.backoff.After(now) || m.rings(i))
}

func (m *model) class(i *item) int64 {
	urgent, since := i.urgent, i.since
	if i.asked == i.answered {
		urgent, since = Sweep, i.alarm
	}
	return max(0, int64(urgent)-int64(m.clock.Now().Sub(since)/aging))
}

func target(t *rapid.T) Target {
	return Target{rapid.Int64Range(1, 3).Draw(t, "repository"), rapid.Int64Range(1, 2).Draw(t, "pull"),
		rapid.SampledFrom([]string{"", "", "", "g"}).Draw(t, "group")}
}

func (m *model) wake(t *rapid.T) {
	var wakes []Wake
	for range rapid.IntRange(1, 3).Draw(t, "wakes") {
		tg := target(t)
		wakes = append(wakes, Wake{tg, 1 + tg.Repository/3, Priority(rapid.IntRange(0, 4).Draw(t, "priority"))})
	}
	must2(t, m.s.Wake(context.Background(), wakes...))
	slices.SortStableFunc(wakes, func(a, b Wake) int { return compareTargets(a.Target, b.Target) })
	for _, w := range wakes {
		i := m.items[w.Target]
		if i == nil {
			i = &item{urgent: Quiet, later: Quiet}
			m.items[w.Target] = i
		}
		i.installation = w.Installation
		if i.asked == i.answered {
			i.urgent, i.since = w.Priority, m.clock.Now()
		}
		if i.later == Quiet {
			i.next = m.clock.Now()
		}
		i.asked++
		i.urgent, i.later = min(i.urgent, w.Priority), min(i.later, w.Priority)
		if w.Priority < Sweep {
			i.backoff = time.Time{}
			if i.parked {
				i.parked, i.attempts = false, 0
			}
		}
	}
}

func (m *model) claim(t *rapid.T) {
	most := rapid.IntRange(1, 6).Draw(t, "most")
	duration := time.Duration(rapid.IntRange(1, 90).Draw(t, "lease")) * time.Second
	due := map[Target]bool{}
	for tg, i := range m.items {
		if m.due(i) {
			due[tg] = true
		}
	}
	got, err := m.s.Claim(context.Background(), Claimant{"w", duration, most})
	must2(t, err)
	if len(got) != min(most, len(due)) {
		t.Fatalf("claimed %d of %d due, asked for %d", len(got), len(due), most)
	}
	last := int64(-1)
	for _, lease := range got {
		i := m.items[lease.Target]
		if !due[lease.Target] {
			t.Fatalf("claimed %v, which is not due", lease.Target)
		}
		if class := m.class(i); class < last {
			t.Fatalf("class %d after %d", class, last)
		} else {
			last = class
		}
		if lease.Fence <= m.fence {
			t.Fatalf("fence %d after %d", lease.Fence, m.fence)
		}
		m.fence = lease.Fence
		delete(due, lease.Target)
		m.begin(t, i, lease, duration)
	}
	for tg := range due { // what was left is not more urgent than what was taken
		if m.class(m.items[tg]) < last {
			t.Fatalf("%v was left though it is of class %d", tg, m.class(m.items[tg]))
		}
	}
}

func (m *model) begin(t *rapid.T, i *item, lease Lease, duration time.Duration) {
	if i.running != nil {
		m.old = append(m.old, *i.running)
	}
	if i.asked == i.answered {
		i.asked++
		i.urgent, i.since = Sweep, i.alarm
	}
	i.attempts++
	want := Lease{lease.Target, i.installation, lease.Fence, i.attempts, i.urgent, i.since, m.clock.Now().Add(duration), lease.Reason}
	if lease != want {
		t.Fatalf("lease %+v, want %+v", lease, want)
	}
	i.running, i.sawAsked, i.later, i.alarm = &lease, i.asked, Quiet, time.Time{}
}

// pick draws a target that was claimed and not settled, its lease valid or not.
func (m *model) pick(t *rapid.T) *item {
	var running []*item
	for _, tg := range slices.SortedFunc(maps.Keys(m.items), compareTargets) {
		if m.items[tg].running != nil {
			running = append(running, m.items[tg])
		}
	}
	if len(running) == 0 {
		t.Skip("nothing runs")
	}
	return rapid.SampledFrom(running).Draw(t, "running")
}

func (m *model) stale(t *rapid.T, i *item, err error) bool {
	if m.leased(i) {
		must2(t, err)
		return false
	}
	if !errors.Is(err, ErrStale) {
		t.Fatalf("a lease until %v at %v: %v", i.running.Until, m.clock.Now(), err)
	}
	return true
}

func (m *model) extend(t *rapid.T) {
	i := m.pick(t)
	d := time.Duration(rapid.IntRange(1, 90).Draw(t, "more")) * time.Second
	woken, err := m.s.Extend(context.Background(), *i.running, d)
	if m.stale(t, i, err) {
		return
	}
	if woken != i.later {
		t.Fatalf("woken by %d, want %d", woken, i.later)
	}
	i.running.Until = m.clock.Now().Add(d)
}

func (m *model) settle(t *rapid.T) {
	i := m.pick(t)
	o := Outcome{End: End(rapid.IntRange(0, 3).Draw(t, "end")), Reason: "r",
		After: time.Duration(rapid.IntRange(0, 60).Draw(t, "after")) * time.Second}
	if o.End == Done && rapid.Bool().Draw(t, "again") {
		o.Again = m.clock.Now().Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "in")) * time.Second)
	}
	if m.stale(t, i, m.s.Settle(context.Background(), *i.running, o)) {
		return
	}
	m.old = append(m.old, *i.running)
	i.running = nil
	then, cured := m.clock.Now().Add(o.After), i.later < Sweep
	switch o.End {
	case Done:
		i.answered, i.attempts, i.backoff, i.rest, i.alarm = i.sawAsked, 0, time.Time{}, then, o.Again
		i.urgent, i.since = i.later, i.next
	case Retry, Postpone:
		i.backoff = then
		if cured {
			i.backoff = time.Time{}
		}
		if o.End == Postpone {
			i.attempts--
		}
	case Park:
		i.backoff, i.parked = time.Time{}, !cured
		if cured {
			i.attempts = 0
		}
	}
}

func (m *model) replay(t *rapid.T) {
	if len(m.old) == 0 {
		t.Skip("nothing is old")
	}
	lease := rapid.SampledFrom(m.old).Draw(t, "old")
	_, extended := m.s.Extend(context.Background(), lease, time.Hour)
	_, began := m.s.BeginUnder(context.Background(), lease, "k", nil)
	for _, err := range []error{extended, began, m.s.Holds(context.Background(), lease),
		m.s.Settle(context.Background(), lease, Outcome{}), m.s.Release(context.Background(), lease)} {
		if !errors.Is(err, ErrStale) {
			t.Fatalf("an old lease is taken: %v", err)
		}
	}
}

func (m *model) check(t *rapid.T) {
	d, err := m.s.Depth(context.Background())
	must2(t, err)
	var want Depth
	for _, i := range m.items {
		switch {
		case m.due(i):
			want.Due++
		case m.leased(i):
			want.Leased++
		case !i.parked && i.asked > i.answered:
			want.Waiting++
		}
		if i.parked {
			want.Parked++
		}
		if i.asked > i.answered && !i.parked && (want.Oldest.IsZero() || i.since.Before(want.Oldest)) {
			want.Oldest = i.since
		}
	}
	if d != want {
		t.Fatalf("depth %+v, want %+v", d, want)
	}
}

// drain shows that no wake is lost: with time, all that was asked is answered.
func (m *model) drain(t *rapid.T) {
	for tg, i := range m.items {
		if i.parked {
			must2(t, m.s.Wake(context.Background(), Wake{Target: tg, Priority: Push}))
		}
	}
	open := map[Target]bool{}
	for tg, i := range m.items {
		if i.asked > i.answered {
			open[tg] = true
		}
	}
	m.clock.Add(24 * time.Hour)
	for {
		leases, err := m.s.Claim(context.Background(), Claimant{"w", time.Minute, 3})
		must2(t, err)
		if len(leases) == 0 {
			break
		}
		for _, lease := range leases {
			m.fence = max(m.fence, lease.Fence)
			delete(open, lease.Target)
			must2(t, m.s.Settle(context.Background(), lease, Outcome{}))
		}
	}
	if len(open) > 0 {
		t.Fatalf("lost: %v", open)
	}
}

func must2(t *rapid.T, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

func TestQueueIsTheModel(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			clock := newTicker()
			s := open(t, Options{URL: e.url(t), Clock: clock.Now})
			var fence int64
			rapid.Check(t, func(t *rapid.T) {
				for _, table := range []string{"work", "lane"} {
					if _, err := s.write.ExecContext(context.Background(), "DELETE FROM "+table); err != nil {
						t.Fatal(err)
					}
				}
				m := &model{s: s, clock: clock, items: map[Target]*item{}, delays: map[int64]time.Time{}, fence: fence}
				t.Repeat(map[string]func(*rapid.T){
					"wake": m.wake, "wake again": m.wake, "claim": m.claim, "claim again": m.claim, "extend": m.extend,
					"settle": m.settle, "settle again": m.settle, "replay": m.replay,
					"delay": func(t *rapid.T) {
						installation := rapid.Int64Range(1, 2).Draw(t, "installation")
						until := clock.Now().Add(time.Duration(rapid.IntRange(-5, 60).Draw(t, "delay")) * time.Second)
						must2(t, s.Delay(context.Background(), installation, until))
						m.delays[installation] = slices.MaxFunc([]time.Time{m.delays[installation], until}, time.Time.Compare)
					},
					"time passes": func(t *rapid.T) { clock.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second) },
					"":            m.check,
				})
				m.drain(t)
				fence = m.fence
			})
		})
	}
}
