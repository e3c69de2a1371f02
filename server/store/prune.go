package store

import (
	"context"
	"fmt"
	"time"
)

// Retention says how long what is over is kept. 0 keeps it for ever. Nothing
// that is still wanted, parked, leased or unfinished is ever removed.
type Retention struct {
	Deliveries   time.Duration // keep longer than GitHub redelivers (three days), for a replay wakes again after it
	Work         time.Duration // since the last change of work that is done
	Facts        time.Duration // without its facts an approval does not count: longer than pull requests stay open
	Publications time.Duration
	Bindings     time.Duration // as Facts
	Assessments  time.Duration // since the last use
	Outbox       time.Duration // of finished actions
	Audit        time.Duration
}

// pruneBatch bounds how many rows one transaction removes, so that deliveries
// never wait long for a clean-up.
const pruneBatch = 500

// Prune removes what is older than the retention says and returns how many rows.
func (s *Store) Prune(ctx context.Context, keep Retention) (int64, error) {
	var total int64
	for _, table := range []struct {
		name, key, age, over string
		keep                 time.Duration
	}{
		{"delivery", "guid", "recorded", "", keep.Deliveries},
		{"work", "repository, pull, merge_group", "touched",
			" AND want = done AND alarm = 0 AND rest_until <= $2", keep.Work}, // what is leased or parked wants more
		{"review_seen", "repository, review", "seen", "", keep.Facts},
		{"head_seen", "repository, pull, sha, before_sha, sender", "seen", "", keep.Facts},
		{"tip_seen", "repository, ref, sha", "seen", "", keep.Facts},
		{"comment_seen", "repository, comment", "seen", "", keep.Facts},
		{"dismissal_seen", "repository, review", "seen", "", keep.Facts},
		{"hand_seen", "repository, pull, commit_sha, person, how", "seen", "", keep.Facts},
		{"push_seen", "repository, ref, after_sha, before_sha, sender", "seen", "", keep.Facts},
		{"publication", "id", "at", "", keep.Publications},
		{"binding", "repository, review", "at", "", keep.Bindings},
		{"assessment", "id", "used", "", keep.Assessments},
		{"outbox", "id", "finished", " AND done", keep.Outbox},
		{"audit", "id", "at", "", keep.Audit},
	} {
		if table.keep <= 0 {
			continue
		}
		// $2 is named in each, for Postgres wants the type of every argument. What is over is asked again
		// outside of the selection: there a wake may come between the choice of a row and its deletion.
		query := fmt.Sprintf(`DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s
			WHERE %[3]s < $1 AND %[3]s <= $2%[4]s ORDER BY %[3]s LIMIT %[5]d)`,
			table.name, table.key, table.age, table.over, pruneBatch)
		for {
			n, err := write(ctx, s, "prune "+table.name, func(t *txn) (int64, error) {
				return t.exec(query+table.over, t.now-table.keep.Microseconds(), t.now)
			})
			total += n
			if err != nil {
				return total, err
			}
			if n < pruneBatch {
				break
			}
		}
	}
	return total, nil
}
