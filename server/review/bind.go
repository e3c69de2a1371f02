package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/people"
	"github.com/countersign-dev/countersign/server/store"
)

// maxJudged is how many reviewed commits a run assesses besides the head.
const maxJudged = 3

// bind finds for each approval without a binding the privileged change that its
// reviewer saw: of the commit that the review named, on the base's tip of our
// last check before it (D19).
func (n *run) bind(ctx context.Context, f *people.Facts, j judged) error {
	dear := 0
	for _, s := range people.Unbound(*f) {
		if s.Review.User == nil || s.Commit == "" || !n.mayApprove(*f, *s.Review.User) {
			continue
		}
		seen, ok, err := n.shown(ctx, s, j)
		if err == nil && !ok {
			if dear++; dear > maxJudged {
				n.wakeAt(n.began)
				return nil
			}
			seen, ok, err = n.reviewed(ctx, f.Pull.Number, s, j)
		}
		if err != nil {
			return fmt.Errorf("find what review %d approved: %w", s.Review.ID, err)
		}
		if !ok {
			continue
		}
		bound, err := n.keep(ctx, f.Pull.Number, s, seen)
		if err != nil {
			return err
		}
		f.Bindings = append(f.Bindings, bound)
	}
	return nil
}

// mayApprove reports whether somebody's approval is worth a render (D36).
func (n *run) mayApprove(f people.Facts, who policy.User) bool {
	person, known := f.People[who.ID]
	minimum := f.Config.Approvals.MinPermission
	if minimum == "" { // there is no config to go by
		minimum = config.Strict().Approvals.MinPermission
	}
	return known && atLeast(person, minimum)
}

// sight is the privileged change that a reviewer saw.
type sight struct {
	digest  string
	entries []policy.Entry
}

// shown is what a check that we published said of the reviewed commit; where none
// did, what was just judged, when it is that. What newer settings or rules make
// of the same commits is not what the reviewer saw.
func (n *run) shown(ctx context.Context, s people.Subject, j judged) (sight, bool, error) {
	p := s.Published
	if p.ID == 0 || p.BaseRef != s.BaseRef {
		return sight{}, false, nil
	}
	told := p.HeadSHA == s.Commit && p.Assessment != ""
	here := j.until.IsZero() && j.head == s.Commit && j.base == s.BaseRef && j.baseSHA == p.BaseSHA
	if here && (!told || p.Assessment == j.key) {
		return sight{j.assessment.Digest, j.assessment.Entries}, true, nil
	}
	if !told {
		return sight{}, false, nil
	}
	seen := sight{digest: p.Digest}
	body, ok, err := n.Store.Assessment(ctx, p.Assessment)
	if err != nil || !ok {
		return seen, err == nil, err
	}
	a, err := decode(body)
	if err == nil && a.Digest == p.Digest {
		seen.entries = a.Entries
	}
	return seen, true, nil
}

// reviewed assesses the commit that a review named. One that is gone, or whose
// failure is no content, stays unbound.
func (n *run) reviewed(ctx context.Context, pull int, s people.Subject, j judged) (sight, bool, error) {
	tip, err := n.tipAt(ctx, s, j)
	if err != nil || tip == "" {
		return sight{}, false, err
	}
	past, err := n.judge(ctx, question{pull: pull, base: s.BaseRef, baseSHA: tip, head: s.Commit, main: j.main})
	if gone, ok := errors.AsType[*mirror.Error](err); ok && gone.Kind == mirror.NotThere {
		n.Log.Warn("a reviewed commit is gone: its review stays without effect", "subject", n.subject(),
			"review", s.Review.ID, "commit", s.Commit)
		return sight{}, false, nil
	}
	if err != nil || !past.until.IsZero() {
		return sight{}, false, err
	}
	return sight{past.assessment.Digest, past.assessment.Entries}, true, nil
}

// tipAt is the base's tip that a review was about: of our last check before it,
// else the newest that we knew then, else the first that we knew at all.
func (n *run) tipAt(ctx context.Context, s people.Subject, j judged) (string, error) {
	if s.Published.ID != 0 && s.Published.BaseRef == s.BaseRef {
		return s.Published.BaseSHA, nil
	}
	tips, err := n.Store.Tips(ctx, n.repository.ID, "refs/heads/"+s.BaseRef, maxPushes)
	if err != nil {
		return "", err
	}
	tip := ""
	for _, t := range tips { // the newest first
		tip = t.SHA
		if !t.At.After(s.Review.Submitted) {
			break
		}
	}
	if tip == "" && s.BaseRef == j.base {
		tip = j.baseSHA
	}
	return tip, nil
}

func (n *run) keep(ctx context.Context, pull int, s people.Subject, seen sight) (store.Binding, error) {
	entries, err := json.Marshal(seen.entries)
	if err != nil {
		return store.Binding{}, fmt.Errorf("write the entries of review %d: %w", s.Review.ID, err)
	}
	return n.Store.Bind(ctx, store.Binding{Repository: n.repository.ID, Review: s.Review.ID, Pull: int64(pull),
		Person: int64(s.Review.User.ID), BaseRef: s.BaseRef, Commit: s.Commit, Digest: seen.digest, Entries: entries})
}
