package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

const (
	// pushes bounds how many pushes to a base one look goes back.
	pushes = 100
	// steps bounds how many commits of one push are looked at one by one.
	steps = 200
	// unreadable is how long we try to read a push before we say that we cannot.
	unreadable = 6 * time.Hour
	// remembered is how long a branch is looked at after a push, without a pull
	// request that is open for it.
	remembered = 7 * 24 * time.Hour
)

// auditPushes compares each new tree of a governed base with what we passed:
// the merge box can be passed by, and then people must know.
func (l *look) auditPushes(ctx context.Context) error {
	if l.mirror == nil {
		return nil
	}
	bases, err := l.pushedBases(ctx)
	if err != nil {
		return err
	}
	for _, base := range bases {
		ref := "refs/heads/" + base
		list, err := l.Store.Pushes(ctx, l.repository.ID, ref, pushes)
		if err != nil {
			return err
		}
		for _, push := range slices.Backward(anew(l.untold(list, base))) {
			if push.Before == "" || zeros(push.Before) || zeros(push.After) || l.seen.audited[ref+"@"+push.After] {
				continue
			}
			if err := l.auditPush(ctx, base, push); err != nil {
				// What cannot be read now must not keep everything else from being looked at.
				l.Log.Warn("a push could not be audited and is tried again", "repository", l.repository.ID,
					"ref", ref, "after", push.After, "error", err)
				continue
			}
			l.seen.audited[ref+"@"+push.After] = true
		}
	}
	return nil
}

// pushedBases are the governed bases that may have moved: those that are known
// by name, and those of recent pushes.
func (l *look) pushedBases(ctx context.Context) ([]string, error) {
	refs, err := l.Store.PushedRefs(ctx, l.repository.ID, l.now.Add(-remembered))
	bases := l.bases()
	for _, ref := range refs {
		base, branch := strings.CutPrefix(ref, "refs/heads/")
		if branch && !slices.Contains(bases, base) && review.Governed(l.config, l.repository, base) {
			bases = append(bases, base)
		}
	}
	return bases, err
}

// anew has a branch that was deleted and made again follow on what it was. Of
// pushes in one second nobody can tell the order.
func anew(list []store.PushSeen) []store.PushSeen {
	list = slices.Clone(list)
	for i, push := range list { // the newest first
		if !zeros(push.Before) {
			continue
		}
		before := slices.IndexFunc(list[i:], func(p store.PushSeen) bool { return p.At.Before(push.At) })
		if before > 0 {
			list[i].Before = list[i+before].After
		}
	}
	return list
}

// untold adds the push that no event told of: the base's tip is none that we
// heard of.
func (l *look) untold(list []store.PushSeen, base string) []store.PushSeen {
	tip := l.tips[base]
	known := slices.ContainsFunc(list, func(p store.PushSeen) bool { return p.After == tip || p.Before == tip })
	before := l.seen.tips[base]
	if len(list) > 0 {
		before = list[0].After
	}
	if tip == "" || known || before == "" || before == tip {
		return list
	}
	return append([]store.PushSeen{{Repository: l.repository.ID, Ref: "refs/heads/" + base, Before: before, After: tip,
		At: l.now}}, list...)
}

// zeros reports whether an object id is the one that means none.
func zeros(id string) bool { return strings.Trim(id, "0") == "" }

// auditPush says once what became of a push.
func (l *look) auditPush(ctx context.Context, base string, push store.PushSeen) error {
	key := fmt.Sprintf("sweep/push/%d/%s/%s", push.Repository, push.Ref, push.After)
	action, err := l.Store.Begin(ctx, key, nil)
	if err != nil || action.State == store.Finished {
		return err
	}
	why, err := l.unpassed(ctx, base, push)
	if err != nil && l.now.Sub(later(push.At, push.Seen)) < unreadable {
		return err
	}
	if err != nil {
		why = "its commits cannot be read (" + err.Error() + ")"
	}
	err = nil
	if why != "" {
		name := fullName(l.repository)
		err = l.raise(ctx, key, about{repository: l.repository.ID}, Alert{Kind: "unreviewed_change", Repository: name,
			Receiver: l.config.Alerts.Receiver,
			Text: fmt.Sprintf("The branch %s of %s moved from %.12s to %.12s, and Countersign passed no such change: "+
				"%s. Look at it, and at who may push past the checks.", base, name, push.Before, push.After, why),
			URL: compareURL(l.repository, push)})
	}
	if err != nil {
		return err
	}
	return l.Store.Finish(ctx, key, []byte(why))
}

// compareURL is where people see what a push brought.
func compareURL(r github.Repository, push store.PushSeen) string {
	return fmt.Sprintf("%s/compare/%s...%s", strings.TrimSuffix(r.CloneURL, ".git"), push.Before, push.After)
}

// unpassed says why a push holds what we did not pass; "" when all of it was:
// as a whole, or each of the commits that it put on top.
func (l *look) unpassed(ctx context.Context, base string, push store.PushSeen) (string, error) {
	if err := l.mirror.Bring(ctx, 0, push.After, push.Before); err != nil {
		return "", err
	}
	whole, err := l.passed(ctx, base, push.Before, push.After)
	if err != nil || whole {
		return "", err
	}
	follows, err := l.mirror.Contains(ctx, push.After, push.Before)
	if err != nil {
		return "", err
	}
	if !follows {
		return "the former tip is no part of it any more", nil
	}
	at := push.After
	for range steps {
		commit, err := l.mirror.Commit(ctx, at)
		if err != nil {
			return "", err
		}
		if len(commit.Parents) == 0 {
			break
		}
		step, err := l.passed(ctx, base, commit.Parents[0], at)
		if err != nil {
			return "", err
		}
		if !step {
			return fmt.Sprintf("no pull request or merge group gave the content of %.12s a green check", at), nil
		}
		if at = commit.Parents[0]; at == push.Before {
			return "", nil
		}
	}
	return "the former tip is not among the commits that it was put on", nil
}

// passed reports whether we passed the change from one tip of a base to a
// commit: the same tree, judged against the same content, and still green when
// we last spoke of it.
func (l *look) passed(ctx context.Context, base, before, after string) (bool, error) {
	commit, err := l.mirror.Commit(ctx, after)
	if err != nil {
		return false, err
	}
	from, err := l.mirror.Commit(ctx, before)
	if err != nil {
		return false, err
	}
	if commit.Tree == from.Tree {
		return true, nil // nothing changed
	}
	candidates, err := l.Store.Publications(ctx, store.PublicationQuery{Repository: l.repository.ID, BaseRef: base,
		TreeSHA: commit.Tree, Conclusion: publish.Success})
	if err != nil {
		return false, err
	}
	for _, p := range candidates {
		if p.Own != publish.Success {
			continue // it showed what another pull request with its commit had earned
		}
		good, err := l.stood(ctx, p, before, after, from.Tree)
		if err != nil || good {
			return good, err
		}
	}
	return false, nil
}

// stood reports whether a green check was about this very change and was not
// taken back. A merge group is known by its commit: it may lie on another one
// that landed meanwhile.
func (l *look) stood(ctx context.Context, p store.Publication, before, after, tree string) (bool, error) {
	list, err := l.Store.Publications(ctx, store.PublicationQuery{Repository: p.Repository, Pull: p.Pull,
		BaseRef: p.BaseRef, HeadSHA: p.HeadSHA})
	if err != nil {
		return false, err
	}
	list = slices.DeleteFunc(list, func(q store.Publication) bool { return q.Pull != p.Pull })
	if len(list) == 0 || list[0].Conclusion != publish.Success {
		return false, nil
	}
	if p.BaseSHA == before || p.Pull == 0 && p.HeadSHA == after {
		return true, nil
	}
	judged, err := l.mirror.Commit(ctx, p.BaseSHA)
	if err != nil {
		l.Log.Debug("a base that was judged is not in the mirror", "commit", p.BaseSHA, "error", err)
		return false, nil
	}
	return judged.Tree == tree, nil
}
