package store

import (
	"context"
	"crypto/rand"
	"time"
)

// Secret is a random key that all replicas share.
type Secret struct {
	Generation int64 // 1 for the first
	Value      []byte
	Created    time.Time
}

// secretBytes is the size of a key for HMAC-SHA256.
const secretBytes = 32

// Secret returns the key in force under a name, and makes it at the first call.
// Replicas that ask at once get the same.
func (s *Store) Secret(ctx context.Context, name string) (Secret, error) {
	secret, err := view(ctx, s, "read secret", func(t *txn) (Secret, error) { return newest(t, name) })
	if err != nil || secret.Generation > 0 {
		return secret, err
	}
	return s.Rotate(ctx, name, 0)
}

// Rotate replaces the key of the given generation and returns the one in force:
// if somebody rotated that generation before, theirs. The old key is deleted.
func (s *Store) Rotate(ctx context.Context, name string, generation int64) (Secret, error) {
	value := make([]byte, secretBytes)
	if _, err := rand.Read(value); err != nil {
		return Secret{}, wrap("rotate secret", err)
	}
	return write(ctx, s, "rotate secret", func(t *txn) (Secret, error) {
		current, err := newest(t, name)
		if err != nil || current.Generation > generation {
			return current, err
		}
		if current.Generation < generation {
			return Secret{}, refuse("generation %d of this secret does not exist", generation)
		}
		if _, err := t.exec(`INSERT INTO secret (name, generation, value, created) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, short(name), generation+1, value, t.now); err != nil {
			return Secret{}, err
		}
		if _, err := t.exec(`DELETE FROM secret WHERE name = $1 AND generation <= $2`,
			short(name), generation); err != nil {
			return Secret{}, err
		}
		return newest(t, name)
	})
}

func newest(t *txn, name string) (Secret, error) {
	var secret Secret
	_, err := t.one([]any{&secret.Generation, blob{&secret.Value}, moment{&secret.Created}},
		`SELECT generation, value, created FROM secret WHERE name = $1 ORDER BY generation DESC LIMIT 1`, short(name))
	return secret, err
}
