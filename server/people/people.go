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
	// InBase are those of Doubtful that the base's tip contains, by git. A commit
	// that it does not name is taken for one that the base does not contain.
	InBase  map[string]bool
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
	// Hands are what earlier decisions about this pull request rested on: see Hands.
	Hands  []store.HandSeen
	Users  map[policy.UserID]policy.User // accounts by id, for senders; absent: gone
	People map[policy.UserID]policy.Person
	Teams  []policy.Team
	Failed []string // facts that could not be read
	Audit  []string
	Now    time.Time
}

// Link is a commit and its parents.
type Link struct {
	SHA     string
	Parents []string
}

// PullRequest assembles the people's side. The order of the facts does not matter.
func PullRequest(f Facts) policy.PullRequest {
	b := newBranch(f)
	pr := policy.PullRequest{
		Given: true, Repository: f.Repository.ID, Number: f.Pull.Number, Base: f.Pull.Base, Head: f.Pull.Head,
		Author: f.Pull.Author, Commits: b.commits(), Former: b.former(), CommitsIncomplete: b.incomplete,
		Reviews: b.reviews(), Holds: b.holds(), Overrides: b.overrides(), People: f.People, Teams: f.Teams,
		Now: f.Now, Failed: f.Failed, Audit: f.Audit,
	}
	if pr.Author != nil {
		pr.AuthorRole = f.People[pr.Author.ID].Role
	}
	pr.Initiators, pr.InitiatorUnknown = b.initiators()
	return pr
}

// Subject is a review to bind.
type Subject struct {
	Review  github.Review
	Commit  string
	BaseRef string
	// Published is our last published check before the review; zero when none.
	Published store.Publication
}
