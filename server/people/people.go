package people

import (
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// Facts are all that was read for one decision.
type Facts struct {
	Repository github.Repository
	Pull       github.Pull
	Config     config.Config
	// Range are the commits of base..head from git, oldest first; Listed are
	// GitHub's. Neutral tells of merges whether they are (A8).
	Range   []Link
	Listed  []policy.Commit
	Neutral map[string]bool
	Reviews []github.Review // as the API tells them now
	// What was recorded when it happened.
	Seen     []store.ReviewSeen
	Heads    []store.HeadSeen
	Comments []store.CommentSeen
	Pushes   []store.PushSeen // to the head's branch, where it is in this repository
	Activity []github.Push    // likewise, from the API; nil when not asked
	Bindings []store.Binding
	// Published are our checks of this pull request, newest first.
	Published []store.Publication
	// Dismissals tell who dismissed a review, where an event told us.
	Dismissals []store.DismissalSeen
	Users      map[policy.UserID]policy.User // accounts by id, for senders; absent: gone
	People     map[policy.UserID]policy.Person
	Teams      []policy.Team
	Failed     []string // facts that could not be read
	Audit      []string
	Now        time.Time
}

// Link is a commit and its parents.
type Link struct {
	SHA     string
	Parents []string
}

// PullRequest assembles the people's side.
func PullRequest(f Facts) policy.PullRequest { panic("contract") }

// Senders are ids of accounts that the facts name only by number: to be
// resolved into Facts.Users before PullRequest.
func Senders(f Facts) []policy.UserID { panic("contract") }

// Concerned are the accounts whose rights the decision needs (author,
// reviewers with a decisive review, holders, those who release, overriders).
// Facts.Users must be filled.
func Concerned(f Facts) []policy.User { panic("contract") }

// NeedsActivity reports whether the pushers of some commit are known only to
// the activity API.
func NeedsActivity(f Facts) bool { panic("contract") }

// Unbound are reviews that approve (or approved, before a dismissal) and have
// no binding, with the commit that each is to be bound by: its first sight,
// else the API's where our record shows that this commit was the head before
// the review was submitted (A12). Others stay unbound.
func Unbound(f Facts) []Subject { panic("contract") }

// Subject is a review to bind.
type Subject struct {
	Review  github.Review
	Commit  string
	BaseRef string
	// Published is our last published check before the review; zero when none.
	Published store.Publication
}
