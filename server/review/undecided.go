package review

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
)

// momentary reports whether GitHub does not answer now and may later.
func momentary(err error) bool {
	kind := github.KindOf(err)
	return kind == github.Limited || kind == github.Unavailable
}

// lack notes that a fact about a person could not be read now: it is unknown to
// the decision, which is kept but not published, and everything is tried again.
func (n *run) lack(who policy.User, err error) policy.Person {
	n.lacks = errors.Join(n.lacks, err)
	return policy.Person{User: who, Unknown: []string{"rights (" + reason(err) + ")"}}
}

// undecided takes a green check back when a target cannot be judged, and keeps
// that in the audit log unless a decision was kept: neither the check nor the
// last verdict there is one that may no longer hold.
func (n *run) undecided(ctx context.Context, cause error) error {
	if n.kept && n.lacks == nil || ctx.Err() != nil || errors.Is(cause, publish.ErrMoved) {
		return nil
	}
	why := reason(cause)
	if n.asked.Head != "" {
		about := n.about(n.asked.Base, n.asked.BaseSHA, n.asked.Head)
		if err := n.Publisher.Doubt(ctx, about, why); err != nil {
			return fmt.Errorf("take the green check back: %w", err)
		}
	}
	if n.kept {
		return nil
	}
	d := n.asked
	if d.Group == "" { // which may be all that is known
		d.Pull, d.Group = int(n.lease.Pull), n.lease.Group
	}
	d.Verdict = policy.Verdict{State: policy.StateError, Title: "Cannot be judged now: " + why,
		Approvals: policy.Approvals{Status: policy.StatusError, Counted: []policy.Counted{},
			Ignored: []policy.Ignored{}, BlockedBy: []string{}, Audit: []string{}, MayApprove: []string{}},
		Failed: []string{why}}
	d.Conclusion = publish.InProgress
	return n.record(ctx, d)
}
