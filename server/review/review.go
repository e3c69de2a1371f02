package review

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/store"
)

// Reviewer is what all runs share. It is safe for concurrent use.
type Reviewer struct {
	Store     *store.Store
	App       *github.App
	Mirrors   *mirror.Mirrors
	Assessor  *policy.Assessor
	Publisher *publish.Publisher
	Replier   *reply.Replier
	Clock     func() time.Time
	Log       *slog.Logger
	// Standing is what the self-audit of a branch says: notices for the check's
	// text and words for approvals.audit. nil means that nobody audits.
	Standing func(ctx context.Context, c *github.Client, r github.Repository, branch string) (notices, audit []string, err error)
	// Observe is told of each decision: for metrics.
	Observe func(v policy.Verdict, rendered bool, took time.Duration)
}

// Run takes one target (a pull request or a merge group) through the steps.
func (r *Reviewer) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	panic("contract")
}

// Trouble shows on the check why a target is stuck (in progress with the
// reason; failure once parked).
func (r *Reviewer) Trouble(ctx context.Context, lease store.Lease, err error, parked bool) error {
	panic("contract")
}

// Governed reports whether a branch is governed: the default branch, and what
// bases in the default branch's config names (D29).
func Governed(c config.Config, r github.Repository, branch string) bool { panic("contract") }

// Settings is the config that holds for a base: the default branch's own,
// tightened by the governed base's. Mistakes come back as the assessment's
// problems do; base is its tip.
func (r *Reviewer) Settings(ctx context.Context, m *mirror.Mirror, repository github.Repository, defaultTip, base string) (config.Config, error) {
	panic("contract")
}

// Decision is what the audit log keeps of a run, under the kind "verdict".
type Decision struct {
	Pull       int            `json:"pull,omitempty"`
	Group      string         `json:"group,omitempty"`
	Base       string         `json:"base"`
	BaseSHA    string         `json:"base_sha"`
	Head       string         `json:"head"`
	Tree       string         `json:"tree"`
	Digest     string         `json:"digest"`
	Assessment string         `json:"assessment"` // its key
	Verdict    policy.Verdict `json:"verdict"`
	// Conclusion is what the check is to say, by this pull request alone.
	Conclusion string `json:"conclusion"`
}
