package render

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// delta is the walk over two trees that lists what differs.
type delta struct {
	base, head Tree
	files      []FileChange
	entries    int
}

// changedFiles lists the files, symlinks and submodules that differ between
// two trees, sorted by path. Folders with one id are not opened.
func changedFiles(ctx context.Context, base, head Tree) ([]FileChange, error) {
	d := delta{base: base, head: head}
	if base.ID() == head.ID() {
		return nil, nil
	}
	if err := d.folder(ctx, "", true, true); err != nil {
		return nil, fmt.Errorf("compare trees: %w", err)
	}
	slices.SortFunc(d.files, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return d.files, nil
}

func (d *delta) folder(ctx context.Context, dir string, inBase, inHead bool) error {
	before, err := d.list(ctx, d.base, dir, inBase)
	if err != nil {
		return err
	}
	after, err := d.list(ctx, d.head, dir, inHead)
	if err != nil {
		return err
	}
	d.entries += len(before) + len(after)
	if d.entries > 2*maxEntries || strings.Count(dir, "/") > maxDepth {
		return tooLarge(dir)
	}
	for len(before)+len(after) > 0 {
		var b, a Entry
		order := compareFirst(before, after)
		if order <= 0 {
			b, before = before[0], before[1:]
		}
		if order >= 0 {
			a, after = after[0], after[1:]
		}
		if err := d.entry(ctx, path.Join(dir, max(b.Name, a.Name)), b, a); err != nil {
			return err
		}
	}
	return nil
}

// compareFirst says which of two sorted lists has the first name; both have a
// name between them.
func compareFirst(before, after []Entry) int {
	switch {
	case len(after) == 0:
		return -1
	case len(before) == 0:
		return 1
	}
	return strings.Compare(before[0].Name, after[0].Name)
}

// entry compares what one name is on both sides; a zero entry is nothing.
func (d *delta) entry(ctx context.Context, name string, b, a Entry) error {
	if b.ID == a.ID && b.Mode == a.Mode {
		return nil
	}
	change := FileChange{Path: name}
	if b.Mode != ModeDir {
		change.BeforeID, change.BeforeMode = b.ID, b.Mode
	}
	if a.Mode != ModeDir {
		change.AfterID, change.AfterMode = a.ID, a.Mode
	}
	if change.BeforeMode != 0 || change.AfterMode != 0 {
		d.files = append(d.files, change)
	}
	if b.Mode == ModeDir || a.Mode == ModeDir {
		return d.folder(ctx, name, b.Mode == ModeDir, a.Mode == ModeDir)
	}
	return nil
}

// list lists a folder of one side, if that side has it.
func (d *delta) list(ctx context.Context, tree Tree, dir string, exists bool) ([]Entry, error) {
	if !exists {
		return nil, nil
	}
	return listFolder(ctx, tree, dir)
}
