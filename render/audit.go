package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/scope"
)

// Audit builds all judged roots of one tree, as a [Comparison] whose base is
// empty: it has builds, duplicates and notices, but no changes and no files.
// Errors are those of [Compare].
func Audit(ctx context.Context, builder Builder, tree Tree, opts Options) (*Comparison, error) {
	set, err := Roots(ctx, builder, tree, opts)
	if err != nil {
		return nil, err
	}
	return audit(ctx, builder, tree, set)
}

func audit(ctx context.Context, builder Builder, tree Tree, set *RootSet) (*Comparison, error) {
	c := &Comparison{
		Base: Side{Builds: map[string]Build{}}, Head: newSide(tree, set),
		work: &comparing{builder: builder, head: set},
	}
	for _, root := range set.Roots {
		c.Affected = append(c.Affected, root.Path)
	}
	return c, c.Expand(ctx, c.Affected...)
}

// AuditPaths is [Audit] for paths that a person names: a folder with a
// kustomization, a folder with manifests of its own, a folder with roots
// somewhere below, or a single file. Each is judged even if another root uses
// it, and each is a destination of its own. A path that leads to nothing is an
// error (fs.ErrNotExist and the others of [Resolve]); a folder without anything
// to judge is a root that fails, for nothing judged is no pass.
func AuditPaths(ctx context.Context, builder Builder, tree Tree, paths []string) (*Comparison, error) {
	all := &RootSet{}
	for _, name := range paths {
		set, err := rootsAt(ctx, builder, tree, name)
		if err != nil {
			return nil, err
		}
		all.Roots = append(all.Roots, set.Roots...)
		all.Notices = append(all.Notices, set.Notices...)
	}
	slices.SortFunc(all.Roots, func(a, b Root) int { return strings.Compare(a.Path, b.Path) })
	all.Roots = slices.CompactFunc(all.Roots, func(a, b Root) bool { return a.Path == b.Path })
	slices.SortFunc(all.Notices, func(a, b Problem) int { return strings.Compare(a.Source.File, b.Source.File) })
	all.Notices = slices.Compact(all.Notices)
	return audit(ctx, emptyFolders{builder}, tree, all)
}

// rootsAt finds what one path of the command line stands for.
func rootsAt(ctx context.Context, builder Builder, tree Tree, name string) (*RootSet, error) {
	at, err := Resolve(ctx, tree, name)
	if err != nil {
		return nil, err
	}
	switch at.Entry.Mode {
	case ModeFile, ModeExecutable:
		root := Root{Path: at.Path, Kind: RootFile, Destination: at.Path}
		return &RootSet{Roots: []Root{root}}, nil
	case ModeDir:
		return rootsBelow(ctx, builder, tree, at.Path)
	}
	return nil, fmt.Errorf("resolve %q: %w", name, ErrNotFile)
}

// rootsBelow finds the folder's own root or, if it is none, those below it.
func rootsBelow(ctx context.Context, builder Builder, tree Tree, dir string) (*RootSet, error) {
	for _, name := range kustomizationNames {
		at, err := Resolve(ctx, tree, path.Join(dir, name))
		if err == nil && at.Entry.Mode != ModeDir {
			root := Root{Path: dir, Kind: RootKustomize, Destination: dir}
			return &RootSet{Roots: []Root{root}}, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	set, err := findRoots(ctx, builder, tree, search{scope: &scope.Scope{}, known: facts{}, start: dir})
	if err != nil {
		return nil, err
	}
	for i := range set.Roots {
		set.Roots[i].Destination = set.Roots[i].Path
	}
	if own, ok := set.Root(dir); ok {
		return &RootSet{Roots: []Root{own}}, nil
	}
	if len(set.Roots) == 0 {
		set.Roots = []Root{{Path: dir, Kind: RootPlain, Destination: dir}}
	}
	return set, nil
}

// emptyFolders answers for plain roots without a file, which no builder sees.
type emptyFolders struct{ Builder }

func (e emptyFolders) Build(ctx context.Context, tree Tree, root Root) (Build, error) {
	if root.Kind != RootPlain || len(root.Files) > 0 {
		return e.Builder.Build(ctx, tree, root)
	}
	return Build{Root: root, Status: StatusFailed, Problem: &Problem{
		Cause:   CauseMissing,
		Message: "the folder holds no manifest and no kustomization, and neither does any below it",
		Remedy:  "name a folder or a file with Kubernetes objects",
		Source:  Source{File: root.Path},
	}}, nil
}
