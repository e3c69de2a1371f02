package publish

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// notice is a check to show, and what is kept of it.
type notice struct {
	Subject
	check github.Check
	shown store.Publication // what was judged and concluded
	// keep says that nothing was judged anew: what the last publication says of
	// trees and digests stands.
	keep bool
	// greenOnly says that only a green check is to be changed.
	greenOnly bool
	force     bool
	confirm   func(ctx context.Context) error
}

// show makes the check equal a notice and returns what is published.
func (p *Publisher) show(ctx context.Context, n notice) (store.Publication, error) {
	release, err := p.locks.take(ctx, fmt.Sprintf("%d/%s", n.Repository.ID, n.HeadSHA))
	if err != nil {
		return store.Publication{}, err
	}
	defer release()
	last, err := p.last(ctx, n.Subject)
	if err != nil {
		return store.Publication{}, err
	}
	sure, err := p.sure(ctx, n.Subject, last)
	if err != nil {
		return store.Publication{}, err
	}
	if n.greenOnly && sure && last.Conclusion != Success {
		return last, nil
	}
	n = n.complete(last)
	same := sure && last.Content == n.shown.Content && !n.force
	if same && equal(last, n.shown) {
		return last, nil
	}
	if err := p.allowed(ctx, n); err != nil {
		return store.Publication{}, err
	}
	if same {
		return p.Store.Publish(ctx, n.shown) // GitHub shows it already; what it rests on is new
	}
	return p.write(ctx, n, last)
}

// complete fills in what follows from the subject, the check and the last
// publication.
func (n notice) complete(last store.Publication) notice {
	n.check.Name, n.check.Head, n.check.ExternalID = Name(n.BaseRef), n.HeadSHA, ExternalID(n.Subject)
	n.check.Actions = []github.Action{{Label: "Re-evaluate", Description: "Look at it again now",
		Identifier: "reevaluate"}}
	s := &n.shown
	s.Repository, s.Pull, s.BaseRef, s.BaseSHA, s.HeadSHA =
		n.Repository.ID, int64(n.Pull), n.BaseRef, n.BaseSHA, n.HeadSHA
	if n.keep && last.ID != 0 {
		s.BaseSHA, s.TreeSHA, s.Digest, s.Assessment = last.BaseSHA, last.TreeSHA, last.Digest, last.Assessment
	}
	s.ExternalID, s.CheckRun = n.check.ExternalID, last.CheckRun
	content := n.check
	content.Actions = nil
	s.Content = digest(content)
	return n
}

// equal reports whether two publications say and rest on the same.
func equal(a, b store.Publication) bool {
	a.ID, a.At, b.ID, b.At = 0, time.Time{}, 0, time.Time{}
	return a == b
}

// last is the newest publication of a subject; zero where there is none.
func (p *Publisher) last(ctx context.Context, s Subject) (store.Publication, error) {
	list, err := p.Store.Publications(ctx, store.PublicationQuery{Repository: s.Repository.ID, Pull: int64(s.Pull),
		BaseRef: s.BaseRef, HeadSHA: s.HeadSHA})
	if err != nil {
		return store.Publication{}, err
	}
	about := ExternalID(s)
	for _, published := range list {
		if published.ExternalID == about {
			return published, nil
		}
	}
	return store.Publication{}, nil
}

// sure reports whether GitHub shows what was last published: no write was
// begun after it whose end was not recorded. Without that a lost answer could
// leave a check green that nobody remembers.
func (p *Publisher) sure(ctx context.Context, s Subject, last store.Publication) (bool, error) {
	_, begun, err := p.Store.Action(ctx, writeKey(s, last))
	if err == nil && !begun && last.ID == 0 {
		_, begun, err = p.Store.Action(ctx, checkKey(s)) // what was published is forgotten sooner
	}
	return !begun, err
}

// Unsure are the checks of a pull request of which nobody knows what they show:
// a write was begun, and its end is not on record. Only BaseRef and HeadSHA are
// given.
func (p *Publisher) Unsure(ctx context.Context, repository, pull int64) ([]Subject, error) {
	prefix := fmt.Sprintf("write/%d/%d/", repository, pull)
	actions, err := p.Store.UnfinishedUnder(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var unsure []Subject
	for _, a := range actions {
		about := path.Dir(strings.TrimPrefix(a.Key, prefix)) // without the publication
		s := Subject{BaseRef: path.Dir(about), HeadSHA: path.Base(about)}
		if !slices.Contains(unsure, s) {
			unsure = append(unsure, s)
		}
	}
	return unsure, nil
}

func checkKey(s Subject) string { return "check/" + ExternalID(s) }

// writeKey names the writes that follow a publication, until the next.
func writeKey(s Subject, last store.Publication) string {
	return fmt.Sprintf("write/%s/%d", ExternalID(s), last.ID)
}

var errUnconfirmed = errors.New("publish: a success without a look at head and base is refused")

// allowed says whether a notice may be published now: a success only where head
// and base are still what was judged, anything only under the lease.
func (p *Publisher) allowed(ctx context.Context, n notice) error {
	if n.shown.Conclusion == Success {
		if n.confirm == nil {
			return errUnconfirmed
		}
		if err := n.confirm(ctx); err != nil {
			return err
		}
	}
	return p.Store.Holds(ctx, n.Lease)
}

// write writes the check and records it. What is about to be written is
// recorded first: see sure.
func (p *Publisher) write(ctx context.Context, n notice, last store.Publication) (store.Publication, error) {
	key := writeKey(n.Subject, last)
	if _, err := p.Store.BeginUnder(ctx, n.Lease, key, []byte(n.shown.Conclusion)); err != nil {
		return store.Publication{}, err
	}
	run, err := p.put(ctx, n, last.CheckRun)
	if err != nil {
		return store.Publication{}, err
	}
	// What was written is recorded even when the caller gave up meanwhile.
	ctx, cancel := afterwards(ctx)
	defer cancel()
	n.shown.CheckRun = run
	published, err := p.Store.Publish(ctx, n.shown)
	if err == nil {
		err = p.Store.Finish(ctx, key, nil)
	}
	return published, err
}

// afterwards is a context for recording what is done, which must not end with
// the work itself.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}
