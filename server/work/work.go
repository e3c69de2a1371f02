package work

import (
	"context"
	"errors"
	"log/slog"
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
	Attempts int           // 0 means 5
	Owner    string        // names this process
	Log      *slog.Logger
	// RetryAt reads from an error when GitHub wants to be asked again; zero: it does not say.
	RetryAt func(error) time.Time
	// Observe is told of each run; nil means nobody is.
	Observe func(lease store.Lease, took time.Duration, end store.End, err error)
}

// Loop is the loop. Nudge and Quiet may be called from anywhere.
type Loop struct{}

// New makes a loop that does nothing yet.
func New(o Options) *Loop { panic("contract") }

// Run works until ctx ends, then lets runs under way go on for at most grace,
// cancels what is left and gives its leases back.
func (l *Loop) Run(ctx context.Context, grace time.Duration) error { panic("contract") }

// Nudge says that something may be due now.
func (l *Loop) Nudge() { panic("contract") }

// Quiet waits until nothing is due or under way. What waits for its time counts as quiet.
func (l *Loop) Quiet(ctx context.Context) error { panic("contract") }
