package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// queueRefs is where GitHub keeps the commits of merge queues.
const queueRefs = "refs/heads/gh-readonly-queue/"

// groupBase is the branch that a merge queue's ref is for; "" for other refs.
func groupBase(ref string) string {
	rest, ok := strings.CutPrefix(ref, queueRefs)
	if i := strings.LastIndexByte(rest, '/'); ok && i > 0 {
		return rest[:i]
	}
	return ""
}

// group takes a merge queue's group through the steps once: its own commit is
// judged, and every member is decided at this moment (A20).
func (n *run) group(ctx context.Context) error {
	ref, base := n.lease.Group, groupBase(n.lease.Group)
	if base == "" {
		return nil // no queue's ref: nothing that we made asks for it
	}
	head, err := n.client.Tip(ctx, n.repository, strings.TrimPrefix(ref, "refs/"))
	if github.KindOf(err) == github.NotFound {
		return n.disband(ctx, base)
	}
	if err != nil {
		return err
	}
	n.asked = Decision{Group: ref, Base: base, Head: head}
	t, err := n.tips(ctx, base)
	if github.KindOf(err) == github.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if governed, err := n.governs(ctx, base, t); err != nil || !governed {
		return err
	}
	j, err := n.judge(ctx, question{base: base, baseSHA: t.base, head: head, main: t.main, group: true})
	if err != nil {
		return err
	}
	return n.judgeGroup(ctx, j)
}

// judgeGroup decides about a group and publishes on its commit.
func (n *run) judgeGroup(ctx context.Context, j judged) error {
	found, err := n.members(ctx, j)
	if err != nil {
		return err
	}
	if err := n.remember(ctx, found.numbers, false); err != nil {
		return err
	}
	made := store.PushSeen{Repository: n.repository.ID, Ref: n.lease.Group, Before: j.baseSHA, After: j.head,
		At: n.Clock()}
	if err := n.Store.Remember(ctx, store.Facts{Pushes: []store.PushSeen{made}}); err != nil {
		return err // what is not on record could not be taken back
	}
	group := policy.MergeGroup{Resolved: found.resolved}
	for _, number := range found.numbers {
		member, ok, err := n.member(ctx, number, j)
		if err != nil {
			return fmt.Errorf("member %d: %w", number, err)
		}
		group.Resolved = group.Resolved && ok
		group.Members = append(group.Members, member)
	}
	v := policy.Decide(j.assessment, policy.PullRequest{Given: true, Repository: n.repository.ID, Base: j.base,
		Head: j.head, Group: &group, Now: n.Clock()})
	return n.publishGroup(ctx, j, v)
}

// member decides one pull request of a group, by facts that are read now. It
// reports whether the pull request still is what a group may hold.
func (n *run) member(ctx context.Context, number int, of judged) (m policy.GroupMember, ok bool, err error) {
	m.Number = number
	pull, err := n.client.Pull(ctx, n.repository, number)
	if github.KindOf(err) == github.NotFound {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	if !pull.Open || pull.Base != of.base {
		return m, false, nil
	}
	j, err := n.judge(ctx, question{pull: number, base: of.base, baseSHA: of.baseSHA, head: pull.Head, main: of.main})
	if err != nil {
		return m, false, err
	}
	c, err := n.decide(ctx, pull, j, n.Clock())
	if err != nil {
		return m, false, err
	}
	m.Approvals, m.Entries = c.verdict.Approvals, j.assessment.Entries
	return m, true, nil
}

func (n *run) publishGroup(ctx context.Context, j judged, v policy.Verdict) error {
	conclusion := publish.Conclusion(v, true)
	if n.lacks != nil {
		conclusion = publish.InProgress // it is not published, and tried again
	}
	if err := n.record(ctx, Decision{Group: n.lease.Group, Base: j.base, BaseSHA: j.baseSHA, Head: j.head,
		Tree: j.assessment.MergedTree, Digest: j.assessment.Digest, Assessment: j.key, Verdict: v,
		Conclusion: conclusion}); err != nil || n.lacks != nil {
		return errors.Join(err, n.lacks)
	}
	published, err := n.Publisher.Publish(ctx, publish.Wish{Subject: n.about(j.base, j.baseSHA, j.head),
		TreeSHA: j.assessment.MergedTree, Assessment: j.assessment, Key: j.key, Verdict: v,
		Confirm: func(ctx context.Context) error { return n.confirmGroup(ctx, j) }})
	if err == nil {
		n.over(j, v, published)
	}
	return err
}

func (n *run) confirmGroup(ctx context.Context, j judged) error {
	head, err := n.client.Tip(ctx, n.repository, strings.TrimPrefix(n.lease.Group, "refs/"))
	if github.KindOf(err) == github.NotFound || err == nil && head != j.head {
		return publish.ErrMoved
	}
	if err != nil {
		return err
	}
	t, err := n.tips(ctx, j.base)
	if err == nil && t != (tips{j.baseSHA, j.main}) {
		return publish.ErrMoved
	}
	return err
}

// membership is what the audit log keeps, under the kind "group", of a pull
// request in a merge group: whatever wakes the one wakes the other.
type membership struct {
	Group string `json:"group"`
	Over  bool   `json:"over,omitempty"` // the group is gone
}

// remember keeps which pull requests a group holds, once.
func (n *run) remember(ctx context.Context, numbers []int, over bool) error {
	for _, number := range numbers {
		live, err := n.groupsOf(ctx, int64(number))
		if err != nil {
			return err
		}
		if live[n.lease.Group] != over {
			continue
		}
		text, err := json.Marshal(membership{Group: n.lease.Group, Over: over})
		if err != nil {
			return fmt.Errorf("write the membership of %d: %w", number, err)
		}
		if _, err := n.Store.Log(ctx, store.Entry{Repository: n.repository.ID, Pull: int64(number), Kind: "group",
			Body: text}); err != nil {
			return err
		}
	}
	return nil
}

// groupsOf are the groups that a pull request is in, as far as we know.
func (n *run) groupsOf(ctx context.Context, pull int64) (map[string]bool, error) {
	entries, err := n.Store.Entries(ctx, store.LogQuery{Repository: n.repository.ID, Pull: pull, Kind: "group"})
	live := map[string]bool{}
	for _, e := range entries {
		var m membership
		if err := json.Unmarshal(e.Body, &m); err != nil {
			return nil, fmt.Errorf("read audit entry %d: %w", e.ID, err)
		}
		if live[m.Group] = true; m.Over {
			delete(live, m.Group)
		}
	}
	return live, err
}

// disband forgets a group whose ref is gone. Its check is taken back unless it
// landed: anybody may open a pull request with its commit.
func (n *run) disband(ctx context.Context, base string) error {
	if err := n.takeBack(ctx, base); err != nil {
		return err
	}
	entries, err := n.Store.Entries(ctx, store.LogQuery{Repository: n.repository.ID, Kind: "group",
		From: n.began.Add(-longestGroup)})
	if err != nil {
		return err
	}
	var numbers []int
	for _, e := range entries {
		var m membership
		if err := json.Unmarshal(e.Body, &m); err != nil {
			return fmt.Errorf("read audit entry %d: %w", e.ID, err)
		}
		if m.Group == n.lease.Group {
			numbers = append(numbers, int(e.Pull))
		}
	}
	return n.remember(ctx, numbers, true)
}

// takeBack takes back the green checks of a group's commits that the base does
// not contain.
func (n *run) takeBack(ctx context.Context, base string) error {
	commits, err := n.Store.Pushes(ctx, n.repository.ID, n.lease.Group, maxPushes)
	if err != nil || len(commits) == 0 {
		return err
	}
	tip, err := n.client.Tip(ctx, n.repository, "heads/"+base)
	if err != nil && github.KindOf(err) != github.NotFound {
		return err
	}
	for _, c := range commits {
		landed := false
		if tip != "" {
			m, err := n.mirror(ctx)
			if err != nil {
				return err
			}
			if err := m.Bring(ctx, 0, tip); err != nil {
				return err
			}
			if landed, err = m.Contains(ctx, tip, c.After); err != nil {
				return err
			}
		}
		if landed {
			continue
		}
		if err := n.Publisher.Withdraw(ctx, n.about(base, c.Before, c.After),
			"this group of the merge queue is gone, and did not land"); err != nil {
			return err
		}
	}
	return nil
}

// wakeGroups wakes the groups that hold this pull request.
func (n *run) wakeGroups(ctx context.Context) error {
	live, err := n.groupsOf(ctx, n.lease.Pull)
	if err != nil {
		return err
	}
	for ref := range live {
		if err := n.Store.Wake(ctx, store.Wake{Target: store.Target{Repository: n.repository.ID, Group: ref},
			Installation: n.lease.Installation, Priority: store.MergeGroup}); err != nil {
			return err
		}
	}
	return nil
}
