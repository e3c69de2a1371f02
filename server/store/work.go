package store

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Target is what work is done on: a pull request, a group of a merge queue, or
// with Pull 0 a repository as a whole.
type Target struct {
	Repository int64
	Pull       int64
	Group      string // the ref of a merge queue's group; empty for a pull request
}

func compareTargets(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Pull, b.Pull), cmp.Compare(a.Group, b.Group))
}

// Priority orders work; the smaller goes first. Work that waits moves up with
// time, so that none starves.
type Priority int64

// The priorities, by what woke the work.
const (
	MergeGroup Priority = iota // a queue stands still meanwhile
	Review                     // a person waits, and it costs no render
	Push
	Command
	Sweep // our own timer: it neither ends a back-off nor frees what is parked
	Quiet // nothing woke it
)

// Wake says that a target is to be looked at again.
type Wake struct {
	Target
	Installation int64 // whose budget the work uses; 0 keeps the one known
	Priority     Priority
}

// aging is how long work waits to move up by one priority.
const aging = 2 * time.Minute

// Wake raises what is wanted of the targets. It is idempotent in effect: a
// target that already waits keeps its place, one that runs runs once more.
func (s *Store) Wake(ctx context.Context, wakes ...Wake) error {
	_, err := write(ctx, s, "wake", func(t *txn) (struct{}, error) { return struct{}{}, wake(t, wakes) })
	return err
}

// wake goes through the targets in one order everywhere, so that no two
// transactions on Postgres wait for each other.
func wake(t *txn, wakes []Wake) error {
	sorted := slices.Clone(wakes)
	slices.SortFunc(sorted, func(a, b Wake) int { return compareTargets(a.Target, b.Target) })
	for _, w := range sorted {
		if w.Priority < MergeGroup || w.Priority > Sweep {
			return refuse("priority %d cannot wake anything", w.Priority)
		}
		if _, err := t.exec(wakeSQL,
			w.Repository, w.Pull, short(w.Group), w.Installation, w.Priority, t.now); err != nil {
			return err
		}
	}
	return nil
}

// $5 < 4 is: anything but a sweep. Such a wake ends a back-off and frees what
// is parked, for what failed before may differ now.
const wakeSQL = `
INSERT INTO work AS w (repository, pull, merge_group, installation, want, done, claimed, priority, later_priority,
	woken, later_woken, not_before, rest_until, alarm, owner, fence, lease_until, attempts, parked, reason, touched)
VALUES ($1, $2, $3, $4, 1, 0, 0, $5, $5, $6, $6, 0, 0, 0, '', 0, 0, 0, '', '', $6)
ON CONFLICT (repository, pull, merge_group) DO UPDATE SET
	want = w.want + 1,
	installation = CASE WHEN excluded.installation = 0 THEN w.installation ELSE excluded.installation END,
	priority = CASE WHEN w.want = w.done OR excluded.priority < w.priority THEN excluded.priority ELSE w.priority END,
	woken = CASE WHEN w.want = w.done THEN excluded.woken ELSE w.woken END,
	later_priority = CASE WHEN excluded.priority < w.later_priority THEN excluded.priority ELSE w.later_priority END,
	later_woken = CASE WHEN w.later_woken = 0 THEN excluded.woken ELSE w.later_woken END,
	not_before = CASE WHEN excluded.priority < 4 THEN 0 ELSE w.not_before END,
	attempts = CASE WHEN excluded.priority < 4 AND w.parked <> '' THEN 0 ELSE w.attempts END,
	parked = CASE WHEN excluded.priority < 4 THEN '' ELSE w.parked END,
	touched = excluded.touched`

// Claimant is a worker that asks for work.
type Claimant struct {
	Owner string        // names the process, for people
	Lease time.Duration // how long the work is the claimant's unless it extends it; more than 0
	Most  int           // how many targets at most; more than 0
}

// Lease is the right to work on one target for a while. Keep it as it is: Fence
// is what proves it.
type Lease struct {
	Target
	Installation int64
	Fence        int64     // grows with every claim in this store
	Attempts     int       // this one included, since work on this target last succeeded
	Priority     Priority  // of the most urgent wake
	Woken        time.Time // when the target was first woken of what this run answers
	Until        time.Time // by the database's clock
	Reason       string    // of the last failed run; empty if none failed
}

// Claim leases targets that want work. None is leased to two. The urgent go
// first; among equals installations take turns, and within each repositories
// take turns, whatever the number of their targets. Nothing to do is an empty
// list. A row that another transaction touches this very moment is passed by,
// and found by the next claim.
func (s *Store) Claim(ctx context.Context, c Claimant) ([]Lease, error) {
	if c.Lease <= 0 || c.Most <= 0 {
		return nil, wrap("claim", refuse("a claim needs a time and a number"))
	}
	// Choosing is the dear part and needs no writer; taking asks again whether each is still due. Where
	// others took all that was chosen, choose anew.
	for range maxChoices {
		chosen, err := view(ctx, s, "claim", func(t *txn) ([]Target, error) {
			return all(t, func(target *Target) []any {
				return []any{&target.Repository, &target.Pull, &target.Group}
			}, turnsSQL, t.now, aging.Microseconds(), c.Most)
		})
		if err != nil || len(chosen) == 0 {
			return nil, err
		}
		leases, err := write(ctx, s, "claim", func(t *txn) ([]Lease, error) { return take(t, c, chosen) })
		if err != nil || len(leases) > 0 {
			return leases, err
		}
	}
	return nil, nil
}

const maxChoices = 4

func take(t *txn, c Claimant, chosen []Target) ([]Lease, error) {
	fence, err := t.next("fence", int64(len(chosen)))
	if err != nil {
		return nil, err
	}
	var leases []Lease
	for _, target := range chosen {
		lease := Lease{Target: target, Fence: fence, Until: at(t.now + c.Lease.Microseconds())}
		found, err := t.one([]any{&lease.Installation, &lease.Attempts, &lease.Priority, moment{&lease.Woken},
			&lease.Reason}, takeSQL+t.skipLocked()+takeReturning,
			t.now, target.Repository, target.Pull, target.Group, c.Owner, fence, lease.Until)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if err := served(t, lease); err != nil {
			return nil, err
		}
		leases = append(leases, lease)
		fence++
	}
	return leases, nil
}

func served(t *txn, lease Lease) error {
	const remember = `INSERT INTO lane (kind, id, served, not_before) VALUES ($1, $2, $3, 0)
		ON CONFLICT (kind, id) DO UPDATE SET served = excluded.served`
	if _, err := t.exec(remember, "installation", lease.Installation, lease.Fence); err != nil {
		return err
	}
	_, err := t.exec(remember, "repository", lease.Repository, lease.Fence)
	return err
}

// due is what may be claimed at $1. An alarm is a wake that comes by itself.
const due = `w.parked = '' AND (w.want > w.done OR w.alarm > 0) AND w.lease_until <= $1 AND w.rest_until <= $1
	AND (w.want > w.done AND w.not_before <= $1 OR w.alarm > 0 AND w.alarm <= $1)
	AND COALESCE(i.not_before, 0) <= $1`

// turnsSQL orders what is due. The class is the priority, better by one for
// each $2 waited. A target's turn is its place in its repository, and its round
// the place of that turn in its installation, work under way counted in both;
// so the thousandth target of one comes after the first of another. Those of
// one round go to who was served longest ago.
const turnsSQL = `
WITH busy AS MATERIALIZED (
	SELECT repository, installation FROM work WHERE lease_until > 0 AND lease_until > $1
), busy_repository AS MATERIALIZED (
	SELECT repository, COUNT(*) AS n FROM busy GROUP BY repository
), busy_installation AS MATERIALIZED (
	SELECT installation, COUNT(*) AS n FROM busy GROUP BY installation
), due AS (
	SELECT w.repository, w.pull, w.merge_group, w.installation,
		CASE WHEN w.want > w.done THEN w.woken ELSE w.alarm END AS since,
		CASE WHEN w.want > w.done THEN w.priority ELSE 4 END AS priority,
		COALESCE(i.served, 0) AS installation_served
	FROM work w LEFT JOIN lane i ON i.kind = 'installation' AND i.id = w.installation
	WHERE ` + due + `
), classed AS (
	SELECT due.*, CASE WHEN priority > ($1 - since) / $2 THEN priority - ($1 - since) / $2 ELSE 0 END AS class FROM due
), placed AS (
	SELECT c.*, ROW_NUMBER() OVER (PARTITION BY c.class, c.repository ORDER BY c.since, c.pull, c.merge_group) AS place
	FROM classed c
), turned AS (
	SELECT p.*, p.place + COALESCE(b.n, 0) AS turn, COALESCE(r.served, 0) AS repository_served
	FROM placed p
	LEFT JOIN busy_repository b ON b.repository = p.repository
	LEFT JOIN lane r ON r.kind = 'repository' AND r.id = p.repository
	WHERE p.place <= $3
), rounds AS (
	SELECT t.*, COALESCE(b.n, 0) + ROW_NUMBER() OVER (PARTITION BY t.class, t.installation
		ORDER BY t.turn, t.repository_served, t.since, t.repository) AS round
	FROM turned t LEFT JOIN busy_installation b ON b.installation = t.installation
)
SELECT repository, pull, merge_group FROM rounds
ORDER BY class, round, installation_served, turn, repository_served, since, repository, pull, merge_group LIMIT $3`

// takeSQL takes one target if it is still due. What is woken from here on is
// "later": it asks for another run.
const takeSQL = `
UPDATE work SET
	want = CASE WHEN want > done THEN want ELSE want + 1 END,
	claimed = CASE WHEN want > done THEN want ELSE want + 1 END,
	priority = CASE WHEN want > done THEN priority ELSE 4 END,
	woken = CASE WHEN want > done THEN woken ELSE alarm END,
	later_priority = 5, later_woken = 0, alarm = 0,
	owner = $5, fence = $6, lease_until = $7, attempts = attempts + 1, touched = $1
WHERE (repository, pull, merge_group) = (
	SELECT w.repository, w.pull, w.merge_group
	FROM work w LEFT JOIN lane i ON i.kind = 'installation' AND i.id = w.installation
	WHERE w.repository = $2 AND w.pull = $3 AND w.merge_group = $4 AND ` + due

const takeReturning = `) RETURNING installation, attempts, priority, woken, reason`
