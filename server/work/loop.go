package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// errStopping is the cause of a run's cancellation when grace is over.
var errStopping = errors.New("the server stops")

// heedWithin is how long a run may take to notice that it was cancelled.
const heedWithin = 3 * time.Second

// Run works until ctx ends, then lets runs under way go on for at most grace,
// cancels what is left and gives its leases back. An error says that runs did
// not heed their cancellation: their leases run out by themselves. Call it once.
func (l *Loop) Run(ctx context.Context, grace time.Duration) error {
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	active := map[*run]bool{}
	idle := time.NewTimer(0)
	defer idle.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-l.nudge:
			for r := range active {
				r.poke()
			}
		case r := <-l.ended:
			delete(active, r)
		case <-idle.C:
		}
		if len(active) < l.o.Workers {
			for _, r := range l.claim(ctx, l.o.Workers-len(active)) {
				active[r] = true
				go r.work(base)
			}
		}
		idle.Reset(l.o.Idle)
	}
	return l.stop(active, grace, cancel)
}

// claim takes at most most targets. It is not cut short: what was claimed must
// be known, so that it can be given back.
func (l *Loop) claim(ctx context.Context, most int) []*run {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.Lease)
	defer cancel()
	since := time.Now()
	leases, err := l.o.Store.Claim(bounded, store.Claimant{Owner: l.o.Owner, Lease: l.o.Lease, Most: most})
	if err != nil {
		l.o.Log.ErrorContext(ctx, "work cannot be claimed; it is tried again", "error", err)
		return nil
	}
	runs := make([]*run, 0, len(leases))
	for _, lease := range leases {
		r := &run{Loop: l, lease: lease, held: since, poked: make(chan struct{}, 1)}
		if ctx.Err() != nil {
			r.settle(ctx, store.Outcome{End: store.Postpone, Reason: lease.Reason})
			continue
		}
		runs = append(runs, r)
	}
	return runs
}

// stop waits for the runs under way.
func (l *Loop) stop(active map[*run]bool, grace time.Duration, cancel context.CancelCauseFunc) error {
	patience := time.NewTimer(grace)
	defer patience.Stop()
	cancelled := false
	for len(active) > 0 {
		select {
		case r := <-l.ended:
			delete(active, r)
		case <-patience.C:
			if cancelled {
				go l.drain(len(active))
				return fmt.Errorf("%d runs did not stop within %v; their work is taken up again when their leases end",
					len(active), grace+heedWithin)
			}
			cancelled = true
			cancel(errStopping)
			patience.Reset(heedWithin)
		}
	}
	return nil
}

// drain lets late runs end.
func (l *Loop) drain(n int) {
	for range n {
		<-l.ended
	}
}
