package reply

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
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

	mu       sync.Mutex
	answered map[int64]bool // comments that need no look into the store again
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
	Minimum    string // the permission that hold asks for; "" means write
}

// request is a comment that holds commands, and who wrote it.
type request struct {
	comment  store.CommentSeen
	commands []command.Command
	from     policy.User
}

const (
	// mostAge is how old a comment may be to be answered: nobody waits longer.
	mostAge = 24 * time.Hour
	// mostRemembered bounds the memory of what was answered.
	mostRemembered = 100_000
)

// Answer answers all commands that were not answered yet. What was answered
// is kept in the store's outbox under the comment's id. Comments of bots, those
// sent through an App, edited ones and those older than a day get no answer;
// neither does what goes beyond the limits of a person and of a pull request.
//
// An answer that GitHub refuses is given up, with a warning in the log; trouble
// that may pass is an error at the first attempts at a target. Errors:
// store.ErrStale, *github.Error, trouble of the store and of Person.
func (r *Replier) Answer(ctx context.Context, c Conversation) error {
	now := r.Clock()
	for _, q := range admit(r.requests(c)) {
		if now.Sub(q.comment.Created) > mostAge || r.remembers(q.comment.ID) {
			continue
		}
		if err := r.settle(ctx, c, q); err != nil {
			return err
		}
	}
	return nil
}

// requests are the comments that speak to the bot and may be answered, oldest first.
func (r *Replier) requests(c Conversation) []request {
	var list []request
	for _, comment := range c.Comments {
		id := policy.UserID(comment.Person)
		from, known := c.Users[id]
		robot := id == r.Bot.ID || from.Type != "User" || strings.HasSuffix(from.Login, "[bot]")
		if !known || robot || comment.App != 0 || comment.Edited {
			continue
		}
		if commands := command.Parse(comment.Body); len(commands) > 0 {
			list = append(list, request{comment, commands, from})
		}
	}
	slices.SortStableFunc(list, func(a, b request) int {
		return cmp.Or(a.comment.Created.Compare(b.comment.Created), cmp.Compare(a.comment.ID, b.comment.ID))
	})
	return list
}

func (r *Replier) remembers(comment int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered[comment]
}

func (r *Replier) remember(comment int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered == nil || len(r.answered) >= mostRemembered {
		r.answered = map[int64]bool{}
	}
	r.answered[comment] = true
}

// settle answers one request unless that was done before.
func (r *Replier) settle(ctx context.Context, c Conversation, q admitted) error {
	key := fmt.Sprintf("reply/%d/%d", c.Repository.ID, q.comment.ID)
	before, _, err := r.Store.Action(ctx, key)
	if err != nil {
		return err
	}
	if before.State == store.Finished {
		r.remember(q.comment.ID)
		return nil
	}
	a, ready, err := r.compose(ctx, c, q)
	if err != nil || !ready {
		return err
	}
	if a.reaction == "" && len(a.parts) == 0 {
		r.remember(q.comment.ID) // silence leaves no trace
		return nil
	}
	action, err := r.Store.BeginUnder(ctx, c.Lease, key, nil)
	if err != nil {
		return err
	}
	result := "answered"
	if err := r.send(ctx, c, a, action.State == store.Unsure); err != nil {
		if publish.Pressing(err, c.Lease) {
			return err
		}
		r.Log.WarnContext(ctx, "a command could not be answered; what it asks for is not lost",
			slog.Int64("repository", c.Repository.ID), slog.Int64("comment", q.comment.ID), slog.Any("error", err))
		kind := github.KindOf(err)
		if kind == github.Unavailable {
			return nil // the next run tries again
		}
		result = string(kind)
	}
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := r.Store.Finish(done, key, []byte(result)); err != nil {
		return err
	}
	r.remember(q.comment.ID)
	return nil
}

// send writes an answer: the reaction, which twice is once, and the words, which
// are looked for first when nobody knows whether they were sent.
func (r *Replier) send(ctx context.Context, c Conversation, a answer, unsure bool) error {
	if a.reaction != "" {
		if err := c.Client.React(ctx, c.Repository, a.to.ID, a.reaction); err != nil {
			return err
		}
	}
	if len(a.parts) == 0 {
		return nil
	}
	if unsure {
		sent, err := r.sent(ctx, c, a)
		if err != nil || sent {
			return err
		}
	}
	_, err := c.Client.CreateComment(ctx, c.Repository, c.Pull.Number, a.text())
	return err
}

// sent reports whether our own account has answered: what others write under
// our mark is not ours.
func (r *Replier) sent(ctx context.Context, c Conversation, a answer) (bool, error) {
	list, err := c.Client.Comments(ctx, c.Repository, c.Pull.Number, a.to.Created)
	return slices.ContainsFunc(list, func(m github.Comment) bool {
		return m.User != nil && m.User.ID == r.Bot.ID && strings.HasPrefix(m.Body, a.mark())
	}), err
}
