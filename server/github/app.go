package github

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// Options say where GitHub is and who we are there.
type Options struct {
	URL     string // the API's root: https://api.github.com, or …/api/v3 of an Enterprise Server; needed
	App     int64  // the App's id; needed
	Key     []byte // the App's private key in PEM; needed
	Version string // of this program, for the user agent
	// Transport carries the requests; nil means one of our own.
	Transport http.RoundTripper
	// Clock is when facts are read; nil means the wall clock. Tokens go by the wall clock.
	Clock func() time.Time
	// Observe is told of each request once it was answered; nil means nobody is.
	Observe func(Exchange)
}

// Exchange is one request and how it was answered, for metrics.
type Exchange struct {
	Installation int64 // 0 for the App itself
	Op           string
	Status       int // 0 without an answer
	Cached       bool
	Took         time.Duration
	Remaining    int // of the budget; -1 when not told
}

// App speaks as the App itself and hands out clients for its installations.
type App struct{}

// NewApp checks the options; it asks nothing of GitHub.
func NewApp(o Options) (*App, error) { panic("contract") }

func (a *App) ID() int64                                                 { panic("contract") }
func (a *App) Identity(ctx context.Context) (Identity, error)            { panic("contract") }
func (a *App) Installations(ctx context.Context) ([]Installation, error) { panic("contract") }
func (a *App) Hook(ctx context.Context) (Hook, error)                    { panic("contract") }

// Attempts lists deliveries since a moment, newest first.
func (a *App) Attempts(ctx context.Context, since time.Time) ([]Attempt, error) { panic("contract") }
func (a *App) Redeliver(ctx context.Context, attempt int64) error               { panic("contract") }

// Time is GitHub's clock, from the Date header of a cheap answer (for doctor).
func (a *App) Time(ctx context.Context) (time.Time, error) { panic("contract") }

// Client returns the one client of an installation.
func (a *App) Client(installation int64) *Client { panic("contract") }

// Client speaks for one installation.
type Client struct{}

// Repositories lists what the installation covers (cached for five minutes, ETag).
func (c *Client) Repositories(ctx context.Context) ([]Repository, error) { panic("contract") }

// Repository finds one of them by id: Kind NotCovered if it is none. A miss
// asks GitHub again before it says so.
func (c *Client) Repository(ctx context.Context, id int64) (Repository, error) { panic("contract") }

// Forget drops cached facts about people, teams and repositories.
func (c *Client) Forget() { panic("contract") }

// Token is an installation token for git over HTTPS.
func (c *Client) Token(ctx context.Context) (string, error) { panic("contract") }

// Budget is what is left.
func (c *Client) Budget() Budget { panic("contract") }

func (c *Client) Pull(ctx context.Context, r Repository, number int) (Pull, error) { panic("contract") }

// OpenPulls lists open pull requests, of one base branch if base is not "".
func (c *Client) OpenPulls(ctx context.Context, r Repository, base string) ([]Pull, error) {
	panic("contract")
}

// PullsOf lists the pull requests, open ones only, whose head is the commit.
func (c *Client) PullsOf(ctx context.Context, r Repository, sha string) ([]Pull, error) {
	panic("contract")
}

// Tip is the commit of a ref ("heads/main"); Kind NotFound if there is none.
func (c *Client) Tip(ctx context.Context, r Repository, ref string) (string, error) {
	panic("contract")
}

// Commits lists a pull request's commits as GitHub shows them, 250 at most,
// with accounts, co-authors (GitHub's own resolution) and signatures.
// NeutralMerge and pushers are not set. It is cached by head for five minutes.
func (c *Client) Commits(ctx context.Context, r Repository, p Pull) ([]policy.Commit, error) {
	panic("contract")
}

func (c *Client) Reviews(ctx context.Context, r Repository, number int) ([]Review, error) {
	panic("contract")
}

// Comments lists a conversation's comments, changed since a moment if that is not zero.
func (c *Client) Comments(ctx context.Context, r Repository, number int, since time.Time) ([]Comment, error) {
	panic("contract")
}

// User finds an account by id; UserNamed by login. NotFound when it is gone.
func (c *Client) User(ctx context.Context, id policy.UserID) (policy.User, error)  { panic("contract") }
func (c *Client) UserNamed(ctx context.Context, login string) (policy.User, error) { panic("contract") }

// Person reads a person's rights in a repository and membership in teams, and
// whether they are members of the organisation; facts that cannot be read are
// in Unknown. Facts read at or after oldest may come from the cache. The time
// is that of the oldest fact used.
func (c *Client) Person(ctx context.Context, r Repository, who policy.User, teams []Team, oldest time.Time) (policy.Person, time.Time, error) {
	panic("contract")
}

// Team resolves ORG/SLUG; NotFound when there is no such team.
func (c *Client) Team(ctx context.Context, name string) (Team, error) { panic("contract") }

// Activity lists pushes to a branch of the repository, newest first, at most 1,000.
func (c *Client) Activity(ctx context.Context, r Repository, branch string) ([]Push, error) {
	panic("contract")
}

// Checks lists check runs of a commit by name, of one App if app is not 0.
func (c *Client) Checks(ctx context.Context, r Repository, sha, name string, app int64) ([]Check, error) {
	panic("contract")
}

// Statuses lists a commit's statuses, newest first. Forbidden without the
// optional permission statuses: read.
func (c *Client) Statuses(ctx context.Context, r Repository, sha string) ([]Status, error) {
	panic("contract")
}

// CreateCheck makes a check run and returns its id. UpdateCheck makes the one
// with check.ID equal; Annotations are appended by GitHub, so send only new ones.
func (c *Client) CreateCheck(ctx context.Context, r Repository, check Check) (int64, error) {
	panic("contract")
}
func (c *Client) UpdateCheck(ctx context.Context, r Repository, check Check) error { panic("contract") }

func (c *Client) CreateComment(ctx context.Context, r Repository, number int, body string) (Comment, error) {
	panic("contract")
}
func (c *Client) UpdateComment(ctx context.Context, r Repository, id int64, body string) error {
	panic("contract")
}
func (c *Client) DeleteComment(ctx context.Context, r Repository, id int64) error { panic("contract") }

// React adds a reaction ("eyes", "rocket", "confused"); twice is once.
func (c *Client) React(ctx context.Context, r Repository, comment int64, content string) error {
	panic("contract")
}
func (c *Client) CreateIssue(ctx context.Context, r Repository, title, body string) (int, error) {
	panic("contract")
}

// Rules are those that hold for a branch; Protection is its classic
// protection (nil, NotFound: none; Forbidden without administration: read).
func (c *Client) Rules(ctx context.Context, r Repository, branch string) ([]Rule, error) {
	panic("contract")
}
func (c *Client) Ruleset(ctx context.Context, r Repository, id int64) (Ruleset, error) {
	panic("contract")
}
func (c *Client) Protection(ctx context.Context, r Repository, branch string) ([]byte, error) {
	panic("contract")
}

// Queue lists a branch's merge queue in order; empty without one.
func (c *Client) Queue(ctx context.Context, r Repository, branch string) ([]QueueEntry, error) {
	panic("contract")
}
