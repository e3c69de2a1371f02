package policy

import (
	"slices"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
)

// The states of a verdict, worst first (D28).
const (
	StateError         = "error"
	StateBlocked       = "blocked"
	StateViolation     = "violation"
	StateNeedsApproval = "needs_approval"
	StatePass          = "pass"
)

// The status of the approvals.
const (
	StatusNotRequired = "not_required"
	StatusApproved    = "approved"
	StatusPending     = "pending"
	StatusBlocked     = "blocked"
	StatusError       = "error"
)

// Decide says whether the change may merge, and why. It is total: any pair of
// values gives a verdict, and what is not known is never a pass.
func Decide(a Assessment, pr PullRequest) Verdict {
	v := Verdict{Approvals: decideApprovals(a, pr), NotGiven: slices.Clone(pr.NotGiven),
		Failed: slices.Clone(pr.Failed)}
	if !pr.Given && !a.Audit && len(v.NotGiven) == 0 {
		v.NotGiven = []string{"who wrote, pushed and reviewed the change (--pull)"}
	}
	v.Observing = a.Config != nil && a.Config.Mode == "observe"
	v.State = state(a, v.Approvals)
	if over := v.Approvals.Override; over != nil && len(over.By) > 0 {
		v.Changes = overrideEnd(a, pr)
	}
	v.Title = title(a, v)
	return v
}

func state(a Assessment, approvals Approvals) string {
	switch {
	case len(a.Problems) > 0 || a.Config == nil || approvals.Status == StatusError:
		return StateError
	case approvals.Status == StatusBlocked:
		return StateBlocked
	case len(Blocking(a)) > 0:
		return StateViolation
	case approvals.Status == StatusNotRequired || approvals.Status == StatusApproved:
		return StatePass
	case approvals.Status == StatusPending:
		return StateNeedsApproval
	}
	return StateError
}

// Blocking returns the findings that no approval helps against: those of
// effect block that are new or worsened, and under the strict baseline the
// existing ones as well.
func Blocking(a Assessment) []Finding {
	strict := a.Config == nil || a.Config.Baseline == "strict"
	var blocking []Finding
	for _, f := range a.Findings {
		standing := f.State == New || f.State == Worsened || strict && f.State == Existing
		if f.Effect == engine.Block && f.Waiver == nil && standing {
			blocking = append(blocking, f)
		}
	}
	return blocking
}

// decideApprovals is the people's half of the decision.
func decideApprovals(a Assessment, pr PullRequest) Approvals {
	out := Approvals{Counted: []Counted{}, Ignored: []Ignored{}, BlockedBy: []string{}, Audit: []string{}}
	out.Audit = append(out.Audit, pr.Audit...)
	if a.Config == nil {
		out.Status = StatusError
		return out
	}
	needed := len(a.Entries) > 0
	if pr.Group != nil {
		return decideGroup(a, pr, out)
	}
	p := newPeople(a.Config.Approvals, pr)
	holds := p.standingHolds()
	switch {
	case !needed && len(pr.Failed) > 0:
		out.Status = StatusError // a hold may hide in what could not be read
		return out
	case !needed && len(holds) == 0:
		out.Status = StatusNotRequired
		return out
	case !needed:
		out.Status, out.BlockedBy = StatusBlocked, blockers("hold:", holds)
		return out
	}
	out.Required = p.required()
	out.MayApprove = mayApprove(a.Config.Approvals)
	if !pr.Given {
		out.Status, out.Missing = StatusPending, out.Required
		return out
	}
	return p.decide(a, out, holds)
}

// decide counts who counts, then weighs what stands in the way.
func (p *people) decide(a Assessment, out Approvals, holds []User) Approvals {
	if p.pr.CommitsIncomplete {
		out.Status, out.BlockedBy = StatusError, []string{"commit_list_incomplete"}
		out.Missing = out.Required
		return out
	}
	if p.teamsUnknown() {
		out.Status, out.Missing = StatusError, out.Required
		return out
	}
	p.count(a.Digest, holds, &out)
	out.Missing = max(0, out.Required-len(out.Counted))
	out.Override = override(a, p)
	if out.Override != nil && len(out.Override.By) > 0 {
		out.Missing = 0
		out.Audit = append(out.Audit, "override")
	}
	pending := p.unattributed()
	blocked := append(blockers("changes_requested:", p.requesters()), blockers("hold:", holds)...)
	out.BlockedBy = append(append(out.BlockedBy, blocked...), pending...)
	switch {
	case len(p.pr.Failed) > 0 || p.factsMissing():
		out.Status = StatusError
	case len(blocked) > 0:
		out.Status = StatusBlocked
	case out.Missing > 0 || len(pending) > 0:
		out.Status = StatusPending
	default:
		out.Status = StatusApproved
	}
	return out
}

// decideGroup decides a merge queue's group: its privileged set must be the
// union of what its members' approvals cover, no object touched by two of
// them, and each member still approved. That the group holds nothing privileged
// is no reason to look away: a member may be held.
func decideGroup(a Assessment, pr PullRequest, out Approvals) Approvals {
	group := *pr.Group
	if len(a.Entries) > 0 {
		out.Required, out.MayApprove = a.Config.Approvals.Required, mayApprove(a.Config.Approvals)
	}
	if !group.Resolved || len(group.Members) == 0 || len(pr.Failed) > 0 {
		out.Status, out.Missing = StatusError, out.Required
		return out
	}
	var digests []string
	touched := map[string]bool{}
	twice := false
	for _, member := range group.Members {
		switch member.Approvals.Status {
		case StatusApproved, StatusNotRequired:
		default:
			return member.Approvals
		}
		for _, entry := range member.Entries {
			digests = append(digests, entry.Digest)
			twice = twice || touched[entry.Kind+"\x00"+entry.Name]
			touched[entry.Kind+"\x00"+entry.Name] = true
		}
		out.Counted = append(out.Counted, member.Approvals.Counted...)
		if over := member.Approvals.Override; over != nil && len(over.By) > 0 && out.Override == nil {
			out.Override = over
			out.Audit = append(out.Audit, "override")
		}
	}
	if twice || digestSet(digests) != a.Digest {
		out.Counted, out.Missing = []Counted{}, out.Required
		out.Status, out.BlockedBy = StatusBlocked, []string{"merge_group_digest_not_approved"}
		return out
	}
	out.Counted = distinct(out.Counted)
	out.Status = StatusApproved
	if len(a.Entries) == 0 {
		out.Status = StatusNotRequired
	}
	return out
}

func distinct(counted []Counted) []Counted {
	seen := map[UserID]bool{}
	return slices.DeleteFunc(counted, func(c Counted) bool {
		again := seen[c.ID]
		seen[c.ID] = true
		return again
	})
}

func blockers(prefix string, users []User) []string {
	words := make([]string, 0, len(users))
	for _, user := range users {
		words = append(words, prefix+user.Login)
	}
	return words
}

// mayApprove says in words who is eligible.
func mayApprove(a config.Approvals) []string {
	var words []string
	for _, team := range a.Teams {
		words = append(words, "members of "+team)
	}
	words = append(words, a.Users...)
	if len(words) == 0 {
		words = []string{"anyone with " + a.MinPermission + " permission"}
	}
	return words
}
