package sweep

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

// Sweeper is what all sweeps share. It is safe for concurrent use.
type Sweeper struct {
	Store     *store.Store
	App       *github.App
	Mirrors   *mirror.Mirrors
	Reviewer  *review.Reviewer
	Publisher *publish.Publisher
	// Alert tells people. What it could not tell is told again with the next
	// Redeliver.
	Alert func(ctx context.Context, a Alert) error
	Clock func() time.Time
	Log   *slog.Logger
}

// Alert is something that people must look at now.
type Alert struct {
	Kind       string `json:"kind"`               // unreviewed_change, status_spoofed, parked
	Repository string `json:"repository"`         // OWNER/NAME
	Receiver   string `json:"receiver,omitempty"` // a name that the server's settings know; "" means all
	Text       string `json:"text"`               // for people; no secrets
	URL        string `json:"url,omitempty"`
}

// Run works on a target without a pull request: a repository or an installation.
func (s *Sweeper) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	panic("contract")
}

// Parked raises an alert: work was given up.
func (s *Sweeper) Parked(ctx context.Context, lease store.Lease, reason error) { panic("contract") }

// Redeliver asks GitHub to deliver again what failed since the last sweep.
func (s *Sweeper) Redeliver(ctx context.Context) error { panic("contract") }

// Reconcile wakes every installation: their repositories' open pull requests
// are looked at, cheaply where nothing changed.
func (s *Sweeper) Reconcile(ctx context.Context) error { panic("contract") }

// RulesetJSON is the ruleset that a branch needs, ready to import.
func RulesetJSON(app int64, branch string) []byte { panic("contract") }

// Standing is the self-audit of a branch, read at most every five minutes:
// notices for people and words for approvals.audit
// (required_check_missing, required_check_source_not_pinned).
func (s *Sweeper) Standing(ctx context.Context, c *github.Client, r github.Repository, branch string) (notices, audit []string, err error) {
	panic("contract")
}
