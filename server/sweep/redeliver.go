package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

const (
	// keeps is how long GitHub can deliver again.
	keeps = 3 * 24 * time.Hour
	// overlap covers deliveries that were under way at the last look.
	overlap = 10 * time.Minute
	// batch bounds what one sweep asks for.
	batch = 200
	// stored is how often the place up to which all is well is kept.
	stored = time.Hour
	// placeKind is the audit log's word for that.
	placeKind = "deliveries_checked"
)

// place is the moment up to which every delivery is known to have arrived.
type place struct {
	Until time.Time `json:"until"`
	// Again counts the deliveries that were asked for since the last entry.
	Again int `json:"again"`
}

// failure is a delivery that never arrived.
type failure struct {
	attempt github.Attempt // the newest
	first   time.Time
}

// Redeliver asks GitHub to deliver again what failed since the last sweep, and
// sends alerts again that were not taken.
func (s *Sweeper) Redeliver(ctx context.Context) error {
	return errors.Join(s.remind(ctx), s.redeliver(ctx))
}

func (s *Sweeper) redeliver(ctx context.Context) error {
	now := s.Clock()
	since, err := s.lookedUntil(ctx, now)
	if err != nil {
		return fmt.Errorf("redeliver: %w", err)
	}
	attempts, err := s.App.Attempts(ctx, since.Add(-overlap))
	if err != nil {
		return fmt.Errorf("redeliver: %w", err)
	}
	until, again := now, 0
	for _, f := range failures(attempts) {
		seen, err := s.Store.Seen(ctx, f.attempt.GUID)
		if err != nil {
			return fmt.Errorf("redeliver: %w", err)
		}
		if seen {
			continue
		}
		if f.first.Before(until) {
			until = f.first // to be looked at again until it is here
		}
		if again >= batch || !s.memory.due(f.attempt.GUID, now) {
			continue
		}
		err = s.App.Redeliver(ctx, f.attempt.ID)
		if kind := github.KindOf(err); err != nil && kind != github.NotFound && kind != github.Refused {
			return fmt.Errorf("redeliver %s: %w", f.attempt.GUID, err)
		}
		again++
	}
	if again > 0 {
		s.Log.Warn("deliveries failed and are asked for again", "count", again, "since", until)
	}
	return s.keepPlace(ctx, now, place{Until: until, Again: again})
}

// failures are the deliveries without a good attempt, oldest first.
func failures(attempts []github.Attempt) []failure {
	byGUID := map[string]failure{}
	good := map[string]bool{}
	for _, a := range attempts {
		good[a.GUID] = good[a.GUID] || a.OK
		f, known := byGUID[a.GUID]
		if !known || a.ID > f.attempt.ID {
			f.attempt = a
		}
		if !known || a.At.Before(f.first) {
			f.first = a.At
		}
		byGUID[a.GUID] = f
	}
	var out []failure
	for guid, f := range byGUID {
		if !good[guid] {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b failure) int { return int(a.attempt.ID - b.attempt.ID) })
	return out
}

// lookedUntil is the place where the last sweep, of this process or another,
// left off: never more than GitHub keeps.
func (s *Sweeper) lookedUntil(ctx context.Context, now time.Time) (time.Time, error) {
	oldest := now.Add(-keeps)
	if at := s.memory.place(); !at.IsZero() {
		return later(at, oldest), nil
	}
	entries, err := s.Store.Entries(ctx, store.LogQuery{Kind: placeKind, From: oldest})
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range slices.Backward(entries) {
		var p place
		if json.Unmarshal(e.Body, &p) == nil {
			return later(p.Until, oldest), nil
		}
	}
	return oldest, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// keepPlace keeps the place, in the log now and then.
func (s *Sweeper) keepPlace(ctx context.Context, now time.Time, p place) error {
	if !s.memory.keep(p.Until, now) && p.Again == 0 {
		return nil
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep the place of deliveries: %w", err)
	}
	_, err = s.Store.Log(ctx, store.Entry{Kind: placeKind, Body: body})
	return err
}
