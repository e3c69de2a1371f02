package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// place is where a check is to be written, by what the outbox knows.
type place struct {
	key    string   // of the action that makes the check run
	run    int64    // 0: none is known
	unsure bool     // it was begun, and nobody knows whether it was made
	other  bool     // it was begun with other remarks than are wanted now
	sent   []string // marks of the remarks that it has
}

// mostLinks bounds a chain of actions for one check run: of attempts to make
// it, and of runs that were deleted.
const mostLinks = 64

var errLinks = errors.New("publish: the check run was made again too often")

// put makes GitHub show a check, in the run that is known or in the only one
// that is made, whatever answers were lost, and returns the run.
func (p *Publisher) put(ctx context.Context, n notice, known int64) (int64, error) {
	at, err := p.place(ctx, n, checkKey(n.Subject), known)
	gone := int64(0)
	for range mostLinks {
		if err != nil {
			return 0, err
		}
		if at.run == 0 && at.unsure {
			if at, err = p.lookUp(ctx, n, at, gone); err != nil {
				return 0, err
			}
		}
		if at.run == 0 && at.other {
			// It was not made. What is made now carries other remarks, and an
			// action keeps its first intent: another has to be begun.
			if err = p.finish(ctx, at.key, outcome{}); err == nil {
				at, err = p.place(ctx, n, again(at.key), 0)
			}
			continue
		}
		if at.run == 0 && n.greenOnly {
			return 0, p.finish(ctx, at.key, outcome{}) // there is none to take back
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
	return 0, errLinks
}

func again(key string) string { return key + "/again" }

func after(key string, gone int64) string { return fmt.Sprintf("%s/after/%d", key, gone) }

func missing(err error) bool { return github.KindOf(err) == github.NotFound }

// place finds the action that made the known run, or the newest without one.
func (p *Publisher) place(ctx context.Context, n notice, key string, known int64) (place, error) {
	for range mostLinks {
		a, err := p.begin(ctx, n, key, n.check.Annotations)
		if err != nil {
			return place{}, err
		}
		at := place{key: key, run: known, sent: a.sent()}
		switch run := a.run(); {
		case a.State == store.Finished && run == 0:
			key = again(key)
		case a.State == store.Finished && known != 0 && run != known:
			key = after(key, run)
		case a.State == store.Finished:
			at.run = run
			return at, nil
		case known != 0:
			// It was published, and what the outbox knew of it is gone with its time.
			return at, p.finish(ctx, key, outcome{Run: known, Arrived: len(at.sent)})
		default:
			at.unsure = a.State == store.Unsure
			at.other = at.unsure && !slices.Equal(at.sent, marks(n.check.Annotations))
			return at, nil
		}
	}
	return place{}, errLinks
}

// action is a write of ours: its intent are the marks of the remarks that it
// carries, in their order.
type action struct{ store.Action }

// outcome is what came of a write.
type outcome struct {
	Run     int64 `json:"run"`
	Arrived int   `json:"arrived"` // how many of its remarks, the first ones
}

func (p *Publisher) begin(ctx context.Context, n notice, key string, remarks []github.Annotation) (action, error) {
	intent, err := json.Marshal(marks(remarks))
	if err != nil {
		return action{}, err
	}
	a, err := p.Store.BeginUnder(ctx, n.Lease, key, intent)
	return action{a}, err
}

func (p *Publisher) finish(ctx context.Context, key string, o outcome) error {
	result, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return p.Store.Finish(ctx, key, result)
}

func (a action) outcome() (o outcome) {
	if json.Unmarshal(a.Result, &o) != nil {
		return outcome{} // of another program: what it made is looked up
	}
	return o
}

func (a action) run() int64 { return a.outcome().Run }

// sent are the marks that may have arrived; once the action is finished, those
// that did.
func (a action) sent() []string {
	var sent []string
	if json.Unmarshal(a.Intent, &sent) != nil {
		return nil
	}
	if a.State == store.Finished {
		sent = sent[:min(len(sent), a.outcome().Arrived)]
	}
	return sent
}

// lookUp asks GitHub whether a check run was made, as it must be before it is
// made again. gone is a run that is there no more.
func (p *Publisher) lookUp(ctx context.Context, n notice, at place, gone int64) (place, error) {
	found, err := p.find(ctx, n, func(c github.Check) bool {
		return c.ExternalID == n.check.ExternalID && c.ID > gone
	})
	if err != nil || found.ID == 0 {
		return at, err
	}
	at.run, at.sent = found.ID, at.sent[:min(len(at.sent), found.Annotated)]
	return at, p.finish(ctx, at.key, outcome{Run: found.ID, Arrived: len(at.sent)})
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
	return run, p.finish(ctx, key, outcome{Run: run, Arrived: len(n.check.Annotations)})
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
	return p.finish(ctx, key, outcome{Run: at.run, Arrived: len(remarks)})
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
		a, err := p.begin(ctx, n, key, rest)
		if err != nil || a.State == store.Begun {
			return rest, key, err
		}
		arrived := a.sent()
		if a.State == store.Unsure {
			found, err := p.find(ctx, n, func(c github.Check) bool { return c.ID == at.run })
			if err != nil {
				return nil, "", err
			}
			arrived = arrived[:min(len(arrived), max(0, found.Annotated-len(sent)))]
			if len(arrived) == 0 && slices.Equal(a.sent(), marks(rest)) {
				return rest, key, nil
			}
			if err := p.finish(ctx, key, outcome{Run: at.run, Arrived: len(arrived)}); err != nil {
				return nil, "", err
			}
		}
		sent = append(sent, arrived...)
	}
}
