package work

import (
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// How a target that is woken faster than it can be answered comes to rest.
const (
	waited    = 20 * time.Millisecond // a wake that waited so long came during the last run or its rest
	firstRest = 250 * time.Millisecond
	lastRest  = 5 * time.Second
	unrested  = 2 // so many runs in a row need none
)

// streak is how often a target ran in a row, each run woken before the last
// one was over and rested.
type streak struct {
	runs int
	over time.Time // when the last run and its rest were, by the clock of this process
}

// tire notes that a run of a target begins, and returns how long the target is
// to rest after it: 0 unless events come faster than answers. So a thousand
// events at once are a handful of runs, and one event is answered at once.
func (l *Loop) tire(lease store.Lease, now time.Time) time.Duration {
	if lease.Priority == store.MergeGroup {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for target, s := range l.streaks {
		if now.Sub(s.over) > lastRest {
			delete(l.streaks, target)
		}
	}
	last, known := l.streaks[lease.Target]
	claimed := lease.Until.Add(-l.o.Lease) // by the database's clock, as Woken is
	if !known || claimed.Sub(lease.Woken) < waited {
		l.streaks[lease.Target] = streak{over: now}
		return 0
	}
	last.runs++
	rest := time.Duration(0)
	if shift := last.runs - unrested; shift >= 0 {
		rest = min(firstRest<<min(shift, 10), lastRest)
	}
	last.over = now.Add(rest)
	l.streaks[lease.Target] = last
	return rest
}

// rest notes the end of a rest that was just settled, which so is not before the
// store's, and has the target looked at then.
func (l *Loop) rest(target store.Target, rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streaks[target]
	s.over = time.Now().Add(rest)
	l.streaks[target] = s
	time.AfterFunc(rest, l.Nudge)
}

// resting reports whether a target rests that was woken faster than it could be
// answered: it is not done, whatever the queue says.
func (l *Loop) resting(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streaks {
		if s.over.After(now) {
			return true
		}
	}
	return false
}
