package store

import (
	"context"
	"time"
)

// Delivery is one webhook as it came in. Its payload is not kept.
type Delivery struct {
	GUID         string // GitHub's id, equal in every attempt to deliver it
	Event        string
	Action       string // empty for events without one
	Installation int64
	Repository   int64     // 0 for events of an installation or organisation
	Received     time.Time // when it reached us, by the server's clock
	Digest       []byte    // of the payload
}

// Record keeps a delivery, the facts that only it tells, and the work that it
// wakes, all or nothing, and returns when that is durable. It reports whether
// the delivery is new; one that was recorded before changes nothing. Records
// that run at once share the price of a commit.
func (s *Store) Record(ctx context.Context, d Delivery, facts Facts, wakes ...Wake) (fresh bool, err error) {
	if d.GUID == "" {
		return false, wrap("record delivery", refuse("a delivery needs its GUID"))
	}
	return write(ctx, s, "record delivery", func(t *txn) (bool, error) {
		n, err := t.exec(`INSERT INTO delivery
			(guid, event, action, installation, repository, received, recorded, digest)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (guid) DO NOTHING`,
			short(d.GUID), short(d.Event), short(d.Action), d.Installation, d.Repository, d.Received, t.now, d.Digest)
		if err != nil || n == 0 {
			return false, err
		}
		if err := remember(t, facts); err != nil {
			return false, err
		}
		return true, wake(t, wakes)
	})
}

// Seen reports whether a delivery was recorded and is still kept.
func (s *Store) Seen(ctx context.Context, guid string) (bool, error) {
	return view(ctx, s, "look up delivery", func(t *txn) (bool, error) {
		var one int64
		return t.one([]any{&one}, `SELECT 1 FROM delivery WHERE guid = $1`, short(guid))
	})
}
