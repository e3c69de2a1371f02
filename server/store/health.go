package store

import (
	"context"
	"errors"
	"fmt"
)

// Health writes a row and asks the engine whether a commit means what we
// promise. Nil means: writable and durable. It is cheap enough for a readiness
// probe, and costs one commit.
func (s *Store) Health(ctx context.Context) error {
	_, err := write(ctx, s, "health", func(t *txn) (struct{}, error) {
		if _, err := t.next("health", 1); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, durable(t)
	})
	return err
}

func durable(t *txn) error {
	asked := []struct{ query, want string }{
		{`SELECT CAST(synchronous >= 2 AS TEXT) FROM pragma_synchronous`, "1"},
		{`SELECT journal_mode FROM pragma_journal_mode`, "wal"},
	}
	if t.pg {
		asked = []struct{ query, want string }{
			{`SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN 'off' ELSE 'on' END`, "on"},
			{`SELECT current_setting('fsync')`, "on"},
		}
	}
	for _, ask := range asked {
		var has string
		found, err := t.one([]any{&has}, ask.query)
		if err != nil {
			return err
		}
		if !found || has != ask.want {
			return &Error{Op: "health", Kind: Other, Err: errors.New(
				"a commit is not durable: " + fmt.Sprintf("%s gives %q, must be %q", ask.query, has, ask.want))}
		}
	}
	return nil
}
