package work

import (
	"context"
	"errors"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// often bounds how often a run looks whether it was superseded, whatever the
// number of nudges: each look is a commit.
const often = time.Second

// keep keeps the lease alive until the run is over. It cancels the run when the
// lease is lost, or cannot be known to be held, and when a newer push came.
func (r *run) keep(base context.Context, cancel context.CancelCauseFunc, over <-chan struct{}) {
	every := r.o.Lease / 3
	looked := r.held
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		select {
		case <-over:
			return
		case <-r.poked:
			next.Reset(max(0, min(every, often)-time.Since(looked)))
			continue
		case <-next.C:
		}
		looked = time.Now()
		priority, err := r.extend(base)
		switch {
		case errors.Is(err, store.ErrStale):
			cancel(store.ErrStale)
			return
		case err != nil && time.Since(r.held) >= r.o.Lease:
			r.log().ErrorContext(base, "the lease ran out while the store did not answer", "error", err)
			cancel(store.ErrStale)
			return
		case err != nil:
			r.log().WarnContext(base, "the lease cannot be extended; it is tried again", "error", err)
		default:
			r.held = looked
			if r.supersedes(priority) {
				cancel(ErrSuperseded)
			}
		}
		next.Reset(every)
	}
}

func (r *run) extend(base context.Context) (store.Priority, error) {
	ctx, done := context.WithTimeout(context.WithoutCancel(base), max(r.o.Lease/3, time.Millisecond))
	defer done()
	return r.o.Store.Extend(ctx, r.lease, r.o.Lease)
}

// supersedes reports whether a wake makes this run pointless. Work on a
// repository or an installation goes on: it runs once more afterwards.
func (r *run) supersedes(woken store.Priority) bool {
	one := r.lease.Pull != 0 || r.lease.Repository != 0 && r.lease.Group != ""
	return one && (woken == store.Push || woken == store.MergeGroup)
}
