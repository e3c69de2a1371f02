package store

import (
	"context"
	"time"
)

// State is how far an action got.
type State int

// The states of an action.
const (
	Begun    State = iota // recorded just now: act
	Unsure                // begun before, by us or another, and no result is known: look first, then act
	Finished              // done: take the result
)

// Action is a write to the world, recorded before it is made and after.
type Action struct {
	Key      string // says what is done to what, so that the same wish has the same key
	State    State
	Intent   []byte // as first recorded
	Result   []byte // nil until Finished
	Begun    time.Time
	Finished time.Time // zero until Finished
}

// Begin records that the caller is about to act. If the action was begun
// before, its first intent stands and the state says how far it got.
func (s *Store) Begin(ctx context.Context, key string, intent []byte) (Action, error) {
	return s.begin(ctx, key, intent, func(*txn) error { return nil })
}

// BeginUnder is Begin for one who works under a lease: ErrStale, and nothing is
// recorded, if it is no longer held.
func (s *Store) BeginUnder(ctx context.Context, lease Lease, key string, intent []byte) (Action, error) {
	return s.begin(ctx, key, intent, func(t *txn) error {
		if t.pg {
			// Nobody may take the lease between this look and the commit.
			return holds(t, lease, " FOR SHARE")
		}
		return holds(t, lease, "")
	})
}

func (s *Store) begin(ctx context.Context, key string, intent []byte, allowed func(*txn) error) (Action, error) {
	if key == "" {
		return Action{}, wrap("begin action", refuse("an action needs a key"))
	}
	return write(ctx, s, "begin action", func(t *txn) (Action, error) {
		if err := allowed(t); err != nil {
			return Action{}, err
		}
		n, err := t.exec(`INSERT INTO outbox (id, intent, result, done, begun, finished)
			VALUES ($1, $2, $3, FALSE, $4, 0) ON CONFLICT DO NOTHING`, short(key), intent, []byte{}, t.now)
		if err != nil {
			return Action{}, err
		}
		var a Action
		if _, err := t.one(a.targets(), selectAction+` WHERE id = $1`, short(key)); err != nil {
			return Action{}, err
		}
		if n == 1 {
			a.State = Begun
		}
		return a, nil
	})
}

const selectAction = `SELECT id, intent, result, CASE WHEN done THEN 2 ELSE 1 END, begun, finished FROM outbox`

func (a *Action) targets() []any {
	return []any{&a.Key, blob{&a.Intent}, blob{&a.Result}, &a.State, moment{&a.Begun}, moment{&a.Finished}}
}

// Action reads an action, and whether it was ever begun; its State is Unsure or
// Finished.
func (s *Store) Action(ctx context.Context, key string) (Action, bool, error) {
	var a Action
	found, err := view(ctx, s, "read action", func(t *txn) (bool, error) {
		return t.one(a.targets(), selectAction+` WHERE id = $1`, short(key))
	})
	return a, found, err
}

// Finish records the result of an action that was begun. The first result
// stands. ErrUnknown if the action was never begun.
func (s *Store) Finish(ctx context.Context, key string, result []byte) error {
	_, err := write(ctx, s, "finish action", func(t *txn) (struct{}, error) {
		n, err := t.exec(`UPDATE outbox SET result = CASE WHEN done THEN result ELSE $2 END,
			finished = CASE WHEN done THEN finished ELSE $3 END, done = TRUE WHERE id = $1`, short(key), result, t.now)
		if err == nil && n == 0 {
			err = ErrUnknown
		}
		return struct{}{}, err
	})
	return err
}

// Unfinished lists the actions begun before a moment of which no result is
// known, oldest first, at most 1,000.
func (s *Store) Unfinished(ctx context.Context, before time.Time) ([]Action, error) {
	return view(ctx, s, "unfinished actions", func(t *txn) ([]Action, error) {
		return all(t, (*Action).targets,
			selectAction+` WHERE NOT done AND begun < $1 ORDER BY begun, id LIMIT 1000`, before)
	})
}

// UnfinishedUnder lists the actions whose keys begin with a prefix and of which
// no result is known, oldest first, at most 1,000.
func (s *Store) UnfinishedUnder(ctx context.Context, prefix string) ([]Action, error) {
	return view(ctx, s, "unfinished actions of one kind", func(t *txn) ([]Action, error) {
		return all(t, (*Action).targets, selectAction+` WHERE NOT done AND substr(id, 1, $1) = $2
			ORDER BY begun, id LIMIT 1000`, len(prefix), prefix)
	})
}
