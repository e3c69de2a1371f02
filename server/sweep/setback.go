package sweep

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/scope"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
)

// setBack takes back the green checks that a move of their base may have made
// wrong, where GitHub would let them be merged without being up to date: they
// are woken after, and judged anew. What neither the base's move nor the pull
// request itself has to do with is left alone.
func (l *look) setBack(ctx context.Context, pulls []github.Pull) {
	if l.mirror == nil {
		return
	}
	loose := map[string]bool{}
	for _, base := range l.bases() {
		loose[base] = l.loose(ctx, base)
	}
	for _, p := range pulls {
		if !loose[p.Base] {
			continue
		}
		published, err := l.newest(ctx, int64(p.Number))
		tip := l.tips[p.Base]
		green := published.Conclusion == publish.Success && published.HeadSHA == p.Head && published.BaseRef == p.Base
		if err != nil || !green || published.BaseSHA == tip ||
			!l.concerned(ctx, published.BaseSHA, published.TreeSHA, tip) {
			continue
		}
		err = l.Publisher.Withdraw(ctx, publish.Subject{Client: l.client, Repository: l.repository, Lease: l.lease,
			Pull: p.Number, BaseRef: p.Base, BaseSHA: published.BaseSHA, HeadSHA: p.Head},
			"the branch that this goes into has moved; it is judged anew against what is there now")
		if err != nil {
			// It is woken all the same, and what slips through is found by the audit of pushes.
			l.Log.Warn("a green check could not be set back", "repository", l.repository.ID, "pull", p.Number,
				"error", err)
		}
	}
}

// loose reports whether a base lets in what is not up to date. Not known is yes.
func (l *look) loose(ctx context.Context, base string) bool {
	stands := l.memory.stands(branch{l.repository.ID, base})
	if stands == nil || l.now.Sub(stands.at) >= fresh {
		found, err := l.audit(ctx, l.client, l.repository, base)
		if err != nil {
			return true
		}
		stands = found
	}
	return stands.loose
}

// concerned reports whether both a base's move and a pull request change
// governed files. What cannot be read concerns.
func (l *look) concerned(ctx context.Context, judged, merged, tip string) bool {
	s, err := scope.New(scope.Globs{Include: l.config.Roots.Include, Exclude: l.config.Roots.Exclude,
		Ignore: l.config.Ignore, Protect: l.config.Protect})
	if err != nil || l.mirror.Bring(ctx, 0, judged, tip) != nil {
		return true
	}
	from, err := l.mirror.Commit(ctx, judged)
	if err != nil {
		return true
	}
	to, err := l.mirror.Commit(ctx, tip)
	if err != nil {
		return true
	}
	return l.touches(ctx, s, from.Tree, to.Tree) && l.touches(ctx, s, from.Tree, merged)
}

func (l *look) touches(ctx context.Context, s *scope.Scope, from, to string) bool {
	if to == "" {
		return true
	}
	d := difference{scope: s, from: l.mirror.Tree(from), to: l.mirror.Tree(to), left: 10_000}
	return d.below(ctx, "")
}

// difference looks for a governed file that differs between two trees.
type difference struct {
	scope    *scope.Scope
	from, to render.Tree
	left     int // folders that may still be read
}

// below reports whether a folder holds one. What cannot be read, and what is
// too much to read, counts as one.
func (d *difference) below(ctx context.Context, dir string) bool {
	if d.left--; d.left < 0 {
		return true
	}
	before, err := entries(ctx, d.from, dir)
	if err != nil {
		return true
	}
	after, err := entries(ctx, d.to, dir)
	if err != nil {
		return true
	}
	for name, entry := range before {
		if other, ok := after[name]; ok && other == entry {
			delete(before, name)
			delete(after, name)
		}
	}
	for _, side := range []map[string]render.Entry{before, after} {
		for name, entry := range side {
			full := path.Join(dir, name)
			if entry.Mode == render.ModeDir {
				if d.below(ctx, full) {
					return true
				}
				continue
			}
			if d.scope.Protected(full) || d.scope.Governed(full) && !d.scope.Ignored(full) {
				return true
			}
		}
	}
	return false
}

func entries(ctx context.Context, tree render.Tree, dir string) (map[string]render.Entry, error) {
	list, err := tree.ReadDir(ctx, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a folder that is on one side only is no trouble
	}
	out := make(map[string]render.Entry, len(list))
	for _, entry := range list {
		out[entry.Name] = entry
	}
	return out, nil
}
