package policy

import "time"

// UserID is GitHub's numeric account id: who a person is (A2).
type UserID int64

// User is an account as GitHub shows it.
type User struct {
	ID    UserID `json:"id"`
	Login string `json:"login"` // for showing only
	Type  string `json:"type"`  // User, Bot, Organization
}

// Person is what is known of an account's rights, read at one moment.
type Person struct {
	User
	// Role is the repository role_name (read, triage, write, maintain, admin or
	// a custom one); "none" without access.
	Role string `json:"role"`
	// Permission is the legacy level (none, read, write, admin) that a custom
	// role comes down to; "" when not known.
	Permission string `json:"permission"`
	// OrgMember says whether the account is an active member of the
	// organisation; for a user's repository it is true for everyone.
	OrgMember bool `json:"org_member"`
	// Teams are ORG/SLUG of the config's teams that the account is an active
	// member of, child teams included.
	Teams []string `json:"teams"`
	// Unknown names facts about the person that could not be read.
	Unknown []string `json:"unknown"`
}

// Commit is a commit of base..head, over all parents.
type Commit struct {
	SHA     string
	Parents []string
	// Author and Committer are nil when the e-mail maps to no account.
	Author, Committer *User
	CoAuthors         []User
	// UnknownCoAuthors are trailers that map to nobody; they do not block.
	UnknownCoAuthors []string
	// Verified says that GitHub verified the signature; Signer is the key id or
	// App that made it.
	Verified bool
	Signer   string
	// WebFlow says that GitHub's own signed web-flow is the committer (D26).
	WebFlow bool
	// NeutralMerge says that it is a merge of the base that GitHub made and
	// whose tree equals the automatic merge, computed (A8).
	NeutralMerge bool
	// Pushers are the recorded senders of the pushes that brought it.
	Pushers []User
	// PusherUnknown says that nobody can tell who pushed it (D20).
	PusherUnknown bool
}

// Review is a submitted review.
type Review struct {
	ID int64
	// User is nil for a deleted account.
	User  *User
	State string // APPROVED, CHANGES_REQUESTED, DISMISSED, COMMENTED, PENDING
	// Submitted is zero for a pending review.
	Submitted time.Time
	Commit    string // the commit that it named when first heard of
	// Bound is the privileged digest that the approval is bound to (A9); "" when
	// nothing binds it. BoundBase is the base ref of that binding.
	Bound      string
	BoundKnown bool
	BoundBase  string
	// DismissedBy is who dismissed it; nil when unknown or not dismissed.
	DismissedBy *User
	// Former is the state before it was dismissed; "" when unknown.
	Former string
}

// Hold is a standing or released hold (A16, D22).
type Hold struct {
	By     User
	Reason string
	At     time.Time
	Digest string // the privileged digest when it was placed
	// ReleasedBy are all who said that it may go, whether or not their word
	// counts; nil while nobody did.
	ReleasedBy []User
}

// OverrideRequest is one person's override comment (A17, D23).
type OverrideRequest struct {
	By     User
	Reason string
	At     time.Time
	Digest string // that we had last published before the comment
	// Superseded says that a push came between the published digest and the comment.
	Superseded bool
	ViaApp     bool
}

// Team is one of the config's teams as resolved.
type Team struct {
	Name    string // ORG/SLUG
	Unknown string // why it could not be read; "" when it could
}

// MergeGroup is a merge queue's group (A20, D11). Nil for a pull request.
type MergeGroup struct {
	// Resolved says whether all members are known.
	Resolved bool
	Members  []GroupMember
}

// GroupMember is a pull request in a merge group with its own decision.
type GroupMember struct {
	Number int
	// Approvals is its own decision, read at this moment.
	Approvals Approvals
	Entries   []Entry // the privileged set that its approvals cover
}

// PullRequest is the people's side of a review, read at one moment. The zero
// PullRequest is "no facts given": nobody counts.
type PullRequest struct {
	// Given is false when no facts of people were given (review without --pull).
	Given      bool
	Repository int64
	Number     int
	Base       string // the base ref's name
	Head       string // the head commit
	// Author is nil when the account is gone (D38).
	Author     *User
	AuthorRole string
	// Initiators are the people on whose behalf an App opened it (D21).
	Initiators       []User
	InitiatorUnknown bool
	Commits          []Commit
	// Former are commits that it once had: whoever wrote, committed or pushed them
	// stays a contributor (D20). Nothing else of them is read.
	Former []Commit
	// CommitsIncomplete says that the list could not be completed (D25).
	CommitsIncomplete bool
	Reviews           []Review // chronological
	Holds             []Hold
	Overrides         []OverrideRequest
	People            map[UserID]Person
	Teams             []Team
	// Now is the moment of the facts.
	Now time.Time
	// NotGiven names facts that the caller did not supply and that the server
	// would have (D27), sorted.
	NotGiven []string
	// Failed names facts that could not be read: state error.
	Failed []string
	Group  *MergeGroup
	// Audit are notes to carry into approvals.audit (D24).
	Audit []string
}
