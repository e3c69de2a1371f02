package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/store"
)

// Reviewer is what all runs share. It is safe for concurrent use.
type Reviewer struct {
	Store     *store.Store
	App       *github.App
	Mirrors   *mirror.Mirrors
	Assessor  *policy.Assessor
	Publisher *publish.Publisher
	Replier   *reply.Replier
	Clock     func() time.Time
	Log       *slog.Logger
	// Standing is what the self-audit of a branch says: notices for the check's
	// text and words for approvals.audit. nil means that nobody audits.
	Standing func(
		ctx context.Context, c *github.Client, r github.Repository, branch string,
	) (notices, audit []string, err error)
	// Observe is told of each decision: for metrics.
	Observe func(v policy.Verdict, rendered bool, took time.Duration)

	memory memory
}

// Decision is what the audit log keeps of a run, under the kind "verdict".
type Decision struct {
	Pull       int            `json:"pull,omitempty"`
	Group      string         `json:"group,omitempty"`
	Base       string         `json:"base"`
	BaseSHA    string         `json:"base_sha"`
	Head       string         `json:"head"`
	Tree       string         `json:"tree"`
	Digest     string         `json:"digest"`
	Assessment string         `json:"assessment"` // its key
	Verdict    policy.Verdict `json:"verdict"`
	// Conclusion is what the check is to say, by this pull request alone.
	Conclusion string `json:"conclusion"`
}

// maxMoves is how often a run judges anew because head or base moved meanwhile.
const maxMoves = 3

// Run takes one target (a pull request or a merge group) through the steps. An
// error means that the same is to be tried again.
func (r *Reviewer) Run(ctx context.Context, lease store.Lease) (store.Outcome, error) {
	n := &run{Reviewer: r, lease: lease, client: r.App.Client(lease.Installation), began: r.Clock()}
	covered, err := n.cover(ctx)
	if err != nil || !covered {
		return store.Outcome{}, err
	}
	once := n.pull
	if lease.Group != "" {
		once = n.group
	}
	for range maxMoves {
		err = once(ctx)
		if !errors.Is(err, publish.ErrMoved) {
			break
		}
	}
	if err != nil {
		err = errors.Join(err, n.undecided(ctx, err))
		return store.Outcome{}, fmt.Errorf("review %s: %w", n.subject(), err)
	}
	return store.Outcome{End: store.Done, Again: n.again}, nil
}

// run is one target on its way through the steps.
type run struct {
	*Reviewer
	lease      store.Lease
	client     *github.Client
	repository github.Repository
	began      time.Time
	// again is when the target is to be looked at by itself; zero: never.
	again time.Time
	// rendered says that something was built for it.
	rendered bool
	// asked is what is known of what a decision would be about; kept says that
	// one is in the audit log; lacks is why facts about people are unknown.
	asked Decision
	kept  bool
	lacks error
}

// subject names the target for errors and logs.
func (n *run) subject() string {
	name := n.repository.Owner + "/" + n.repository.Name
	if n.lease.Group != "" {
		return name + " " + n.lease.Group
	}
	return fmt.Sprintf("%s#%d", name, n.lease.Pull)
}

// cover finds the repository. One that the installation does not cover is none
// of ours: a payload may name any.
func (n *run) cover(ctx context.Context) (bool, error) {
	repository, err := n.client.Repository(ctx, n.lease.Repository)
	if github.KindOf(err) == github.NotCovered {
		return false, n.log(ctx, "ignored", map[string]any{"why": "the installation does not cover the repository",
			"group": n.lease.Group})
	}
	n.repository = repository
	return true, err
}

// wake asks for another look at the latest.
func (n *run) wakeAt(at time.Time) {
	if n.again.IsZero() || at.Before(n.again) {
		n.again = at
	}
}

// log appends to the audit log.
func (n *run) log(ctx context.Context, kind string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write audit entry %s: %w", kind, err)
	}
	_, err = n.Store.Log(ctx, store.Entry{Repository: n.lease.Repository, Pull: n.lease.Pull, Kind: kind, Body: text})
	return err
}
