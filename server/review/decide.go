package review

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/people"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// decided is a pull request with all that was read, and the verdict.
type decided struct {
	judged
	pullNow github.Pull
	facts   people.Facts
	teams   []github.Team    // of the config, as far as they are there
	talk    []github.Comment // all, where they were listed
	people  policy.PullRequest
	verdict policy.Verdict
	notices []string // of the self-audit
	family  family
	outside bool // the author has no write, so the others of the family decide
	force   bool // somebody wrote under our name since we did
	oldest  time.Time
}

// decide reads the people's side, binds what is unbound, and decides.
func (n *run) decide(ctx context.Context, pull github.Pull, j judged, oldest time.Time) (decided, error) {
	c := decided{judged: j, pullNow: pull, oldest: oldest}
	var err error
	if c.facts, c.talk, err = n.gather(ctx, pull, j); err != nil {
		return c, err
	}
	if c.teams, err = n.introduce(ctx, &c.facts, oldest); err != nil {
		return c, err
	}
	if err := n.bind(ctx, &c.facts, j); err != nil {
		return c, err
	}
	c.notices = n.standing(ctx, &c.facts)
	if c.force, err = n.spoofed(ctx, &c.facts); err != nil {
		return c, err
	}
	if hands := people.Hands(c.facts); len(hands) > 0 {
		if err := n.Store.Remember(ctx, store.Facts{Hands: hands}); err != nil {
			return c, err
		}
	}
	c.people = people.PullRequest(c.facts)
	c.verdict = policy.Decide(j.assessment, c.people)
	return c, nil
}

// standing adds what the self-audit says of the base. That it could not be made
// is no reason to hold a verdict back.
func (n *run) standing(ctx context.Context, f *people.Facts) []string {
	if n.Standing == nil {
		return nil
	}
	notices, audit, err := n.Standing(ctx, n.client, n.repository, f.Pull.Base)
	if err != nil {
		n.Log.Warn("the branch could not be audited", "subject", n.subject(), "error", err)
	}
	f.Audit = append(f.Audit, audit...)
	return notices
}

// SpoofedKind is the audit log's word for a check run or status under our name
// that is not ours.
const SpoofedKind = "spoofed"

// Spoofed is what the audit log keeps of it.
type Spoofed struct {
	Head string `json:"head"`
	By   string `json:"by"`
	Name string `json:"name"`
}

// spoofed adds that somebody wrote under our name on this head, and reports
// whether that was after we last wrote there.
func (n *run) spoofed(ctx context.Context, f *people.Facts) (force bool, err error) {
	entries, err := n.Store.Entries(ctx, store.LogQuery{Repository: n.repository.ID, Pull: int64(f.Pull.Number),
		Kind: SpoofedKind})
	if err != nil {
		return false, err
	}
	said := false
	for _, e := range entries {
		var what Spoofed
		if err := json.Unmarshal(e.Body, &what); err != nil {
			return false, fmt.Errorf("read audit entry %d: %w", e.ID, err)
		}
		if what.Head != f.Pull.Head {
			continue
		}
		if !said {
			f.Audit = append(f.Audit, "status_spoofed")
		}
		said = true
		force = len(f.Published) == 0 || !f.Published[0].At.After(e.At)
	}
	return force, nil
}

// record keeps the decision in the audit log, before anything is written to
// GitHub; the same decision again is not kept again.
func (n *run) record(ctx context.Context, d Decision) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	key := targetKey{n.lease.Repository, n.lease.Pull, n.lease.Group}
	last, known := n.memory.decided.get(key)
	if !known && n.lease.Group == "" {
		if last, err = n.lastDecision(ctx); err != nil {
			return err
		}
	}
	if last != string(text) {
		if err := n.log(ctx, "verdict", json.RawMessage(text)); err != nil {
			return err
		}
	}
	n.memory.decided.put(key, string(text), len(text))
	n.kept = true
	return nil
}

func (n *run) lastDecision(ctx context.Context) (string, error) {
	entries, err := n.Store.Entries(ctx, store.LogQuery{Repository: n.lease.Repository, Pull: n.lease.Pull,
		Kind: "verdict", Newest: true, Most: 1})
	if err != nil || len(entries) == 0 {
		return "", err
	}
	return string(entries[0].Body), nil
}

// decision is what the audit log keeps of a run.
func (c decided) decision() Decision {
	return Decision{Pull: c.pullNow.Number, Base: c.base, BaseSHA: c.baseSHA, Head: c.head,
		Tree: c.assessment.MergedTree, Digest: c.assessment.Digest, Assessment: c.key, Verdict: c.verdict,
		Conclusion: publish.Conclusion(c.verdict, false)}
}
