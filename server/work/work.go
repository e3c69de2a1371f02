package work

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// ErrSuperseded is the cause of a run's cancellation by a newer push.
var ErrSuperseded = errors.New("a newer push came")

// Runner does the work on one target. An error means that it is to be tried
// again: a *github.Error of kind Limited delays the installation.
type Runner interface {
	Run(ctx context.Context, lease store.Lease) (store.Outcome, error)
	// Trouble shows people why a target is stuck: parked says that it was given
	// up. It is called under the lease, before it is settled.
	Trouble(ctx context.Context, lease store.Lease, err error, parked bool) error
}

// Options say how to work.
type Options struct {
	Store    *store.Store
	Runner   Runner
	Workers  int           // 0 means 4
	Lease    time.Duration // 0 means 1 minute; kept alive at a third of it
	Idle     time.Duration // how often the store is asked without a nudge; 0 means 5 s
	Longest  time.Duration // after which a run is cancelled and has failed; 0 means 15 minutes
	Attempts int           // 0 means 5
	Owner    string        // names this process
	Log      *slog.Logger
	// RetryAt reads from an error when GitHub wants to be asked again; zero: it does not say.
	RetryAt func(error) time.Time
	// Observe is told of each run; nil means nobody is.
	Observe func(lease store.Lease, took time.Duration, end store.End, err error)
	// Jitter spreads back-offs: from 0 to less than 1, asked by one at a time; nil means at random.
	Jitter func() float64
}

// Loop is the loop. Nudge and Quiet may be called from anywhere.
type Loop struct {
	o     Options
	nudge chan struct{}
	ended chan *run

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a run was settled
	streaks map[store.Target]streak
}

// New makes a loop that does nothing yet.
func New(o Options) *Loop {
	o.Workers = cmp.Or(o.Workers, 4)
	o.Lease = cmp.Or(o.Lease, time.Minute)
	o.Idle = cmp.Or(o.Idle, 5*time.Second)
	o.Longest = cmp.Or(o.Longest, 15*time.Minute)
	o.Attempts = cmp.Or(o.Attempts, 5)
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Loop{o: o, nudge: make(chan struct{}, 1), ended: make(chan *run), changed: make(chan struct{}),
		streaks: map[store.Target]streak{}}
}

// Nudge says that something may be due now. It never blocks.
func (l *Loop) Nudge() {
	select {
	case l.nudge <- struct{}{}:
	default: // one that nobody heard yet says the same
	}
}

// others is how often Quiet looks for the work of other replicas.
const others = 500 * time.Millisecond

// Quiet waits until nothing is due, under way, or at rest because it was woken
// faster than it could be answered. What else waits for its time counts as quiet.
func (l *Loop) Quiet(ctx context.Context) error {
	poll := time.NewTicker(others)
	defer poll.Stop()
	for {
		changed := l.change()
		tired := l.resting(time.Now())
		depth, err := l.o.Store.Depth(ctx)
		if err != nil {
			return err
		}
		if depth.Due == 0 && depth.Leased == 0 && !tired {
			return nil
		}
		select {
		case <-changed:
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *Loop) change() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *Loop) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}
