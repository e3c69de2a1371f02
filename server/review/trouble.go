package review

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// Trouble shows on the check why a target is stuck (in progress with the
// reason; failure once parked).
func (r *Reviewer) Trouble(ctx context.Context, lease store.Lease, err error, parked bool) error {
	n := &run{Reviewer: r, lease: lease, client: r.App.Client(lease.Installation), began: r.Clock()}
	covered, failed := n.cover(ctx)
	if failed != nil || !covered {
		return failed
	}
	subject, shown, failed := n.troubled(ctx)
	if failed != nil || !shown {
		return failed
	}
	return r.Publisher.Trouble(ctx, subject, reason(err), parked)
}

// troubled is what the check would be about now; false where there is none.
func (n *run) troubled(ctx context.Context) (publish.Subject, bool, error) {
	base, head := groupBase(n.lease.Group), ""
	var err error
	if n.lease.Group != "" {
		head, err = n.client.Tip(ctx, n.repository, strings.TrimPrefix(n.lease.Group, "refs/"))
	} else {
		var pull github.Pull
		if pull, err = n.client.Pull(ctx, n.repository, int(n.lease.Pull)); err == nil && !pull.Open {
			return publish.Subject{}, false, nil
		}
		base, head = pull.Base, pull.Head
	}
	if github.KindOf(err) == github.NotFound || err == nil && base == "" {
		return publish.Subject{}, false, nil
	}
	if err != nil {
		return publish.Subject{}, false, err
	}
	t, err := n.tips(ctx, base)
	if github.KindOf(err) == github.NotFound {
		return publish.Subject{}, false, nil
	}
	if err != nil {
		return publish.Subject{}, false, err
	}
	governed, err := n.surelyGoverned(ctx, base, t)
	return n.about(base, t.base, head), governed, err
}

// surelyGoverned is governs without git, which may be the trouble itself.
func (n *run) surelyGoverned(ctx context.Context, base string, t tips) (bool, error) {
	if base == n.repository.DefaultBranch {
		return true, nil
	}
	if main, known := n.memory.configs.get(configKey{n.repository.ID, t.main}); known && len(main.mistakes) == 0 {
		return Governed(main.config, n.repository, base), nil
	}
	return n.known(ctx, base)
}

// reason words an error for people. What we do not know by kind gets a
// reference: the log has it, and nothing of it is shown.
func reason(err error) string {
	if e, ok := errors.AsType[*github.Error](err); ok {
		return githubReason(e)
	}
	if e, ok := errors.AsType[*mirror.Error](err); ok {
		return map[mirror.Kind]string{
			mirror.NotThere:    "a commit of this pull request cannot be fetched (any more); push it again",
			mirror.Refused:     "the repository does not let us read it: the App needs contents: read",
			mirror.Unavailable: "the repository could not be fetched; it is tried again",
			mirror.TooLarge:    "the commits hold more than may be fetched; take large files out of them",
			mirror.Damaged:     "our copy of the repository cannot be read; its operator must look at the disk",
		}[e.Kind]
	}
	switch {
	case errors.Is(err, publish.ErrMoved):
		return "the pull request moves faster than it can be judged; it is tried again"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took longer than it may; it is tried again"
	}
	if _, ok := errors.AsType[*store.Error](err); ok {
		return "our store cannot be read or written now; it is tried again"
	}
	return "internal error, reference " + Reference(err)
}

func githubReason(e *github.Error) string {
	switch e.Kind {
	case github.Limited:
		if e.RetryAt.IsZero() {
			return "GitHub asks us to wait"
		}
		return "GitHub asks us to wait until " + e.RetryAt.UTC().Format("15:04 UTC")
	case github.Forbidden:
		return fmt.Sprintf("GitHub does not let us ask for %s: the App lacks a permission or is suspended", e.Op)
	case github.NotFound:
		return fmt.Sprintf("GitHub says that what %s asks for is not there", e.Op)
	case github.NotCovered:
		return "the installation does not cover the repository (any more)"
	case github.Refused:
		return fmt.Sprintf("GitHub refuses %s", e.Op)
	}
	return fmt.Sprintf("GitHub does not answer %s as it should; it is tried again", e.Op)
}

// Reference names an error, equal errors equally, without telling it.
func Reference(err error) string { return digest.Short(err.Error())[:12] }
