package github

import (
	"encoding/json"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// Kind says what went wrong, so that callers can choose what follows.
type Kind string

// The kinds of errors.
const (
	NotFound    Kind = "not found"   // 404, 410: it is not there, or not for us to see
	Forbidden   Kind = "forbidden"   // 401, 403 that is no limit: a permission is missing, the App is suspended
	Limited     Kind = "limited"     // a primary or secondary limit: not before Error.RetryAt
	Refused     Kind = "refused"     // 422, 409, 400: GitHub will not do this
	Unavailable Kind = "unavailable" // 5xx, no connection, no sensible answer: later
	NotCovered  Kind = "not covered" // the installation does not cover the repository
)

// Error is trouble with GitHub. Its text names the operation and never holds a
// token or a payload.
type Error struct {
	Op      string    // GitHub's own name of what was asked, as "pulls/get"
	Kind    Kind      // never empty
	Status  int       // 0 without an answer
	RetryAt time.Time // Limited only: not before
	Err     error     // what lies below, redacted
}

// Repository is a repository that an installation covers.
type Repository struct {
	ID            int64
	Owner, Name   string
	OwnerID       int64
	Organisation  bool // the owner is an organisation
	DefaultBranch string
	Private       bool
	Archived      bool
	CloneURL      string // without credentials
}

// Pull is a pull request as the API tells it now.
type Pull struct {
	Number    int
	Title     string
	Open      bool
	Merged    bool
	MergedSHA string // of the merge, once merged
	Draft     bool
	Head      string // the head commit
	HeadRef   string
	// HeadRepository is 0 when the fork is gone.
	HeadRepository int64
	Base           string       // the base's branch name
	BaseSHA        string       // the base's tip as of the last push or retarget: may be stale
	Author         *policy.User // nil when the account is gone
	Assignees      []policy.User
	Commits        int // how many GitHub counts; 0 in lists, which do not tell
	Created        time.Time
	Updated        time.Time
	URL            string // for people
}

// Review is a review as the API tells it now. Commit moves: see the store.
type Review struct {
	ID        int64
	User      *policy.User // nil when the account is gone
	State     string       // APPROVED, CHANGES_REQUESTED, DISMISSED, COMMENTED, PENDING
	Submitted time.Time    // zero for a pending one
	Commit    string
	Body      string
}

// Comment is a comment on a pull request's conversation.
type Comment struct {
	ID      int64
	User    *policy.User // nil when the account is gone
	App     int64        // through which App it was sent; 0 for none
	Body    string
	Created time.Time
	Updated time.Time // later than Created when it was edited
	URL     string
}

// Push is an entry of a repository's activity.
type Push struct {
	Ref    string // refs/heads/…
	Before string
	After  string
	Actor  *policy.User
	Forced bool
	At     time.Time
}

// Team is a team as resolved by its name.
type Team struct {
	ID   int64
	Name string // ORG/SLUG
}

// Check is a check run to write, or as it is.
type Check struct {
	ID          int64 // 0: to be made
	App         int64 // whose it is; set by reading
	Name        string
	Head        string
	ExternalID  string
	Status      string // queued, in_progress, completed
	Conclusion  string // "" until completed
	Title       string
	Summary     string // at most 65,535 bytes
	Text        string // at most 65,535 bytes
	DetailsURL  string
	Annotations []Annotation // all of them: the client sends 50 a request, in this order
	Annotated   int          // how many annotations it has; set by reading
	Actions     []Action     // at most three
	Completed   time.Time
}

// Annotation is a remark at a line of a file.
type Annotation struct {
	Path       string
	Start, End int    // lines from 1
	Level      string // notice, warning, failure
	Title      string
	Message    string
}

// Action is a button of a check run.
type Action struct {
	Label, Description, Identifier string // at most 20, 40 and 20 characters
}

// Status is a commit status, which is not how this program speaks.
type Status struct {
	Context string
	State   string
	Creator *policy.User
	At      time.Time
}

// QueueEntry is a pull request in a merge queue.
type QueueEntry struct {
	Pull int
	Head string // the queue's commit for it; "" while none is built
	Base string // the commit it is built on
}

// Rule is one rule that holds for a branch, with its parameters as GitHub
// writes them: types that are not known yet are kept.
type Rule struct {
	Type       string
	Ruleset    int64
	Parameters json.RawMessage
}

// Ruleset is a ruleset as far as the self-audit needs it.
type Ruleset struct {
	ID          int64
	Name        string
	Enforcement string
	// Bypass is nil when GitHub does not tell us who may bypass.
	Bypass []Bypass
}

// Bypass is an actor that may pass over a ruleset.
type Bypass struct {
	ActorID   int64
	ActorType string
	Mode      string
}

// Identity is the App as GitHub knows it.
type Identity struct {
	ID          int64
	Slug        string
	Name        string
	Bot         policy.User       // the account that its comments have
	Permissions map[string]string // as asked for in the App's settings
	Events      []string
}

// Installation is the App on an account.
type Installation struct {
	ID          int64
	Account     string
	Suspended   bool
	Permissions map[string]string // as granted
	Events      []string
}

// Hook is the App's webhook.
type Hook struct {
	URL         string
	ContentType string
	InsecureSSL bool
}

// Attempt is one attempt of GitHub to deliver a webhook.
type Attempt struct {
	ID           int64
	GUID         string
	Event        string
	Action       string
	Installation int64
	Repository   int64
	At           time.Time
	OK           bool // answered with 2xx
	Redelivery   bool
}

// Budget is what is left of an installation's requests.
type Budget struct {
	Remaining, Limit int
	Reset            time.Time // zero until GitHub told us
}
