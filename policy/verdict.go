package policy

import "time"

// Verdict is the decision and why, per person.
type Verdict struct {
	State     string    `json:"state"` // pass, needs_approval, violation, blocked, error
	Title     string    `json:"title"` // one line, for the merge box
	Approvals Approvals `json:"approvals"`
	// Observing says that the config's mode is observe: everything is said,
	// nothing blocks.
	Observing bool `json:"observing"`
	// NotGiven names facts about people that the caller did not supply and that
	// the server would have (D27), sorted.
	NotGiven []string `json:"facts"`
	// Failed names facts that could not be read, and how to get them.
	Failed []string `json:"failed"`
	// Changes is the moment at which the answer would change by itself (an
	// expiring waiver, an override's end); zero when none.
	Changes time.Time `json:"changes_at,omitzero"`
}

// Approvals is who counts, who does not and why.
type Approvals struct {
	Status    string         `json:"status"` // not_required, approved, pending, blocked, error
	Required  int            `json:"required"`
	Counted   []Counted      `json:"counted"` // by the time of the decisive review, then id
	Ignored   []Ignored      `json:"ignored"` // sorted by id
	Missing   int            `json:"missing"`
	BlockedBy []string       `json:"blocked_by"`
	Audit     []string       `json:"audit"`
	Override  *OverrideState `json:"override"`
	// MayApprove are words on who may still approve ("a member of
	// acme/platform"), for the text.
	MayApprove []string `json:"may_approve"`
}

// Counted is a person whose approval counts.
type Counted struct {
	ID    UserID `json:"id"`
	Login string `json:"login"`
}

// Ignored is a person whose review does not count, and why.
type Ignored struct {
	ID     UserID `json:"id"`
	Login  string `json:"login"`
	Reason string `json:"reason"`
}

// OverrideState is an override in force, or requested by one of two.
type OverrideState struct {
	By          []string `json:"by,omitempty"`
	Reason      string   `json:"reason,omitempty"`
	RequestedBy []string `json:"requested_by,omitempty"`
	Required    int      `json:"required,omitempty"`
}

// Exit is the exit status of the command line (D28).
func (v Verdict) Exit() int {
	switch {
	case v.State == "error":
		return 2
	case v.State == "pass", v.Observing:
		return 0
	}
	return 1
}
