package store

import (
	"context"
	"time"
)

// held is the condition that a lease is the newest and has not run out at $5.
const held = ` WHERE repository = $1 AND pull = $2 AND merge_group = $3 AND fence = $4 AND lease_until > $5`

func (l Lease) key(now int64) []any { return []any{l.Repository, l.Pull, short(l.Group), l.Fence, now} }

// Holds returns nil while the lease is the caller's, and ErrStale after. Ask it
// last before writing what must not be written by two.
func (s *Store) Holds(ctx context.Context, lease Lease) error {
	_, err := view(ctx, s, "check lease", func(t *txn) (struct{}, error) { return struct{}{}, holds(t, lease, "") })
	return err
}

func holds(t *txn, lease Lease, lock string) error {
	var one int64
	found, err := t.one([]any{&one}, `SELECT 1 FROM work`+held+lock, lease.key(t.now)...)
	if err == nil && !found {
		return ErrStale
	}
	return err
}

// Extend makes the lease last for d from now. It returns the most urgent
// priority with which the target was woken since it was claimed, Quiet if it
// was not: a Push means that the run answers an old question. ErrStale if the
// lease is no longer held.
func (s *Store) Extend(ctx context.Context, lease Lease, d time.Duration) (Priority, error) {
	if d <= 0 {
		return Quiet, wrap("extend lease", refuse("a lease needs a time"))
	}
	return write(ctx, s, "extend lease", func(t *txn) (Priority, error) {
		woken := Quiet
		found, err := t.one([]any{&woken}, `UPDATE work SET lease_until = $6`+held+` RETURNING later_priority`,
			append(lease.key(t.now), t.now+d.Microseconds())...)
		if err == nil && !found {
			err = ErrStale
		}
		return woken, err
	})
}

// End says how a run ended.
type End int

// How a run ends.
const (
	// Done answers every wake up to the claim. The target rests for After, whoever wakes it,
	// and is woken at Again if that is not zero.
	Done End = iota
	// Retry failed and counts as an attempt; not again before After unless woken by more than a sweep.
	Retry
	// Postpone is Retry that counts as no attempt: it was nobody's fault, or we stop.
	Postpone
	// Park gives up until the target is woken by more than a sweep.
	Park
)

// Outcome is how a run ended and what follows.
type Outcome struct {
	End    End
	After  time.Duration // from the database's now; 0 is at once
	Again  time.Time     // Done only: when to look again by itself; zero is never
	Reason string        // why it failed or is parked, for people; needed for Park
}

// Settle ends a lease. What was woken during the run stays wanted, and a wake
// by more than a sweep during it wins over the back-off or the parking.
// ErrStale, and nothing changes, if the lease is no longer held.
func (s *Store) Settle(ctx context.Context, lease Lease, o Outcome) error {
	if o.End < Done || o.End > Park || o.After < 0 || o.End == Park && o.Reason == "" ||
		o.End != Done && !o.Again.IsZero() {
		return wrap("settle", refuse("outcome %+v makes no sense", o))
	}
	_, err := write(ctx, s, "settle", func(t *txn) (struct{}, error) {
		after := t.now + o.After.Microseconds()
		if o.After == 0 {
			after = 0
		}
		query, rest := settleSQL(o, after)
		n, err := t.exec(`UPDATE work SET owner = '', lease_until = 0, touched = $5, `+query+held,
			append(lease.key(t.now), rest...)...)
		if err == nil && n == 0 {
			err = ErrStale
		}
		return struct{}{}, err
	})
	return err
}

func settleSQL(o Outcome, after int64) (query string, args []any) {
	reason := long(o.Reason)
	switch o.End {
	case Retry, Postpone:
		counts := 1
		if o.End == Retry {
			counts = 0
		}
		return `attempts = attempts - $6, reason = $7,
			not_before = CASE WHEN later_priority < 4 THEN 0 ELSE CAST($8 AS BIGINT) END`, []any{counts, reason, after}
	case Park:
		return `parked = CASE WHEN later_priority < 4 THEN '' ELSE $6 END,
			attempts = CASE WHEN later_priority < 4 THEN 0 ELSE attempts END,
			reason = $6, not_before = 0`, []any{reason}
	default:
		return `done = claimed, priority = later_priority, woken = later_woken, attempts = 0, reason = '',
			not_before = 0, rest_until = $6, alarm = $7`, []any{after, o.Again}
	}
}

// Release gives a lease back untried, as a worker does that must stop.
func (s *Store) Release(ctx context.Context, lease Lease) error {
	return s.Settle(ctx, lease, Outcome{End: Postpone, Reason: lease.Reason})
}

// Bury ends the leases of an owner that is known to be dead, as if their time
// had run out: what it was at is due again, and counts as tried. It returns
// how many there were.
func (s *Store) Bury(ctx context.Context, owner string) (int64, error) {
	return write(ctx, s, "bury owner", func(t *txn) (int64, error) {
		return t.exec(`UPDATE work SET owner = '', lease_until = 0 WHERE owner = $1 AND lease_until > $2`,
			short(owner), t.now)
	})
}

// Delay keeps the work of an installation from being claimed until a moment by
// the database's clock, as GitHub's Retry-After asks. A longer delay stands.
func (s *Store) Delay(ctx context.Context, installation int64, until time.Time) error {
	_, err := write(ctx, s, "delay", func(t *txn) (int64, error) {
		return t.exec(`INSERT INTO lane AS l (kind, id, served, not_before) VALUES ('installation', $1, 0, $2)
			ON CONFLICT (kind, id) DO UPDATE SET not_before =
				CASE WHEN excluded.not_before > l.not_before THEN excluded.not_before ELSE l.not_before END`,
			installation, until)
	})
	return err
}

// Depth is the state of the queue.
type Depth struct {
	Due     int       // may be claimed now
	Waiting int       // for their time: backing off, resting, or their installation's delay
	Leased  int       // under way
	Parked  int       // given up
	Oldest  time.Time // since when the longest unanswered wake waits, parked ones left out; zero if none
}

// Depth counts the queue.
func (s *Store) Depth(ctx context.Context) (Depth, error) {
	return view(ctx, s, "queue depth", func(t *txn) (d Depth, err error) {
		_, err = t.one([]any{&d.Due, &d.Leased, &d.Parked, &d.Waiting, moment{&d.Oldest}}, `
			SELECT COUNT(CASE WHEN `+due+` THEN 1 END),
				COUNT(CASE WHEN w.lease_until > $1 THEN 1 END),
				COUNT(CASE WHEN w.parked <> '' THEN 1 END),
				COUNT(CASE WHEN w.want > w.done AND w.parked = '' AND w.lease_until <= $1 AND NOT (`+due+`) THEN 1 END),
				COALESCE(MIN(CASE WHEN w.want > w.done AND w.parked = '' THEN w.woken END), 0)
			FROM work w LEFT JOIN lane i ON i.kind = 'installation' AND i.id = w.installation`, t.now)
		return d, err
	})
}

// Parked is work that was given up.
type Parked struct {
	Target
	Installation int64
	Attempts     int
	Reason       string
	Since        time.Time // of its last change
}

// Parked lists what was given up, at most 1,000.
func (s *Store) Parked(ctx context.Context) ([]Parked, error) {
	return view(ctx, s, "parked work", func(t *txn) ([]Parked, error) {
		return all(t, func(p *Parked) []any {
			return []any{&p.Repository, &p.Pull, &p.Group, &p.Installation, &p.Attempts, &p.Reason, moment{&p.Since}}
		}, `SELECT repository, pull, merge_group, installation, attempts, parked, touched FROM work
			WHERE parked <> '' ORDER BY repository, pull, merge_group LIMIT 1000`)
	})
}
