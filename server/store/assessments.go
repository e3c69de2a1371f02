package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"
)

// useGrain is how exactly the last use of an assessment is known: reading one
// must not cost a commit each time.
const useGrain = 10 * time.Minute

// Assessment returns the assessment under a key, and whether there is one that
// is whole. One whose bytes are not those that were kept is deleted and missing:
// the caller computes it again.
func (s *Store) Assessment(ctx context.Context, key string) ([]byte, bool, error) {
	type row struct {
		body, sum []byte
		stale     bool
	}
	found, err := view(ctx, s, "read assessment", func(t *txn) (*row, error) {
		var r row
		var used int64
		ok, err := t.one([]any{blob{&r.body}, blob{&r.sum}, &used},
			`SELECT body, sum, used FROM assessment WHERE id = $1`, short(key))
		if err != nil || !ok {
			return nil, err
		}
		r.stale = t.now-used >= useGrain.Microseconds()
		return &r, nil
	})
	if err != nil || found == nil {
		return nil, false, err
	}
	if !bytes.Equal(found.sum, checksum(key, found.body)) {
		_, err := write(ctx, s, "drop damaged assessment", func(t *txn) (int64, error) {
			return t.exec(`DELETE FROM assessment WHERE id = $1 AND sum = $2`, short(key), found.sum)
		})
		return nil, false, err
	}
	if found.stale {
		if _, err := write(ctx, s, "read assessment", func(t *txn) (int64, error) {
			return t.exec(`UPDATE assessment SET used = $2 WHERE id = $1`, short(key), t.now)
		}); err != nil {
			return nil, false, err
		}
	}
	return found.body, true, nil
}

// checksum covers the key, so that no row can pass for another.
func checksum(key string, body []byte) []byte {
	sum := sha256.New()
	id := sha256.Sum256([]byte(key))
	sum.Write(id[:])
	sum.Write(body)
	return sum.Sum(nil)
}

// KeepAssessment keeps an assessment under its key, which says everything that
// it depends on. The least recently used make room; one that is larger than all
// room is not kept.
func (s *Store) KeepAssessment(ctx context.Context, key string, body []byte) error {
	if key == "" {
		return wrap("keep assessment", refuse("an assessment needs a key"))
	}
	if int64(len(body)) > s.budget {
		return nil
	}
	sum := checksum(key, body)
	_, err := write(ctx, s, "keep assessment", func(t *txn) (int64, error) {
		if _, err := t.exec(`INSERT INTO assessment (id, body, size, sum, created, used) VALUES ($1, $2, $3, $4, $5, $5)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body, size = excluded.size, sum = excluded.sum,
				used = excluded.used`, short(key), body, len(body), sum, t.now); err != nil {
			return 0, err
		}
		// The one just kept is the newest: the order by key only breaks ties among the others.
		return t.exec(`DELETE FROM assessment WHERE id IN (SELECT id FROM (
			SELECT id, SUM(size) OVER (ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END, used DESC, id) AS kept
			FROM assessment) sized WHERE kept > $2)`, short(key), s.budget)
	})
	return err
}
