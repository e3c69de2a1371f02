package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/store"
)

// publishPull records the decision and makes GitHub equal it.
func (n *run) publishPull(ctx context.Context, c *decided) (store.Publication, error) {
	var err error
	if c.family, err = n.siblings(ctx, c.base, c.head); err != nil {
		return store.Publication{}, err
	}
	if len(c.family.others) > 0 {
		if c.outside, err = n.outside(ctx, c.pullNow); err != nil {
			return store.Publication{}, err
		}
	}
	if err := n.record(ctx, c.decision()); err != nil {
		return store.Publication{}, err
	}
	published, err := n.Publisher.Publish(ctx, publish.Wish{
		Subject: n.about(c.base, c.baseSHA, c.head), TreeSHA: c.assessment.MergedTree, Assessment: c.assessment,
		Key: c.key, Verdict: c.verdict, Siblings: c.family.own, Outside: c.outside, Standing: c.notices,
		Force: c.force, Conversation: c.talk,
		Confirm: func(ctx context.Context) error {
			if err := n.confirm(ctx, *c); err != nil {
				return err
			}
			return n.sameFamily(ctx, *c)
		},
	})
	if err != nil {
		return published, err
	}
	// Who published meanwhile may not have seen us: of two, the later one sees both.
	return published, n.sameFamily(ctx, *c)
}

// sameFamily reads again what others with this head say: ErrMoved when it is
// something else than what was posted rests on.
func (n *run) sameFamily(ctx context.Context, c decided) error {
	now, err := n.siblings(ctx, c.base, c.head)
	if err == nil && (!slices.Equal(now.own, c.family.own) || len(now.others) != len(c.family.others)) {
		return publish.ErrMoved
	}
	return err
}

// outside reports whether the author of a pull request has no write.
func (n *run) outside(ctx context.Context, pull github.Pull) (bool, error) {
	if pull.Author == nil {
		return true, nil
	}
	author, err := n.person(ctx, *pull.Author, nil, n.oldest())
	return !atLeast(author, "write"), err
}

// confirm reads again what the verdict is about.
func (n *run) confirm(ctx context.Context, c decided) error {
	now, err := n.client.Pull(ctx, n.repository, c.pullNow.Number)
	if err != nil {
		return err
	}
	t, err := n.tips(ctx, now.Base)
	if err != nil {
		return err
	}
	if !now.Open || now.Head != c.head || now.Base != c.base || t != (tips{c.baseSHA, c.main}) {
		return publish.ErrMoved
	}
	return nil
}

// settle does what follows from what is now published.
func (n *run) settle(ctx context.Context, c decided, published store.Publication) error {
	n.over(c.judged, c.verdict, published)
	if !c.verdict.Changes.IsZero() {
		n.wakeAt(c.verdict.Changes)
	}
	all := c.family.own
	if !c.outside {
		all = append([]string{published.Own}, all...)
	}
	if err := n.call(ctx, c.family, all...); err != nil {
		return err
	}
	if err := n.wakeGroups(ctx); err != nil {
		return err
	}
	if err := n.followUp(ctx, c); err != nil {
		return err
	}
	return n.answer(ctx, c)
}

// over tells the metrics and the log of a decision that is published.
func (n *run) over(j judged, v policy.Verdict, published store.Publication) {
	took := n.Clock().Sub(n.began)
	if n.Observe != nil {
		n.Observe(v, n.rendered, took)
	}
	n.Log.Info("reviewed", "subject", n.subject(), "head", j.head, "base", j.baseSHA, "state", v.State,
		"conclusion", published.Conclusion, "rendered", n.rendered, "took", took)
}

// answer answers commands.
func (n *run) answer(ctx context.Context, c decided) error {
	talk := reply.Conversation{Client: n.client, Repository: n.repository, Lease: n.lease, Pull: c.pullNow,
		Comments: c.facts.Comments, Facts: c.people, Users: c.facts.Users, Assessment: c.assessment,
		Verdict: c.verdict, Minimum: c.facts.Config.Approvals.HoldPermission,
		Person: func(ctx context.Context, who policy.User) (policy.Person, error) {
			return n.person(ctx, who, c.teams, c.oldest)
		}}
	if err := n.Replier.Answer(ctx, talk); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
