package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/people"
	"github.com/countersign-dev/countersign/server/store"
)

// gather reads the people's side of a pull request, but for who is who.
func (n *run) gather(ctx context.Context, pull github.Pull, j judged) (people.Facts, []github.Comment, error) {
	f := people.Facts{Repository: n.repository, Pull: pull, Range: j.links, Now: n.Clock()}
	var talk []github.Comment
	if c := j.assessment.Config; c != nil {
		f.Config = *c
		if other := disguised(*c, n.repository, pull.Base); other != "" {
			f.Failed = append(f.Failed, fmt.Sprintf("which branch this is: %q looks like %q, which is governed, too; "+
				"rename one of them", pull.Base, other))
		}
	}
	err := n.read(ctx, &f)
	if err == nil {
		talk, err = n.listen(ctx, &f)
	}
	if err == nil {
		err = n.recall(ctx, &f)
	}
	if err == nil {
		err = n.doubts(ctx, &f, j)
	}
	if err == nil && people.NeedsActivity(f) {
		f.Activity, err = fact(&f, "", func() ([]github.Push, error) {
			return n.client.Activity(ctx, n.repository, pull.HeadRef)
		})
		if err == nil {
			err = n.doubts(ctx, &f, j)
		}
	}
	return f, talk, err
}

// doubts asks git which of the commits that people are to blame for are in the
// base by now: those are no part of the pull request.
func (n *run) doubts(ctx context.Context, f *people.Facts, j judged) error {
	doubtful := people.Doubtful(*f)
	if len(doubtful) == 0 {
		return nil
	}
	m, err := n.mirror(ctx)
	if err != nil {
		return err
	}
	f.InBase = map[string]bool{}
	for _, sha := range doubtful {
		if f.InBase[sha], err = m.Contains(ctx, j.baseSHA, sha); err != nil {
			return fmt.Errorf("look for %.12s in the base: %w", sha, err)
		}
	}
	return nil
}

// read asks GitHub for reviews and commits.
func (n *run) read(ctx context.Context, f *people.Facts) (err error) {
	if f.Reviews, err = fact(f, "the reviews", func() ([]github.Review, error) {
		return n.client.Reviews(ctx, n.repository, f.Pull.Number)
	}); err != nil {
		return err
	}
	if f.Listed, err = fact(f, "the commits", func() ([]policy.Commit, error) {
		return n.client.Commits(ctx, n.repository, f.Pull)
	}); err != nil {
		return err
	}
	f.Neutral, err = n.neutral(ctx, *f)
	return err
}

// fact reads one fact. What GitHub will not tell us is a fact that the decision
// lacks; what it cannot tell now is an error, to be tried again. A fact without
// a name is one that the decision can do without: what follows stays unknown.
func fact[T any](f *people.Facts, name string, read func() (T, error)) (T, error) {
	value, err := read()
	if err == nil {
		return value, nil
	}
	var none T
	switch github.KindOf(err) {
	case github.NotFound, github.Forbidden, github.Refused:
		if name != "" {
			f.Failed = append(f.Failed, name+": "+reason(err))
		}
		return none, nil
	}
	return none, err
}

// recall reads what was recorded when it happened.
func (n *run) recall(ctx context.Context, f *people.Facts) error {
	repository, number := n.repository.ID, int64(f.Pull.Number)
	var errs [8]error
	f.Seen, errs[0] = n.Store.Reviews(ctx, repository, number)
	f.Heads, errs[1] = n.Store.Heads(ctx, repository, number)
	f.Comments, errs[2] = n.Store.Comments(ctx, repository, number)
	f.Dismissals, errs[3] = n.Store.Dismissals(ctx, repository, number)
	f.Bindings, errs[4] = n.Store.Bindings(ctx, repository, number)
	f.Published, errs[5] = n.Store.Publications(ctx, store.PublicationQuery{Repository: repository, Pull: number})
	f.Hands, errs[7] = n.Store.Hands(ctx, repository, number)
	if f.Pull.HeadRepository == repository {
		f.Pushes, errs[6] = n.Store.Pushes(ctx, repository, "refs/heads/"+f.Pull.HeadRef, maxPushes)
	}
	return errors.Join(errs[:]...)
}

// maxPushes is how many pushes of a branch are looked at, the newest first.
const maxPushes = 1000

// listening is how often the comments of a pull request are listed although
// nothing but its events tells that there are new ones.
const listening = 10 * time.Minute

// listen remembers comments of which no event told, and returns them all; nil
// when they were not listed. One that was edited is not what it was, and is
// never taken for a command.
func (n *run) listen(ctx context.Context, f *people.Facts) ([]github.Comment, error) {
	key := targetKey{repository: n.repository.ID, pull: int64(f.Pull.Number)}
	last, known := n.memory.listened.get(key)
	if known && n.lease.Priority < store.Command && n.began.Sub(last) < listening {
		return nil, nil
	}
	comments, err := fact(f, "the comments", func() ([]github.Comment, error) {
		return n.client.Comments(ctx, n.repository, f.Pull.Number, time.Time{})
	})
	if err != nil {
		return nil, err
	}
	seen, err := n.Store.Comments(ctx, n.repository.ID, int64(f.Pull.Number))
	if err != nil {
		return nil, err
	}
	var missed store.Facts
	for _, c := range comments {
		edited := !c.Updated.Equal(c.Created)
		told := slices.ContainsFunc(seen, func(s store.CommentSeen) bool { return s.ID == c.ID })
		if edited || told || c.User == nil {
			continue
		}
		missed.Comments = append(missed.Comments, store.CommentSeen{Repository: n.repository.ID, ID: c.ID,
			Pull: int64(f.Pull.Number), Person: int64(c.User.ID), App: c.App, Created: c.Created, Body: c.Body})
	}
	if len(missed.Comments) > 0 {
		if err := n.Store.Remember(ctx, missed); err != nil {
			return nil, err
		}
	}
	n.memory.listened.put(key, n.began, 0)
	return comments, nil
}

// neutral computes which merges add nothing of their own (A8): GitHub's own,
// signed, of two parents of which the second is already in the base, and with
// the tree that merging gives.
func (n *run) neutral(ctx context.Context, f people.Facts) (map[string]bool, error) {
	inRange := map[string]bool{}
	for _, link := range f.Range {
		inRange[link.SHA] = true
	}
	neutral := map[string]bool{}
	for _, c := range f.Listed {
		i := slices.IndexFunc(f.Range, func(l people.Link) bool { return l.SHA == c.SHA })
		if i < 0 || !c.Verified || !c.WebFlow || len(f.Range[i].Parents) != 2 || inRange[f.Range[i].Parents[1]] {
			continue
		}
		equal, err := n.equalsMerge(ctx, c.SHA)
		if err != nil {
			return nil, err
		}
		neutral[c.SHA] = equal
	}
	return neutral, nil
}

func (n *run) equalsMerge(ctx context.Context, sha string) (bool, error) {
	key := configKey{n.repository.ID, sha}
	if equal, ok := n.memory.neutral.get(key); ok {
		return equal, nil
	}
	m, err := n.mirror(ctx)
	if err != nil {
		return false, err
	}
	equal, err := m.Neutral(ctx, sha)
	if err != nil {
		return false, fmt.Errorf("merge the parents of %.12s: %w", sha, err)
	}
	n.memory.neutral.put(key, equal, 0)
	return equal, nil
}
