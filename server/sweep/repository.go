package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

const (
	// due is how often a repository is looked at in full, whatever woke us.
	due = 10 * time.Minute
	// old is the age of a look at a pull request after which it is woken
	// whether or not something changed: what nobody told us of comes to light.
	old = 6 * time.Hour
	// checked bounds how many heads one look asks for checks under our name.
	checked = 100
	// ended bounds how many closed pull requests one look wakes.
	ended = 50
)

// look is one look at a repository.
type look struct {
	*Sweeper
	lease      store.Lease
	client     *github.Client
	repository github.Repository
	now        time.Time
	seen       looked
	restood    bool // the self-audit says something else than before

	mirror *mirror.Mirror
	config config.Config
	broken bool              // the config cannot be read
	tips   map[string]string // of the governed bases of open pull requests, read now
	wakes  []store.Wake
}

// run looks, and wakes what is to be judged again.
func (l *look) run(ctx context.Context) error {
	l.seen = l.memory.of(l.repository.ID)
	l.restood = l.restands(ctx)
	if l.nothingNew(ctx) {
		return nil
	}
	if err := l.settings(ctx); err != nil {
		return err
	}
	pulls, err := l.client.OpenPulls(ctx, l.repository, "")
	if err != nil {
		return err
	}
	if err := l.wakeOpen(ctx, pulls); err != nil {
		return err
	}
	if err := l.wakeClosed(ctx, pulls); err != nil {
		return err
	}
	l.setBack(ctx, pulls)
	// What is woken is woken before anything else can fail.
	if err := l.wake(ctx, l.wakes); err != nil {
		return err
	}
	err = errors.Join(l.auditPushes(ctx), l.foreign(ctx, pulls))
	l.seen.full, l.seen.main, l.seen.tips = l.now, l.repository.DefaultBranch, l.tips
	l.memory.put(l.repository.ID, l.seen)
	return err
}

// nothingNew reports whether a push woke us that moved no governed base: most
// do not, and their pull requests have events of their own.
func (l *look) nothingNew(ctx context.Context) bool {
	if l.lease.Priority != store.Push || l.now.Sub(l.seen.full) >= due || l.seen.main != l.repository.DefaultBranch {
		return false
	}
	for base, tip := range l.seen.tips {
		pushes, err := l.Store.Pushes(ctx, l.repository.ID, "refs/heads/"+base, 1)
		if err != nil || len(pushes) > 0 && pushes[0].After != tip {
			return false
		}
	}
	return !l.restood
}

// restands reports whether the self-audit of a governed base says something else
// than it did: who may merge how has changed.
func (l *look) restands(ctx context.Context) bool {
	changed := false
	for base := range l.seen.tips {
		before := l.memory.stands(branch{l.repository.ID, base})
		after, err := l.audit(ctx, l.client, l.repository, base)
		changed = changed || err == nil && before != nil && !before.equal(after)
	}
	return changed
}

// settings reads the default branch's tip and config.
func (l *look) settings(ctx context.Context) error {
	tip, err := l.client.Tip(ctx, l.repository, "heads/"+l.repository.DefaultBranch)
	if github.KindOf(err) == github.NotFound {
		l.tips = map[string]string{}
		l.config = config.Strict()
		return nil // an empty repository
	}
	if err != nil {
		return err
	}
	l.tips = map[string]string{l.repository.DefaultBranch: tip}
	l.mirror, err = l.Mirrors.Mirror(ctx, l.repository.ID,
		mirror.Remote{URL: l.repository.CloneURL, Token: l.client.Token})
	if err != nil {
		return err
	}
	l.config, err = l.Reviewer.Settings(ctx, l.mirror, l.repository, tip, tip)
	if _, unreadable := errors.AsType[*review.UnreadableError](err); unreadable {
		l.config, l.broken = config.Strict(), true
		return nil
	}
	return err
}

// tip is the tip of a base, read once a look; "" when it is gone.
func (l *look) tip(ctx context.Context, base string) (string, error) {
	if tip, ok := l.tips[base]; ok {
		return tip, nil
	}
	tip, err := l.client.Tip(ctx, l.repository, "heads/"+base)
	if github.KindOf(err) == github.NotFound {
		return "", nil
	}
	if err == nil {
		l.tips[base] = tip
	}
	return tip, err
}

// wakeOpen wakes the open pull requests that may stand otherwise than we said.
func (l *look) wakeOpen(ctx context.Context, pulls []github.Pull) error {
	// An event that names the repository, and no push, concerns all of them.
	named := l.lease.Priority < store.Sweep && l.lease.Priority != store.Push
	all := named || l.restood || l.seen.main != "" && l.seen.main != l.repository.DefaultBranch
	open := map[int]pullSeen{}
	for _, p := range pulls {
		published, err := l.newest(ctx, int64(p.Number))
		if err != nil {
			return err
		}
		if !review.Governed(l.config, l.repository, p.Base) && published.ID == 0 {
			continue
		}
		tip, err := l.tip(ctx, p.Base)
		if err != nil {
			return err
		}
		seen := l.seen.pulls[p.Number]
		state := stateOf(p, tip)
		if all || l.outdated(p, tip, seen, published) {
			seen.woken = l.now
			l.wakes = append(l.wakes, store.Wake{Installation: l.lease.Installation, Priority: l.priority(),
				Target: store.Target{Repository: l.repository.ID, Pull: int64(p.Number)}})
		}
		seen.state = state
		open[p.Number] = seen
	}
	l.seen.pulls = open
	return nil
}

// priority is that of what we wake: our own timer's is a sweep's.
func (l *look) priority() store.Priority { return min(l.lease.Priority, store.Sweep) }

// outdated reports whether what we published may not be what we would say now.
func (l *look) outdated(p github.Pull, tip string, seen pullSeen, published store.Publication) bool {
	if seen.state != "" && seen.state != stateOf(p, tip) {
		return true
	}
	if l.now.Sub(later(seen.woken, published.At)) >= old {
		return true
	}
	if seen.state != "" {
		return false // it was as it is now when it was woken last
	}
	return published.HeadSHA != p.Head || published.BaseRef != p.Base || published.BaseSHA != tip ||
		published.Conclusion == publish.InProgress || p.Updated.After(published.At)
}

// newest is the newest check of a pull request; zero when there is none.
func (l *look) newest(ctx context.Context, pull int64) (store.Publication, error) {
	list, err := l.Store.Publications(ctx, store.PublicationQuery{Repository: l.repository.ID, Pull: pull, Most: 1})
	if err != nil || len(list) == 0 {
		return store.Publication{}, err
	}
	return list[0], nil
}

// wakeClosed wakes, once each, pull requests that are open no more and whose
// check is green: one that was closed unmerged takes it with it.
func (l *look) wakeClosed(ctx context.Context, pulls []github.Pull) error {
	green, err := l.Store.Publications(ctx, store.PublicationQuery{Repository: l.repository.ID,
		Conclusion: publish.Success})
	if err != nil {
		return err
	}
	known := map[int64]bool{0: true} // groups
	for _, p := range pulls {
		known[int64(p.Number)] = true
	}
	woken := 0
	for _, p := range green {
		if known[p.Pull] || woken == ended {
			continue
		}
		known[p.Pull] = true
		key := fmt.Sprintf("sweep/closed/%d/%d/%d", p.Repository, p.Pull, p.ID)
		action, err := l.Store.Begin(ctx, key, nil)
		if err != nil {
			return err
		}
		if action.State == store.Finished {
			continue
		}
		// The wake is kept before the mark: woken twice is better than not at all.
		err = l.wake(ctx, []store.Wake{{Installation: l.lease.Installation, Priority: l.priority(),
			Target: store.Target{Repository: l.repository.ID, Pull: p.Pull}}})
		if err = errors.Join(err, l.Store.Finish(ctx, key, nil)); err != nil {
			return err
		}
		woken++
	}
	return nil
}

// bases are the governed bases that are known by name, sorted.
func (l *look) bases() []string {
	var out []string
	for base := range l.tips {
		if review.Governed(l.config, l.repository, base) {
			out = append(out, base)
		}
	}
	slices.Sort(out)
	return out
}
