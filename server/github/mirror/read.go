package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// Commit returns a commit that was brought, or an ancestor of one.
func (m *Mirror) Commit(ctx context.Context, sha string) (git.Commit, error) {
	if !isID(sha) {
		return git.Commit{}, fmt.Errorf("%.80q is no full commit id", sha)
	}
	return read(ctx, m, func(ctx context.Context, r *git.Repo) (git.Commit, error) {
		c, known, err := r.Known(ctx, sha)
		if err == nil && !known {
			err = &Error{Kind: NotThere, Repository: m.id, Commit: sha}
		}
		return c, err
	})
}

// Merge is [git.Repo.Merge] for commits that were brought. It fetches what a
// merge of contents needs, in one batch.
func (m *Mirror) Merge(ctx context.Context, base, head git.Commit) (git.Merged, error) {
	bases, err := read(ctx, m, func(ctx context.Context, r *git.Repo) ([]git.Commit, error) {
		return r.MergeBases(ctx, base, head)
	})
	if err != nil {
		return git.Merged{}, err
	}
	if bases[0].ID == base.ID || bases[0].ID == head.ID {
		return m.merge(ctx, base, head)
	}
	trees := []string{base.Tree, head.Tree}
	for _, c := range bases {
		trees = append(trees, c.Tree)
	}
	if err := m.prepare(ctx, trees, false); err != nil {
		return git.Merged{}, err
	}
	merged, err := ask(ctx, m, func(ctx context.Context, r *git.Repo) (git.Merged, error) {
		return r.Merge(ctx, base, head)
	})
	var missing *git.MissingError
	if !errors.As(err, &missing) {
		return merged, err
	}
	// To tell a rename, or to merge, git wants files that are not rendered.
	if err := m.prepare(ctx, trees, true); err != nil {
		return git.Merged{}, err
	}
	return m.merge(ctx, base, head)
}

func (m *Mirror) merge(ctx context.Context, base, head git.Commit) (git.Merged, error) {
	return read(ctx, m, func(ctx context.Context, r *git.Repo) (git.Merged, error) {
		return r.Merge(ctx, base, head)
	})
}

// prepare makes sure that the blobs of trees are here, large ones on request.
func (m *Mirror) prepare(ctx context.Context, trees []string, large bool) error {
	rest, _ := m.unfinished(trees)
	if len(rest) == 0 && !large {
		return nil
	}
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.done()
	if err := m.wake(ctx); err != nil {
		return err
	}
	if err := m.fill(ctx, trees); err != nil || !large {
		return err
	}
	absent, err := m.repo.Absent(ctx, trees, nil)
	if err != nil || len(absent) == 0 {
		return err
	}
	return m.run(ctx, fetch{ids: absent, filter: noBlobs, blobs: true, limit: m.all.options.Limit / 4})
}

// MergeBase is [git.Repo.MergeBase] for commits that were brought.
func (m *Mirror) MergeBase(ctx context.Context, a, b git.Commit) (git.Commit, error) {
	return read(ctx, m, func(ctx context.Context, r *git.Repo) (git.Commit, error) {
		return r.MergeBase(ctx, a, b)
	})
}

// Range lists the commits of base..head over all parents, oldest first, at
// most most (0: 10,000); more is an error.
func (m *Mirror) Range(ctx context.Context, base, head git.Commit, most int) ([]git.Commit, error) {
	return read(ctx, m, func(ctx context.Context, r *git.Repo) ([]git.Commit, error) {
		return r.Range(ctx, base, head, most)
	})
}

// Contains reports whether ancestor is head or one of its ancestors.
func (m *Mirror) Contains(ctx context.Context, head, ancestor string) (bool, error) {
	if !isID(head) || !isID(ancestor) {
		return false, fmt.Errorf("%.80q or %.80q is no full commit id", head, ancestor)
	}
	return read(ctx, m, func(ctx context.Context, r *git.Repo) (bool, error) {
		for _, sha := range []string{head, ancestor} {
			if _, known, err := r.Known(ctx, sha); err != nil || !known && sha == ancestor {
				// All ancestors are here: what is not here is none.
				return false, err
			} else if !known {
				return false, &Error{Kind: NotThere, Repository: m.id, Commit: sha}
			}
		}
		return r.Contains(ctx, head, ancestor)
	})
}

// Neutral reports whether a merge commit's tree is the automatic merge of its
// two parents: it says nothing of its own. A commit with another number of
// parents is not neutral.
func (m *Mirror) Neutral(ctx context.Context, sha string) (bool, error) {
	c, err := m.Commit(ctx, sha)
	if err != nil || len(c.Parents) != 2 {
		return false, err
	}
	first, err := m.Commit(ctx, c.Parents[0])
	if err != nil {
		return false, err
	}
	second, err := m.Commit(ctx, c.Parents[1])
	if err != nil {
		return false, err
	}
	merged, err := m.Merge(ctx, first, second)
	var strangers *git.NoMergeBaseError
	if errors.As(err, &strangers) {
		return false, nil
	}
	return err == nil && merged.Tree == c.Tree, err
}

// read reads from the repository. What must be here and is not makes the next
// Bring begin anew.
func read[T any](
	ctx context.Context, m *Mirror, from func(context.Context, *git.Repo) (T, error),
) (value T, err error) {
	value, err = ask(ctx, m, from)
	m.suspect(err, m.generation.Load())
	return value, err
}

// ask reads from the repository for as long as a git process may run: what is
// merged and walked is the author's.
func ask[T any](
	ctx context.Context, m *Mirror, from func(context.Context, *git.Repo) (T, error),
) (value T, err error) {
	bounded, cancel := m.all.during(ctx)
	defer cancel()
	err = m.with(bounded, func(r *git.Repo) error {
		var err error
		value, err = from(bounded, r)
		return err
	})
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = m.failure(context.Cause(bounded), "")
	}
	return value, err
}

// suspect notes that something is missing or damaged that was here, if it was
// since the repository was opened: trees of merges end with it.
func (m *Mirror) suspect(err error, since int64) {
	var missing *git.MissingError
	lost := errors.As(err, &missing)
	if !lost && !errors.Is(err, git.ErrDamaged) || since != m.generation.Load() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt = m.doubt || !lost || !m.large[missing.Object]
}

// Tree returns a tree of a commit that was brought, or of a merge. The latter
// ends with the mirror's processes: 15 minutes after its last use.
func (m *Mirror) Tree(id string) render.Tree { return tree{m, id, m.generation.Load()} }

// tree is a tree of the mirror. The repository below it may be another one
// each time.
type tree struct {
	mirror     *Mirror
	id         string
	generation int64
}

func (t tree) ID() string { return t.id }

func (t tree) ReadDir(ctx context.Context, dir string) (entries []render.Entry, err error) {
	err = t.mirror.with(ctx, func(r *git.Repo) (err error) {
		entries, err = r.Tree(t.id).ReadDir(ctx, dir)
		return err
	})
	t.mirror.suspect(err, t.generation)
	return entries, err
}

func (t tree) ReadFile(ctx context.Context, path string) (content []byte, err error) {
	err = t.mirror.with(ctx, func(r *git.Repo) (err error) {
		content, err = r.Tree(t.id).ReadFile(ctx, path)
		return err
	})
	t.mirror.suspect(err, t.generation)
	var missing *git.MissingError
	if errors.As(err, &missing) && t.mirror.leftOut(missing.Object) {
		reason := fmt.Errorf("file has more than %d bytes: %w", fileLimit, render.ErrTooLarge)
		return nil, &fs.PathError{Op: "read", Path: path, Err: reason}
	}
	return content, err
}

// leftOut reports whether a blob was left out for its size.
func (m *Mirror) leftOut(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.large[id]
}
