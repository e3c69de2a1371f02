package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/webhook"
)

// Sweeper is what all sweeps share. It is safe for concurrent use; fields must
// not be changed once it works.
type Sweeper struct {
	Store     *store.Store
	App       *github.App
	Mirrors   *mirror.Mirrors
	Reviewer  *review.Reviewer
	Publisher *publish.Publisher
	// Alert tells people. What it could not tell is told again with the next
	// Redeliver.
	Alert func(ctx context.Context, a Alert) error
	Clock func() time.Time
	Log   *slog.Logger

	memory memory
}

// Run works on a target without a pull request: a repository or an installation.
func (s *Sweeper) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	if lease.Repository == 0 {
		return s.installation(ctx, lease)
	}
	l := &look{Sweeper: s, lease: lease, client: s.App.Client(lease.Installation), now: s.Clock()}
	var err error
	l.repository, err = l.client.Repository(ctx, lease.Repository)
	if github.KindOf(err) == github.NotCovered || err == nil && l.repository.Archived {
		return store.Outcome{End: store.Done}, nil
	}
	if err == nil {
		err = l.run(ctx)
	}
	return s.outcome(fmt.Sprintf("look at repository %d", lease.Repository), err)
}

// outage is how long we wait while GitHub does not answer.
const outage = time.Minute

// outcome ends a run. GitHub's outages are nobody's fault and may last: work
// that everything else is found by must not be given up for them.
func (s *Sweeper) outcome(what string, err error) (store.Outcome, error) {
	if github.KindOf(err) == github.Unavailable {
		s.Log.Warn("GitHub does not answer", "work", what, "error", err)
		return store.Outcome{End: store.Postpone, After: outage, Reason: err.Error()}, nil
	}
	if err != nil {
		return store.Outcome{}, fmt.Errorf("%s: %w", what, err)
	}
	return store.Outcome{End: store.Done}, nil
}

// installation wakes the repositories of an installation.
func (s *Sweeper) installation(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	client := s.App.Client(lease.Installation)
	repositories, err := client.Repositories(ctx)
	switch github.KindOf(err) {
	case github.NotFound, github.Forbidden, github.NotCovered:
		s.Log.Info("an installation does not answer us", "installation", lease.Installation, "error", err)
		return store.Outcome{End: store.Done}, nil
	}
	var wakes []store.Wake
	for _, r := range repositories {
		if !r.Archived {
			wakes = append(wakes, store.Wake{Target: webhook.RepositoryTarget(r.ID), Installation: lease.Installation,
				Priority: passedOn(lease.Priority)})
		}
	}
	if err == nil {
		err = s.wake(ctx, wakes)
	}
	return s.outcome(fmt.Sprintf("look at installation %d", lease.Installation), err)
}

// passedOn is the priority of a repository that was woken with its
// installation: an event of the installation's concerns every pull request.
func passedOn(p store.Priority) store.Priority {
	if p < store.Sweep {
		return max(p, store.Command)
	}
	return store.Sweep
}

// wake wakes in portions: one transaction must not hold up deliveries.
func (s *Sweeper) wake(ctx context.Context, wakes []store.Wake) error {
	const portion = 200
	for len(wakes) > 0 {
		n := min(len(wakes), portion)
		if err := s.Store.Wake(ctx, wakes[:n]...); err != nil {
			return err
		}
		wakes = wakes[n:]
	}
	return nil
}

// Reconcile wakes every installation: their repositories' open pull requests
// are looked at, cheaply where nothing changed. Looks that were given up are
// tried again.
func (s *Sweeper) Reconcile(ctx context.Context) error {
	installations, err := s.App.Installations(ctx)
	if err != nil {
		return fmt.Errorf("reconcile: %w", err)
	}
	parked, err := s.Store.Parked(ctx)
	if err != nil {
		return fmt.Errorf("reconcile: %w", err)
	}
	var wakes []store.Wake
	for _, p := range parked {
		ours := p.Repository == 0 || p.Pull == 0 && p.Group == ""
		if ours && s.Clock().Sub(p.Since) >= time.Hour {
			wakes = append(wakes, store.Wake{Target: p.Target, Installation: p.Installation, Priority: store.Command})
		}
	}
	for _, i := range installations {
		if !i.Suspended {
			wakes = append(wakes, store.Wake{Target: webhook.InstallationTarget(i.ID), Installation: i.ID,
				Priority: store.Sweep})
		}
	}
	return s.wake(ctx, wakes)
}
