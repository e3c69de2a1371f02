package review

import (
	"context"
	"errors"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// freshness is how old facts about people may be (A23).
const freshness = 5 * time.Minute

// pull takes a pull request through the steps once.
func (n *run) pull(ctx context.Context) error {
	pull, err := n.client.Pull(ctx, n.repository, int(n.lease.Pull))
	if github.KindOf(err) == github.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if !pull.Open {
		return n.closed(ctx, pull)
	}
	n.asked = Decision{Pull: pull.Number, Base: pull.Base, Head: pull.Head}
	tips, err := n.tips(ctx, pull.Base)
	if github.KindOf(err) == github.NotFound {
		return nil // GitHub closes it, and tells us then
	}
	if err != nil {
		return err
	}
	governed, err := n.governs(ctx, pull.Base, tips)
	if err != nil {
		return err
	}
	if err := n.withdraw(ctx, func(p store.Publication) bool { return p.BaseRef == pull.Base && governed },
		"this pull request no longer goes into this branch"); err != nil || !governed {
		return err
	}
	return n.judgePull(ctx, pull, tips)
}

// judgePull assesses, gathers, binds, decides and publishes.
func (n *run) judgePull(ctx context.Context, pull github.Pull, tips tips) error {
	j, err := n.judge(ctx, question{pull: pull.Number, base: pull.Base, baseSHA: tips.base, head: pull.Head,
		main: tips.main})
	if err != nil {
		return err
	}
	c, err := n.decide(ctx, pull, j, n.oldest())
	if err != nil {
		return err
	}
	if c.people.CommitsIncomplete { // GitHub may have listed those of a newer head
		if err := n.confirm(ctx, c); err != nil {
			return err
		}
	}
	if n.lacks != nil {
		d := c.decision()
		d.Conclusion = publish.InProgress
		return errors.Join(n.lacks, n.record(ctx, d))
	}
	if err := n.leave(ctx, c); err != nil {
		return err
	}
	own, err := n.publishPull(ctx, &c)
	if err != nil {
		return err
	}
	return n.settle(ctx, c, own)
}

// oldest is how old facts about people may be: what nothing but our own alarm
// woke reads all of them anew, for the run before it may have missed an event.
func (n *run) oldest() time.Time {
	if n.lease.Priority >= store.Sweep { // an alarm has the priority of a sweep
		return n.began
	}
	return n.began.Add(-freshness)
}

// tips are the commits that the decision rests on besides the head.
type tips struct{ base, main string }

func (n *run) tips(ctx context.Context, base string) (t tips, err error) {
	if t.base, err = n.client.Tip(ctx, n.repository, "heads/"+base); err != nil {
		return t, err
	}
	t.main = t.base
	if base != n.repository.DefaultBranch {
		t.main, err = n.client.Tip(ctx, n.repository, "heads/"+n.repository.DefaultBranch)
	}
	return t, err
}

// closed ends a pull request: merged, its check stays what it was; unmerged, it
// takes its green check with it (A19).
func (n *run) closed(ctx context.Context, pull github.Pull) error {
	if pull.Merged {
		return nil
	}
	if err := n.withdraw(ctx, func(store.Publication) bool { return false },
		"this pull request was closed without being merged"); err != nil {
		return err
	}
	return n.wakeGroups(ctx)
}

// withdraw ends the checks of this pull request except those that keep says may
// stay: where it was open it had a say in what others with its commit are shown.
func (n *run) withdraw(ctx context.Context, keep func(store.Publication) bool, why string) error {
	published, err := n.Store.Publications(ctx, store.PublicationQuery{Repository: n.repository.ID, Pull: n.lease.Pull})
	if err != nil {
		return err
	}
	return n.retireAll(ctx, published, keep, why)
}

// leave takes back what is green on commits that are no longer the head: whoever
// opens another pull request with one must not find it passed. On the one that was
// the head until now, others may have waited for us. It comes before the head's
// own check, which so is the last that was published.
func (n *run) leave(ctx context.Context, c decided) error {
	var last store.Publication
	if len(c.facts.Published) > 0 {
		last = c.facts.Published[0]
	}
	return n.retireAll(ctx, c.facts.Published, func(p store.Publication) bool {
		return p.BaseRef != c.base || p.HeadSHA == c.head ||
			p.Conclusion != publish.Success && p.HeadSHA != last.HeadSHA
	}, "this commit is no longer the head of its pull request")
}

// retireAll retires the newest of the publications for each head and base.
func (n *run) retireAll(
	ctx context.Context, published []store.Publication, keep func(store.Publication) bool, why string,
) error {
	published, err := n.unsure(ctx, published)
	if err != nil {
		return err
	}
	newest := map[[2]string]bool{}
	for _, p := range published { // the newest first
		key := [2]string{p.BaseRef, p.HeadSHA}
		if newest[key] {
			continue
		}
		if newest[key] = true; keep(p) {
			continue
		}
		if err := n.retire(ctx, p, why); err != nil {
			return err
		}
	}
	return nil
}

// about is what a check of this target is about.
func (n *run) about(base, baseSHA, head string) publish.Subject {
	return publish.Subject{Client: n.client, Repository: n.repository, Lease: n.lease, Pull: int(n.lease.Pull),
		Group: n.lease.Group, BaseRef: base, BaseSHA: baseSHA, HeadSHA: head}
}
