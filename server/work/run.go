package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// run is the work under one lease.
type run struct {
	*Loop
	lease store.Lease
	held  time.Time // since when the lease is surely ours, by the clock of this process
	poked chan struct{}
}

var (
	errTooLong = errors.New("it took too long and was ended")
	errPanic   = errors.New("the program has a mistake: it panicked, and its log holds the stack")
	errUnended = errors.New("it was begun again and again and never came to an end: perhaps it ends the program")
)

// unended is how many times as many attempts a target has whose runs end
// without a word, as when the process is killed: that may be nobody's fault.
const unended = 4

// How long what must be written may take.
const (
	settleWithin  = 10 * time.Second
	troubleWithin = 30 * time.Second
)

// poke makes the run look at once whether it was superseded.
func (r *run) poke() {
	select {
	case r.poked <- struct{}{}:
	default:
	}
}

// work runs, settles and reports back to the loop.
func (r *run) work(base context.Context) {
	defer func() {
		r.announce()
		r.ended <- r
	}()
	began := time.Now()
	limited, release := context.WithTimeoutCause(base, r.o.Longest, errTooLong)
	defer release()
	ctx, cancel := context.WithCancelCause(limited)
	defer cancel(nil)
	kept := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(kept)
		r.keep(base, cancel, over)
	}()
	outcome, err := r.attempt(ctx)
	end := r.finish(ctx, base, outcome, err)
	close(over)
	<-kept
	if r.o.Observe != nil {
		r.o.Observe(r.lease, time.Since(began), end, err)
	}
}

func (r *run) attempt(ctx context.Context) (outcome store.Outcome, err error) {
	if r.lease.Attempts > unended*r.o.Attempts {
		return store.Outcome{}, errUnended
	}
	defer r.caught(ctx, &err)
	return r.o.Runner.Run(ctx, r.lease)
}

// caught makes a panic an error. What it says is for the log only.
func (r *run) caught(ctx context.Context, err *error) {
	if value := recover(); value != nil {
		r.log().ErrorContext(ctx, "a run panicked", "panic", value, "stack", string(debug.Stack()))
		*err = errPanic
	}
}

func (r *run) log() *slog.Logger {
	return r.o.Log.With("repository", r.lease.Repository, "pull", r.lease.Pull, "group", r.lease.Group,
		"fence", r.lease.Fence, "attempt", r.lease.Attempts)
}

// finish settles what a run came to and says how it ended.
func (r *run) finish(ctx, base context.Context, outcome store.Outcome, err error) store.End {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, store.ErrStale) || errors.Is(err, store.ErrStale):
		r.log().InfoContext(base, "the lease was lost: somebody else goes on")
		return store.Postpone
	case err == nil:
		rest := r.tire(r.lease, time.Now())
		if outcome.End != store.Done || rest <= outcome.After {
			r.settle(base, outcome)
			return outcome.End
		}
		outcome.After = rest
		r.settle(base, outcome)
		r.rest(r.lease.Target, rest)
		return outcome.End
	case errors.Is(cause, errStopping), errors.Is(cause, ErrSuperseded), errors.Is(err, ErrSuperseded):
		r.settle(base, store.Outcome{End: store.Postpone, Reason: r.lease.Reason})
		return store.Postpone
	case errors.Is(cause, errTooLong):
		err = errTooLong
	}
	if at := r.retryAt(err); !at.IsZero() {
		return r.delay(base, at, err)
	}
	return r.fail(base, err)
}

func (r *run) retryAt(err error) time.Time {
	if r.o.RetryAt == nil {
		return time.Time{}
	}
	return r.o.RetryAt(err)
}

// delay holds back all work of the installation, which is nobody's fault.
func (r *run) delay(ctx context.Context, until time.Time, cause error) store.End {
	r.log().InfoContext(ctx, "GitHub asks for patience", "installation", r.lease.Installation, "until", until,
		"error", cause)
	outcome := store.Outcome{End: store.Postpone, Reason: cause.Error()}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := r.o.Store.Delay(bounded, r.lease.Installation, until); err != nil {
		r.log().ErrorContext(ctx, "the installation's work cannot be delayed; this target's is", "error", err)
		outcome.After = r.backoff()
	}
	r.settle(ctx, outcome)
	return store.Postpone
}

// fail backs off or gives up, and lets people know.
func (r *run) fail(base context.Context, cause error) store.End {
	outcome := store.Outcome{End: store.Retry, After: r.backoff(), Reason: cause.Error()}
	if r.lease.Attempts >= r.o.Attempts {
		outcome = store.Outcome{End: store.Park, Reason: reason(cause)}
	}
	r.log().WarnContext(base, "a run failed", "error", cause, "parked", outcome.End == store.Park,
		"again_after", outcome.After)
	if r.lease.Attempts >= 2 || outcome.End == store.Park || outcome.After > time.Minute {
		if err := r.trouble(base, cause, outcome.End == store.Park); err != nil {
			r.log().ErrorContext(base, "people cannot be told that a target is stuck", "error", err)
		}
	}
	r.settle(base, outcome)
	return outcome.End
}

// reason is never empty: parking needs one.
func reason(err error) string {
	if text := err.Error(); text != "" {
		return text
	}
	return fmt.Sprintf("%T", err)
}

func (r *run) trouble(base context.Context, cause error, parked bool) (err error) {
	ctx, cancel := context.WithTimeout(base, troubleWithin)
	defer cancel()
	defer r.caught(ctx, &err)
	return r.o.Runner.Trouble(ctx, r.lease, cause, parked)
}

// settle ends the lease, even while we stop. If the store does not answer, the
// lease runs out, and the target is claimed again.
func (r *run) settle(ctx context.Context, outcome store.Outcome) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err := r.o.Store.Settle(bounded, r.lease, outcome)
	switch {
	case errors.Is(err, store.ErrStale):
		r.log().InfoContext(ctx, "the lease was lost at the end: somebody else goes on")
	case err != nil:
		r.log().ErrorContext(ctx, "a run cannot be settled; it is done again when its lease ends", "error", err)
	}
}

// The bounds of the back-off.
const (
	firstBackoff = 10 * time.Second // halved at most by jitter
	lastBackoff  = 5 * time.Minute
)

// backoff doubles with each attempt, between half and whole by jitter.
func (r *run) backoff() time.Duration {
	whole := lastBackoff
	if shift := max(r.lease.Attempts-1, 0); shift < 10 {
		whole = min(firstBackoff<<shift, lastBackoff)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return whole/2 + time.Duration(r.o.Jitter()*float64(whole/2))
}
