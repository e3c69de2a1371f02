package people

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
)

// account is who an id belongs to. One that is gone is still somebody: what
// they did counts against the id, should it come back.
func (b *branch) account(id int64) policy.User {
	if u, known := b.accounts[policy.UserID(id)]; known {
		return u
	}
	return policy.User{ID: policy.UserID(id), Login: gone, Type: "User"}
}

const gone = "<deleted>"

// accounts are all that the facts show in full, by id.
func accounts(f Facts) map[policy.UserID]policy.User {
	all := map[policy.UserID]policy.User{}
	add := func(users ...*policy.User) {
		for _, u := range users {
			if u != nil && u.ID != 0 {
				all[u.ID] = *u
			}
		}
	}
	for _, c := range f.Listed {
		add(c.Author, c.Committer)
		for _, u := range c.CoAuthors {
			add(&u)
		}
	}
	for _, p := range f.Activity {
		add(p.Actor)
	}
	for _, u := range f.Pull.Assignees {
		add(&u)
	}
	for _, r := range f.Reviews {
		add(r.User)
	}
	add(f.Pull.Author)
	maps.Copy(all, f.Users)
	return all
}

// Senders are ids of accounts that the facts name only by number: to be
// resolved into Facts.Users before PullRequest.
func Senders(f Facts) []policy.UserID {
	b := newBranch(f)
	wanted := map[policy.UserID]bool{}
	want := func(id int64) {
		if _, known := b.accounts[policy.UserID(id)]; id != 0 && !known {
			wanted[policy.UserID(id)] = true
		}
	}
	for _, p := range b.pushes {
		want(p.by)
	}
	for _, h := range f.Hands {
		want(h.Person)
	}
	for _, d := range f.Dismissals {
		want(d.Sender)
	}
	for _, c := range f.Comments {
		if len(command.Parse(c.Body)) > 0 {
			want(c.Person)
		}
	}
	for _, r := range f.Seen {
		if command.Stance(r.Body).Word != "" {
			want(r.Person)
		}
	}
	return slices.Sorted(maps.Keys(wanted))
}

// Concerned are the accounts whose rights the decision needs (author,
// reviewers with a decisive review, holders, those who release, overriders).
// Facts.Users must be filled.
func Concerned(f Facts) []policy.User {
	pr := PullRequest(f)
	concerned := map[policy.UserID]policy.User{}
	add := func(users ...policy.User) {
		for _, u := range users {
			if !isApp(u) && u.Login != gone {
				concerned[u.ID] = u
			}
		}
	}
	if pr.Author != nil {
		add(*pr.Author)
	}
	for _, r := range pr.Reviews {
		if r.User == nil || r.State == "COMMENTED" || r.State == "PENDING" {
			continue
		}
		add(*r.User)
		if r.DismissedBy != nil && r.Former == "CHANGES_REQUESTED" {
			add(*r.DismissedBy)
		}
	}
	for _, h := range pr.Holds {
		add(h.By)
		add(h.ReleasedBy...)
	}
	for _, o := range pr.Overrides {
		if f.Config.Override != nil {
			add(o.By)
		}
	}
	return slices.SortedFunc(maps.Values(concerned), func(a, b policy.User) int { return cmp.Compare(a.ID, b.ID) })
}

func isApp(u policy.User) bool { return u.Type != "User" || strings.HasSuffix(u.Login, "[bot]") }

// initiators are the people on whose behalf an App opened the pull request: its
// human assignees, those of earlier decisions, and the sender at opening. For
// an agent without any, nobody can tell (D21).
func (b *branch) initiators() (who []policy.User, unknown bool) {
	author := b.f.Pull.Author
	if author == nil || !isApp(*author) {
		return nil, false
	}
	found := map[policy.UserID]policy.User{}
	add := func(u policy.User) {
		if u.ID != 0 && !isApp(u) {
			found[u.ID] = u
		}
	}
	for _, u := range b.f.Pull.Assignees {
		add(u)
	}
	for _, h := range b.f.Hands {
		if h.How == asInitiator {
			add(b.account(h.Person))
		}
	}
	for _, p := range b.pushes {
		if p.opening {
			add(b.account(p.by))
		}
	}
	who = slices.SortedFunc(maps.Values(found), func(a, b policy.User) int { return cmp.Compare(a.ID, b.ID) })
	agent := slices.ContainsFunc(b.f.Config.Approvals.Agents, func(a string) bool {
		return strings.EqualFold(a, author.Login)
	})
	return who, agent && len(who) == 0
}
