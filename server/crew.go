package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/sweep"
)

// crew are those who work in the App's name: there are none before GitHub told
// who that is.
type crew struct {
	reviewer *review.Reviewer
	sweeper  *sweep.Sweeper
}

// join makes the crew.
func (s *Server) join(identity github.Identity) {
	publisher := &publish.Publisher{Store: s.store, App: s.app.ID(), Bot: identity.Bot, Clock: s.clock, Log: s.log}
	replier := &reply.Replier{Store: s.store, App: s.app.ID(), Bot: identity.Bot, Clock: s.clock, Log: s.log,
		Explain: func(id string) (string, bool) {
			rule, ok := s.assessor.Rules.Rule(engine.RuleID(id))
			return explain(rule), ok
		}}
	reviewer := &review.Reviewer{Store: s.store, App: s.app, Mirrors: s.mirrors, Assessor: s.assessor,
		Publisher: publisher, Replier: replier, Clock: s.clock, Log: s.log, Observe: s.metrics.reviewed}
	sweeper := &sweep.Sweeper{Store: s.store, App: s.app, Mirrors: s.mirrors, Reviewer: reviewer,
		Publisher: publisher, Alert: s.alerts.send, Clock: s.clock, Log: s.log}
	reviewer.Standing = sweeper.Standing
	s.crew = &crew{reviewer: reviewer, sweeper: sweeper}
	close(s.known)
	s.log.Info("GitHub knows us", "app", identity.Slug, "as", identity.Bot.Login)
}

// meet asks GitHub who we are until it tells.
func (s *Server) meet(ctx context.Context) error {
	for wait := time.Second; s.crew == nil; wait = min(2*wait, time.Minute) {
		identity, err := s.app.Identity(ctx)
		if err == nil {
			s.join(identity)
			return nil
		}
		s.log.Warn("GitHub does not tell who we are", "error", err, "again_in", wait)
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
	return nil
}

// pause waits and reports whether the context still holds.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// work works until ctx ends and what is under way is over.
func (s *Server) work(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { s.every(ctx, time.Hour, "prune", s.prune) })
	if err := s.meet(ctx); err != nil {
		return s.unless(err)
	}
	running.Go(func() {
		s.attempt(ctx, "first look", s.sweep)
		close(s.began)
		var timers sync.WaitGroup
		defer timers.Wait()
		timers.Go(func() { s.every(ctx, s.settings.SweepEvery, "redeliver", s.crew.sweeper.Redeliver) })
		timers.Go(func() { s.every(ctx, s.settings.ReconcileEvery, "reconcile", s.reconcile) })
	})
	if err := s.loop.Run(ctx, grace); s.unless(err) != nil {
		return fmt.Errorf("work: %w", err)
	}
	return nil
}

func (s *Server) reconcile(ctx context.Context) error {
	defer s.loop.Nudge()
	return s.crew.sweeper.Reconcile(ctx)
}

// every does something again and again, the first time after a while.
func (s *Server) every(ctx context.Context, period time.Duration, name string, do func(context.Context) error) {
	for pause(ctx, period) {
		s.attempt(ctx, name, do)
	}
}

// attempt does what will be done again anyway: its failure is only said.
func (s *Server) attempt(ctx context.Context, name string, do func(context.Context) error) {
	if err := do(ctx); s.unless(err) != nil {
		s.log.Warn("a timer's work failed and is tried again at the next turn", "work", name, "error", err)
	}
}

const day = 24 * time.Hour

// retention keeps deliveries longer than GitHub sends them again, and facts
// longer than pull requests stay open.
var retention = store.Retention{Deliveries: 10 * day, Work: 30 * day, Facts: 400 * day, Publications: 400 * day,
	Bindings: 400 * day, Assessments: 30 * day, Outbox: 90 * day, Audit: 800 * day}

func (s *Server) prune(ctx context.Context) error {
	rows, err := s.store.Prune(ctx, retention)
	mirrors, gone := s.mirrors.Prune(ctx, s.clock().Add(-14*day))
	if rows > 0 || mirrors > 0 {
		s.log.Info("pruned", "rows", rows, "mirrors", mirrors)
	}
	return errors.Join(err, gone)
}

// dispatcher gives work to who does it. The loop runs only once there is a crew.
type dispatcher struct{ s *Server }

func (d dispatcher) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	if wait := d.s.spare(lease); wait > 0 {
		return store.Outcome{End: store.Postpone, After: wait,
			Reason: "few requests to GitHub are left: they are kept for reviews and merge groups"}, nil
	}
	if ofPull(lease.Target) {
		return d.s.crew.reviewer.Run(ctx, lease)
	}
	return d.s.crew.sweeper.Run(ctx, lease)
}

func (d dispatcher) Trouble(ctx context.Context, lease store.Lease, err error, parked bool) error {
	if parked {
		d.s.crew.sweeper.Parked(ctx, lease, err)
	}
	if ofPull(lease.Target) {
		return d.s.crew.reviewer.Trouble(ctx, lease, err, parked)
	}
	return nil
}

// reserve is the part of an installation's hourly requests that is kept for
// reviews and merge groups: people and queues that wait.
const reserve = 5 // one in five

// spare says how long other work of an installation waits, because only the
// reserve is left of its budget; 0 when it need not.
func (s *Server) spare(lease store.Lease) time.Duration {
	if lease.Priority <= store.Review || lease.Installation == 0 {
		return 0
	}
	left := s.app.Client(lease.Installation).Budget()
	if left.Reset.IsZero() || left.Remaining >= left.Limit/reserve {
		return 0
	}
	return max(0, min(left.Reset.Sub(s.clock()), time.Hour))
}

// ofPull reports whether work is on a pull request or a merge group. Work on an
// installation has no repository.
func ofPull(t store.Target) bool { return t.Repository != 0 && (t.Pull > 0 || t.Group != "") }
