package publish

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// ErrMoved says that the head or the base is no longer what was judged: judge again.
var ErrMoved = errors.New("the pull request moved while it was judged")

// The conclusions that we give; others pass a required check, or say nothing.
const (
	Success        = "success"
	ActionRequired = "action_required"
	Failure        = "failure"
)

// Publisher writes checks and comments. It is safe for concurrent use.
type Publisher struct {
	Store *store.Store
	App   int64       // our App's id
	Bot   policy.User // our App's account: only its comments are ours
	Clock func() time.Time
	Log   *slog.Logger
}

// Subject is what a check is about.
type Subject struct {
	Client     *github.Client
	Repository github.Repository
	Lease      store.Lease
	Pull       int    // 0 for a merge group
	Group      string // its ref; "" for a pull request
	BaseRef    string // the branch's name
	BaseSHA    string // its tip that was judged
	HeadSHA    string
}

// Wish is what GitHub is to show.
type Wish struct {
	Subject
	TreeSHA    string // the merged tree; "" after a conflict
	Assessment policy.Assessment
	Key        string // the assessment's
	Verdict    policy.Verdict
	// Siblings are the own conclusions of other open pull requests with this
	// head and base whose authors have write: the worst is posted (D29).
	Siblings []string
	// Standing are the self-audit's notices, shown in a section of their own
	// after the report's Markdown.
	Standing []string
	// Force writes even what is there already: somebody wrote under our name.
	Force bool
	// Confirm reads head and base again, right before a success: ErrMoved.
	Confirm func(ctx context.Context) error
}

// Name is the check's name for a base: "countersign (BASE)".
func Name(base string) string { return "countersign (" + base + ")" }

// ExternalID names what a check is about: "REPOSITORY/PULL/BASE/HEAD".
func ExternalID(s Subject) string { panic("contract") }

// Conclusion is what a verdict means for a check (D28); in a merge group all
// but pass is a failure.
func Conclusion(v policy.Verdict, group bool) string { panic("contract") }

// Worst is the worst of conclusions: failure, action_required, success.
func Worst(own string, others ...string) string { panic("contract") }

// Publish makes the check and the comment equal the wish and returns what is
// published. Errors: ErrMoved, store.ErrStale, *github.Error.
func (p *Publisher) Publish(ctx context.Context, w Wish) (store.Publication, error) {
	panic("contract")
}

// Trouble shows why a subject cannot be judged now: the check stays in
// progress with the reason, or is a failure once parked. It never turns a
// check green.
func (p *Publisher) Trouble(ctx context.Context, s Subject, reason string, parked bool) error {
	panic("contract")
}

// Withdraw takes a green check back (a pull request closed unmerged, a base
// that moved): action_required with the reason.
func (p *Publisher) Withdraw(ctx context.Context, s Subject, reason string) error { panic("contract") }
