package reply

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// Replier answers commands. It is safe for concurrent use.
type Replier struct {
	Store *store.Store
	App   int64
	Bot   policy.User
	// Explain words a rule for people, in Markdown; false when there is none.
	Explain func(id string) (string, bool)
	Clock   func() time.Time
	Log     *slog.Logger
}

// Conversation is what was said on a pull request, and how it stands.
type Conversation struct {
	Client     *github.Client
	Repository github.Repository
	Lease      store.Lease
	Pull       github.Pull
	Comments   []store.CommentSeen
	Facts      policy.PullRequest
	Users      map[policy.UserID]policy.User
	// Person reads somebody's rights.
	Person     func(ctx context.Context, who policy.User) (policy.Person, error)
	Assessment policy.Assessment
	Verdict    policy.Verdict
	Minimum    string // the permission that hold asks for
}

// Answer answers all commands that were not answered yet. What was answered
// is kept in the store's outbox under the comment's id.
func (r *Replier) Answer(ctx context.Context, c Conversation) error { panic("contract") }
