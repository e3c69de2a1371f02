package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// queued is a pull request in the merge queue of its base.
type queued struct {
	id    int64
	issue *issue
	by    *User
	at    time.Time
	group *Group // nil: not built yet
}

// Group is a merge group: a commit on the base's tip that holds its members.
type Group struct {
	Base    string // the branch
	BaseSHA string
	Head    string
	Ref     string // refs/heads/gh-readonly-queue/…
	Numbers []int
}

// Enqueue puts a pull request into its base's merge queue. It fails, as Merge
// does, until all that the branch requires is there, for those who may not
// bypass it.
func (r *Repository) Enqueue(number int, login string) error {
	return r.actOn(number, login, "write", func(i *issue, u *User) error {
		r.test(i)
		missing := r.missingFor(i, u)
		if !r.gateOf(i.pull.baseRef, nil).queue || len(missing) > 0 || !i.pull.mergeable || i.state != "open" ||
			r.inQueue(i) != nil {
			return fmt.Errorf("pull request %d cannot be queued: %s", number, strings.Join(missing, " "))
		}
		r.queue = append(r.queue, &queued{id: r.server.id("queued"), issue: i, by: u, at: r.server.now()})
		r.emitPull(i, "enqueued", u, nil)
		return nil
	})
}

func (r *Repository) inQueue(i *issue) *queued {
	for _, q := range r.queue {
		if q.issue == i {
			return q
		}
	}
	return nil
}

// Dequeue takes a pull request out of the queue.
func (r *Repository) Dequeue(number int, login string) error {
	return r.actOn(number, login, "write", func(i *issue, u *User) error {
		if r.inQueue(i) == nil {
			return fmt.Errorf("pull request %d is in no queue", number)
		}
		r.dequeue(i, u, "MANUAL")
		return nil
	})
}

func (r *Repository) dequeue(i *issue, u *User, reason string) {
	q := r.inQueue(i)
	if q == nil {
		return
	}
	r.queue = slices.DeleteFunc(r.queue, func(other *queued) bool { return other == q })
	r.emitPull(i, "dequeued", u, object{"reason": reason})
	if q.group != nil {
		r.destroy(q.group, map[bool]string{true: "merged", false: "dequeued"}[reason == "MERGE"])
	}
}

// BuildGroup builds the next group of a base's queue from those of its pull
// requests (all of the queue's where none is named), and asks for its checks.
func (r *Repository) BuildGroup(base string, numbers ...int) (Group, error) {
	return r.group(base, numbers, false)
}

// SquashGroup is BuildGroup of a group that tells nothing about its members:
// one squashed commit, a name without a number, and no entry in the queue.
func (r *Repository) SquashGroup(base string, numbers ...int) (Group, error) {
	return r.group(base, numbers, true)
}

func (r *Repository) group(base string, numbers []int, squash bool) (Group, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	var members []*queued
	for _, q := range r.queue {
		if q.issue.pull.baseRef == base && (len(numbers) == 0 || slices.Contains(numbers, q.issue.number)) {
			members = append(members, q)
		}
	}
	tip := r.branch(base)
	if len(members) == 0 || len(numbers) > len(members) || tip == "" {
		return Group{}, fmt.Errorf("the queue of %s does not hold %v", base, numbers)
	}
	g := &Group{Base: base, BaseSHA: tip, Head: tip}
	for _, q := range members {
		head, err := r.mergeCommit(g.Head, q.issue, q.by)
		if err != nil {
			return Group{}, err
		}
		g.Head = head
		g.Numbers = append(g.Numbers, q.issue.number)
	}
	g.Ref = fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", base, g.Numbers[len(g.Numbers)-1], tip)
	if squash {
		head, err := r.commit(Commit{Parents: []string{tip}, Tree: g.Head, Author: "web-flow", Verified: true,
			Message: "group"})
		if err != nil {
			return Group{}, err
		}
		g.Head, g.Ref = head, "refs/heads/gh-readonly-queue/"+base+"/"+tip
		r.queue = slices.DeleteFunc(r.queue, func(q *queued) bool { return slices.Contains(members, q) })
	}
	for _, q := range members {
		q.group = g
	}
	if err := r.setRef(g.Ref, g.Head); err != nil {
		return Group{}, err
	}
	r.emitGroup(g, "checks_requested", nil)
	return *g, nil
}

func (r *Repository) emitGroup(g *Group, action string, reason any) {
	payload := object{"merge_group": object{"head_sha": g.Head, "head_ref": g.Ref, "base_sha": g.BaseSHA,
		"base_ref": "refs/heads/" + g.Base, "head_commit": r.simpleCommit(r.metadata(g.Head))}}
	if reason != nil {
		payload["reason"] = reason
	}
	r.server.emit(event{name: "merge_group", action: action, repository: r, payload: payload,
		sender: r.server.users[webFlowID]})
}

// destroy ends a group; those of its members that are still queued wait again.
func (r *Repository) destroy(g *Group, reason string) {
	if r.refs[g.Ref] == "" {
		return
	}
	if err := r.setRef(g.Ref, ""); err != nil {
		r.server.note("destroy %s: %v", g.Ref, err)
	}
	for _, q := range r.queue {
		if q.group == g {
			q.group = nil
		}
	}
	r.emitGroup(g, "destroyed", reason)
}

// DestroyGroup ends a group without landing it, as GitHub does when the queue
// is rebuilt.
func (r *Repository) DestroyGroup(g Group) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if r.refs[g.Ref] != g.Head {
		return fmt.Errorf("no group %s", g.Ref)
	}
	r.destroy(r.built(g), "invalidated")
	return nil
}

func (r *Repository) built(g Group) *Group {
	for _, q := range r.queue {
		if q.group != nil && q.group.Ref == g.Ref {
			return q.group
		}
	}
	return &g
}

// LandGroup moves the base to the group's commit where its required checks
// are green; else the members leave the queue and the error says why.
func (r *Repository) LandGroup(g Group) error {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	flow := s.users[webFlowID]
	if r.refs[g.Ref] != g.Head || r.branch(g.Base) != g.BaseSHA {
		return fmt.Errorf("no group %s, or its base has moved", g.Ref)
	}
	missing := r.missingChecks(r.gateOf(g.Base, nil), g.Head)
	reason := map[bool]string{true: "MERGE", false: "CI_FAILURE"}[len(missing) == 0]
	if len(missing) == 0 {
		if err := r.push(flow, g.Base, g.Head, "merge_queue_merge"); err != nil {
			return err
		}
	}
	for _, n := range g.Numbers {
		r.dequeue(r.issues[n], flow, reason)
	}
	if len(missing) > 0 {
		return fmt.Errorf("group %s is blocked: %s", g.Ref, strings.Join(missing, " "))
	}
	return nil
}
