package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// place is where a check is to be written, by what the outbox knows.
type place struct {
	key    string   // of the action that makes the check run
	run    int64    // 0: none is known
	unsure bool     // it was begun, and nobody knows whether it was made
	sent   []string // marks of the remarks that it has
}

// mostReplaced is how often a check run that somebody deleted is made again.
const mostReplaced = 8

var errReplaced = errors.New("publish: the check run vanished again and again")

// put makes GitHub show a check, in the run that is known or in the only one
// that is made, whatever answers were lost, and returns the run.
func (p *Publisher) put(ctx context.Context, n notice, known int64) (int64, error) {
	at, err := p.place(ctx, n, checkKey(n.Subject), known)
	gone := int64(0)
	for range mostReplaced {
		if err != nil {
			return 0, err
		}
		if at.run == 0 && at.unsure {
			if at, err = p.lookUp(ctx, n, at, gone); err != nil {
				return 0, err
			}
		}
		if at.run == 0 {
			return p.create(ctx, n, at.key)
		}
		err = p.update(ctx, n, at)
		if !missing(err) {
			return at.run, err
		}
		gone = at.run
		at, err = p.place(ctx, n, after(at.key, gone), 0)
		at.unsure = true // somebody else may have put another in its place
	}
	return 0, errReplaced
}

func after(key string, gone int64) string { return fmt.Sprintf("%s/after/%d", key, gone) }

func missing(err error) bool {
	e, is := errors.AsType[*github.Error](err)
	return is && e.Kind == github.NotFound
}

// place finds the action that made the known run, or the newest without one.
func (p *Publisher) place(ctx context.Context, n notice, key string, known int64) (place, error) {
	for range mostReplaced {
		a, err := p.Store.BeginUnder(ctx, n.Lease, key, intent(marks(n.check.Annotations)))
		if err != nil {
			return place{}, err
		}
		at := place{key: key, run: known, sent: sentBy(a)}
		switch {
		case a.State == store.Finished:
			run, err := strconv.ParseInt(string(a.Result), 10, 64)
			if err != nil {
				return place{}, fmt.Errorf("publish: the outbox holds no check run under %s: %w", key, err)
			}
			if at.run = run; known == 0 || run == known {
				return at, nil
			}
			key = after(key, run)
		case known != 0:
			// It was published, and what the outbox knew of it is gone with its time.
			return at, p.Store.Finish(ctx, key, fmt.Append(nil, known))
		default:
			at.unsure = a.State == store.Unsure
			return at, nil
		}
	}
	return place{}, errReplaced
}

// intent is what is kept of a write before it is made: the remarks it carries.
func intent(sent []string) []byte {
	text, err := json.Marshal(sent)
	if err != nil {
		panic("publish: strings are always JSON: " + err.Error())
	}
	return text
}

// sentBy reads an intent; one that cannot be read carried none.
func sentBy(a store.Action) []string {
	var sent []string
	if json.Unmarshal(a.Intent, &sent) != nil {
		return nil
	}
	return sent
}

// lookUp asks GitHub whether a check run was made, as it must be before it is
// made again. gone is a run that is there no more.
func (p *Publisher) lookUp(ctx context.Context, n notice, at place, gone int64) (place, error) {
	found, err := p.find(ctx, n, func(c github.Check) bool {
		return c.ExternalID == n.check.ExternalID && c.ID != gone
	})
	if err != nil || found.ID == 0 {
		return at, err
	}
	at.run, at.sent = found.ID, at.sent[:min(len(at.sent), found.Annotated)]
	return at, p.Store.Finish(ctx, at.key, fmt.Append(nil, found.ID))
}

func (p *Publisher) find(ctx context.Context, n notice, is func(github.Check) bool) (github.Check, error) {
	list, err := n.Client.Checks(ctx, n.Repository, n.HeadSHA, n.check.Name, p.App)
	if err != nil {
		return github.Check{}, err
	}
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], nil
	}
	return github.Check{}, nil
}

func (p *Publisher) create(ctx context.Context, n notice, key string) (int64, error) {
	if err := p.Store.Holds(ctx, n.Lease); err != nil {
		return 0, err
	}
	run, err := n.Client.CreateCheck(ctx, n.Repository, n.check)
	if err != nil {
		return 0, err
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return run, p.Store.Finish(ctx, key, fmt.Append(nil, run))
}

// update changes the run of a place. GitHub adds remarks to those that are
// there, so only new ones are sent.
func (p *Publisher) update(ctx context.Context, n notice, at place) error {
	check := n.check
	check.ID = at.run
	remarks, key, err := p.unsent(ctx, n, at)
	if err != nil {
		return err
	}
	check.Annotations = remarks
	if err := p.Store.Holds(ctx, n.Lease); err != nil {
		return err
	}
	if err := n.Client.UpdateCheck(ctx, n.Repository, check); err != nil || key == "" {
		return err
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return p.Store.Finish(ctx, key, nil)
}

// unsent are the remarks that a run does not have yet, and the action under
// which they are sent; "" where there are none. Each batch is an action of its
// own: of one whose answer was lost, GitHub's count tells how much arrived.
func (p *Publisher) unsent(ctx context.Context, n notice, at place) ([]github.Annotation, string, error) {
	sent := slices.Clone(at.sent)
	for batch := 1; ; batch++ {
		var rest []github.Annotation
		for i, mark := range marks(n.check.Annotations) {
			if !slices.Contains(sent, mark) {
				rest = append(rest, n.check.Annotations[i])
			}
		}
		if len(rest) == 0 {
			return nil, "", nil
		}
		key := fmt.Sprintf("%s/remarks/%d/%d", at.key, at.run, batch)
		a, err := p.Store.BeginUnder(ctx, n.Lease, key, intent(marks(rest)))
		if err != nil || a.State == store.Begun {
			return rest, key, err
		}
		arrived := sentBy(a)
		if a.State == store.Unsure {
			found, err := p.find(ctx, n, func(c github.Check) bool { return c.ID == at.run })
			if err != nil {
				return nil, "", err
			}
			arrived = arrived[:min(len(arrived), max(0, found.Annotated-len(sent)))]
			if len(arrived) < len(sentBy(a)) {
				return slices.DeleteFunc(rest, func(r github.Annotation) bool {
					return slices.Contains(arrived, marks([]github.Annotation{r})[0])
				}), key, nil
			}
			if err := p.Store.Finish(ctx, key, nil); err != nil {
				return nil, "", err
			}
		}
		sent = append(sent, arrived...)
	}
}
