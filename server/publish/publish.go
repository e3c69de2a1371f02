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

// InProgress stands in a [store.Publication] instead of a conclusion where the
// check only says that it waits.
const InProgress = "in_progress"

// Publisher writes checks and comments. It is safe for concurrent use.
type Publisher struct {
	Store *store.Store
	App   int64       // our App's id
	Bot   policy.User // our App's account: only its comments are ours
	Clock func() time.Time
	Log   *slog.Logger

	locks    locks    // by repository and head
	comments comments // what our comments say, as far as this process knows
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
	// Outside says that the author has no write: where there are siblings, they
	// alone decide what is posted, for others never worsen it (D29).
	Outside bool
	// Standing are the self-audit's notices, shown in a section of their own
	// after the report's Markdown.
	Standing []string
	// Force writes even what is there already: somebody wrote under our name.
	Force bool
	// Conversation are all comments as this run read them; nil when it read none.
	// It saves a request, and shows what others made of our comment.
	Conversation []github.Comment
	// Confirm reads head and base again, right before a success: ErrMoved. A
	// success without it is refused.
	Confirm func(ctx context.Context) error
}

// Publish makes the check and the comment equal the wish and returns what is
// published. Errors: ErrMoved, store.ErrStale, *github.Error.
//
// The comment is a courtesy: what keeps GitHub from taking it is an error only
// where it may pass soon (a limit, or the first attempts at an outage).
func (p *Publisher) Publish(ctx context.Context, w Wish) (store.Publication, error) {
	own := Conclusion(w.Verdict, w.Group != "")
	shown := store.Publication{TreeSHA: w.TreeSHA, Digest: w.Assessment.Digest, Assessment: w.Key,
		Own: own, Conclusion: w.posted(own)}
	published, err := p.show(ctx, notice{Subject: w.Subject, check: checkOf(w, own, shown.Conclusion), shown: shown,
		force: w.Force, confirm: w.Confirm})
	if err != nil || w.Group != "" {
		return published, err
	}
	return published, p.comment(ctx, w, published)
}

// posted is what the check says, given what this pull request says by itself.
func (w Wish) posted(own string) string {
	if w.Outside && len(w.Siblings) > 0 {
		return Worst(w.Siblings[0], w.Siblings[1:]...)
	}
	return Worst(own, w.Siblings...)
}

// Follow has the check of a pull request that is over, or no longer goes into
// this branch, say what the open ones with its commit say: it would else stand
// in their way for ever. There must be siblings; confirm is asked before a success.
func (p *Publisher) Follow(
	ctx context.Context, s Subject, siblings []string, confirm func(ctx context.Context) error,
) error {
	conclusion := Worst(siblings[0], siblings[1:]...)
	_, err := p.show(ctx, notice{Subject: s, check: following(conclusion), keep: true, confirm: confirm,
		shown: store.Publication{Own: ActionRequired, Conclusion: conclusion}})
	return err
}

// Trouble shows why a subject cannot be judged now: the check stays in
// progress with the reason, or is a failure once parked. It never turns a
// check green; one that was green waits, for what made us look again may have
// changed the answer. A subject without a head or a base has no check.
func (p *Publisher) Trouble(ctx context.Context, s Subject, reason string, parked bool) error {
	if s.HeadSHA == "" || s.BaseRef == "" {
		return nil
	}
	check, conclusion := waiting(reason), InProgress
	if parked {
		check, conclusion = givenUp(reason), Failure
	}
	_, err := p.show(ctx, notice{Subject: s, check: check, keep: true,
		shown: store.Publication{Own: conclusion, Conclusion: conclusion}})
	return err
}

// Doubt takes a green check back while its subject cannot be judged: what made
// us look again may have changed the answer. Others stay as they are: most
// trouble is over before anybody reads of it.
func (p *Publisher) Doubt(ctx context.Context, s Subject, reason string) error {
	_, err := p.show(ctx, notice{Subject: s, check: waiting(reason), keep: true, greenOnly: true,
		shown: store.Publication{Own: InProgress, Conclusion: InProgress}})
	return err
}

// Withdraw takes a green check back (a pull request closed unmerged, a base
// that moved): action_required with the reason. A check that is not green stays
// as it is.
func (p *Publisher) Withdraw(ctx context.Context, s Subject, reason string) error {
	_, err := p.show(ctx, notice{Subject: s, check: withdrawn(reason), keep: true, greenOnly: true,
		shown: store.Publication{Own: ActionRequired, Conclusion: ActionRequired}})
	return err
}
