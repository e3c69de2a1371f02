package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// fileLimit is the size of the largest blob that is worth to have: what is
	// larger is not rendered.
	fileLimit = 1 << 20
	// manyBlobs is above how many blobs whole trees are asked for, not each blob.
	manyBlobs = 5000
	// batchLimit bounds what a fetch may write that has another one to follow it.
	batchLimit = 64 << 20
)

// The filters of fetches: what is asked for by its id comes whatever they say.
// smallBlobs leaves out blobs of more than fileLimit bytes.
const (
	noBlobs    = "blob:none"
	smallBlobs = "blob:limit=1048577"
)

// Bring makes sure that commits, all their ancestors, their trees and all
// blobs of their trees (up to the size limit) are here, with as few fetches as
// can be. pull names the namespace that keeps them (0: the bases). What is
// here already costs no request. Errors are of type *Error, the context's, or
// those of Remote.Token.
func (m *Mirror) Bring(ctx context.Context, pull int, commits ...string) error {
	for _, sha := range commits {
		if !isID(sha) || len(sha) != len(commits[0]) {
			return fmt.Errorf("%.80q is no full commit id", sha)
		}
	}
	if pull < 0 {
		return fmt.Errorf("%d is no pull request", pull)
	}
	m.use()
	if len(commits) == 0 || m.here(commits) {
		return nil
	}
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.done()
	if err := m.ready(ctx, commits); err != nil {
		return err
	}
	err := m.bring(ctx, pull, commits)
	if !m.broken(ctx, err) {
		return err
	}
	if err := m.anew(ctx, objectFormat(commits[0])); err != nil {
		return err
	}
	if err = m.bring(ctx, pull, commits); m.broken(ctx, err) {
		return &Error{Kind: Damaged, Repository: m.id, Err: err}
	}
	return err
}

func objectFormat(sha string) string {
	if len(sha) == 64 {
		return "sha256"
	}
	return "sha1"
}

// ready opens the repository, and makes it anew where it cannot be trusted or
// has another kind of ids. The caller has the turn.
func (m *Mirror) ready(ctx context.Context, commits []string) error {
	m.mu.Lock()
	doubt := m.doubt
	m.mu.Unlock()
	if doubt {
		if err := m.shut(); err != nil {
			return err
		}
		return m.anew(ctx, objectFormat(commits[0]))
	}
	if err := m.wake(ctx); err != nil {
		return err
	}
	if format := objectFormat(commits[0]); formatOf(m.dir) != format {
		return m.anew(ctx, format)
	}
	return nil
}

// broken reports whether an error says that the folder is no good: it came
// from reading what is here, not from the other side.
func (m *Mirror) broken(ctx context.Context, err error) bool {
	var known *Error
	var local *localError
	return err != nil && ctx.Err() == nil && !errors.As(err, &known) && errors.As(err, &local)
}

// localError is trouble with reading the mirror.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

func local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{err}
}

// bring fetches what is missing and writes the refs. The caller has the turn.
func (m *Mirror) bring(ctx context.Context, pull int, commits []string) error {
	var missing []string
	for _, sha := range commits {
		_, known, err := m.repo.Known(ctx, sha)
		if err != nil {
			return local(err)
		}
		if !known && !slices.Contains(missing, sha) {
			missing = append(missing, sha)
		}
	}
	if len(missing) > 0 {
		if err := m.history(ctx, missing); err != nil {
			return err
		}
	}
	var trees []string
	for _, sha := range commits {
		c, known, err := m.repo.Known(ctx, sha)
		if err == nil && !known {
			err = fmt.Errorf("commit %s was fetched and is not here", sha)
		}
		if err != nil {
			return local(err)
		}
		trees = append(trees, c.Tree)
	}
	if err := m.fill(ctx, trees); err != nil {
		return err
	}
	return m.keep(pull, commits)
}

// history fetches commits with all that leads to them. Where the mirror holds
// others it takes the blobs between these and those along, which are few and
// mostly all that is wanted: one fetch then does for a push. That fails where
// the other side sends differences to blobs of old commits, which it believes
// to be here.
func (m *Mirror) history(ctx context.Context, missing []string) error {
	if m.holds() {
		limit := min(batchLimit, m.all.options.Limit)
		err := m.run(ctx, fetch{ids: missing, filter: smallBlobs, limit: limit})
		var e *Error
		if !errors.As(err, &e) || e.Kind != TooLarge && e.Kind != Unavailable {
			return err
		}
	}
	return m.run(ctx, fetch{ids: missing, filter: noBlobs, limit: m.all.options.Limit})
}

// keep names commits that are whole.
func (m *Mirror) keep(pull int, commits []string) error {
	now := m.all.now()
	for _, sha := range commits {
		if err := name(m.dir, pull, sha, now); err != nil {
			return fmt.Errorf("keep commit %s: %w", sha, err)
		}
	}
	m.complete(commits, nil)
	return errors.Join(forget(m.dir, pull, commits), touch(m.dir, now))
}

// fill fetches the blobs of trees that are not here, in one batch. The caller
// has the turn.
func (m *Mirror) fill(ctx context.Context, trees []string) error {
	rest, except := m.unfinished(trees)
	if len(rest) == 0 {
		return nil
	}
	absent, err := m.absent(ctx, rest, except)
	if err != nil {
		return err
	}
	if len(absent) > 0 {
		if err := m.blobs(ctx, rest, except, absent); err != nil {
			return err
		}
	}
	m.complete(nil, rest)
	return nil
}

// absent lists the blobs of trees that should be here and are not.
func (m *Mirror) absent(ctx context.Context, trees, except []string) ([]string, error) {
	absent, err := m.repo.Absent(ctx, trees, except)
	if err != nil {
		return nil, local(err)
	}
	return m.small(absent), nil
}

// blobs fetches blobs: by their ids or, where they are many or too large, as
// what trees hold, without what is above the size limit. Only the latter tells
// which are above.
func (m *Mirror) blobs(ctx context.Context, trees, except, absent []string) error {
	batch := min(int64(len(absent)+1)*fileLimit, batchLimit, m.all.options.Limit)
	byTree := len(absent) > manyBlobs
	if !byTree {
		err := m.run(ctx, fetch{ids: absent, filter: noBlobs, blobs: true, limit: batch})
		var e *Error
		if byTree = errors.As(err, &e) && e.Kind == TooLarge; !byTree && err != nil {
			return err
		}
	}
	if byTree {
		err := m.run(ctx, fetch{ids: trees, filter: smallBlobs, anew: true, limit: m.all.options.Limit})
		if err != nil {
			return err
		}
	}
	left, err := m.absent(ctx, trees, except)
	switch {
	case err != nil || len(left) == 0:
		return err
	case byTree:
		return m.leaveOut(left)
	}
	return &Error{Kind: Unavailable, Repository: m.id,
		Err: fmt.Errorf("%d files were asked for and not sent", len(left))}
}

// leaveOut remembers blobs that are too large.
func (m *Mirror) leaveOut(ids []string) error {
	f, err := os.OpenFile(m.largeFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(ids, "\n") + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.large[id] = true
	}
	return nil
}

const (
	// maxPacks is above how many packs they are made one.
	maxPacks = 60
	// maxGrowth is above how many times Options.Limit a mirror begins anew.
	maxGrowth = 4
)

// tidy forgets old pull requests and keeps the folder small.
func (m *Mirror) tidy(ctx context.Context, before time.Time) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.done()
	if err := forgetPulls(m.dir, before); err != nil {
		return err
	}
	count, size, err := packs(m.dir)
	switch {
	case err != nil:
		return err
	case size > maxGrowth*m.all.options.Limit:
		return m.anew(ctx, formatOf(m.dir))
	case count <= maxPacks:
		return nil
	}
	return m.repack(ctx, size)
}

// repack makes one pack of many. Readers find the new one by themselves.
func (m *Mirror) repack(ctx context.Context, size int64) error {
	bounded, cancel := m.all.during(ctx)
	defer cancel()
	cmd := m.all.command(bounded, m.dir, size+m.all.options.Limit, []string{"repack", "-a", "-d", "-q"})
	cmd.Env = m.all.environment(m.dir, nil)
	stderr := &head{limit: maxStderr}
	cmd.Stderr = stderr
	if err := runTied(cmd); err != nil {
		return errors.Join(fmt.Errorf("repack the mirror of repository %d: %w: %s", m.id, err, fit(stderr.String())),
			clean(m.dir))
	}
	return nil
}
