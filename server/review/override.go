package review

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server/store"
)

// followUp opens the issue that an override in force owes (A17): once for each
// content, whatever happens to it later.
func (n *run) followUp(ctx context.Context, c decided) error {
	over := c.verdict.Approvals.Override
	if over == nil || len(over.By) == 0 {
		return nil
	}
	key := fmt.Sprintf("override/%d/%d/%s", n.repository.ID, n.lease.Pull, c.assessment.Digest)
	action, err := n.Store.BeginUnder(ctx, n.lease, key, []byte(over.Reason))
	if err != nil {
		return err
	}
	if action.State == store.Finished {
		return nil
	}
	title := fmt.Sprintf("Review after the fact: override on pull request #%d", n.lease.Pull)
	number, err := n.client.CreateIssue(ctx, n.repository, title, n.followUpText(c))
	if err != nil {
		return fmt.Errorf("open the follow-up issue of an override: %w", err)
	}
	if err := n.log(ctx, "override", map[string]any{"by": over.By, "reason": over.Reason, "head": c.head,
		"digest": c.assessment.Digest, "issue": number}); err != nil {
		return err
	}
	return n.Store.Finish(ctx, key, []byte(strconv.Itoa(number)))
}

// followUpText is the issue's text. What people wrote stays what it is: a name.
func (n *run) followUpText(c decided) string {
	over := c.verdict.Approvals.Override
	by := make([]string, 0, len(over.By))
	for _, login := range over.By {
		by = append(by, report.Code(login))
	}
	var clusters []string
	for _, name := range c.assessment.Clusters {
		clusters = append(clusters, report.Code(name))
	}
	text := fmt.Sprintf("The approvals that pull request #%d lacked were replaced by an emergency override.\n\n"+
		"- by: %s\n- reason: %s\n- commit: %s\n- privileged change: %s\n", n.lease.Pull, strings.Join(by, ", "),
		report.Code(over.Reason), c.head, report.Code(c.assessment.Digest))
	if len(clusters) > 0 {
		text += "- clusters: " + strings.Join(clusters, ", ") + "\n"
	}
	return text + "\nTwo people who were not part of it should look at the change, say here what they found, " +
		"and close this issue.\n"
}
