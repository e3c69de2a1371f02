package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Errors of [Resolve], to be tested with errors.Is. A path that is simply not
// there is fs.ErrNotExist; one that leads through a submodule is ErrNotFile.
var (
	// ErrOutside says that a path or a symlink on its way is absolute or
	// leaves the tree.
	ErrOutside = errors.New("leads out of the repository")
	// ErrLoop says that symlinks cannot be followed to an end: a circle, more
	// than eight links on the way, or a target longer than any system takes.
	ErrLoop = errors.New("symlinks lead in a circle or too deep")
)

const (
	// maxFollowed is how many symlinks one path may lead through.
	maxFollowed = 8
	// maxLinkTarget is the longest symlink target, in bytes, that Linux follows.
	maxLinkTarget = 4096
)

// Resolution is where a path leads.
type Resolution struct {
	// Path is free of symlinks; "" is the tree's top. On an error it is as far
	// as the walk came.
	Path string
	// Entry is what is there: a file, a directory or a submodule, never a
	// symlink. For the top it has no name and the tree's id. Zero on an error.
	Entry Entry
	// Probes are all entries that were looked at, sorted by path, without
	// duplicates, also on an error: symlinks and directories passed through
	// with their ids, and what was missed, down to the last element, with "".
	// A directory that was passed through matters only as far as it stays one:
	// compare such probes with the paths that a diff of files names, not by id.
	Probes []Probe
}

// Resolve follows a path and the symlinks on its way, inside the tree only.
// The path and all link targets come from the pull request.
//
// The path's own "." and ".." are cleaned as text before any symlink is
// looked at, as kustomize does when it joins a base to a folder; those of a
// link's target mean what they mean to the operating system. An empty path is
// the top.
//
// Errors besides the tree's own: fs.ErrNotExist, ErrOutside, ErrLoop, and
// ErrNotFile for a path through a submodule. The resolution's probes are
// complete in each case.
func Resolve(ctx context.Context, tree Tree, name string) (Resolution, error) {
	w := walk{tree: tree, probes: map[string]Probe{}}
	err := w.begin(name)
	for err == nil && len(w.pending) > 0 {
		err = w.step(ctx)
	}
	probes := slices.SortedFunc(maps.Values(w.probes), func(a, b Probe) int { return strings.Compare(a.Path, b.Path) })
	at := strings.Join(w.at, "/")
	if err != nil {
		return Resolution{Path: at, Probes: probes}, fmt.Errorf("resolve %q: %w", name, err)
	}
	return Resolution{Path: at, Entry: w.entry, Probes: probes}, nil
}

// walk is a resolution under way: at never holds a symlink, and entry is what
// lies there.
type walk struct {
	tree    Tree
	at      []string
	entry   Entry
	pending []string
	links   int
	probes  map[string]Probe
}

func (w *walk) begin(name string) error {
	if strings.HasPrefix(name, "/") {
		return ErrOutside
	}
	name = path.Clean(name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return ErrOutside
	}
	w.top()
	if name != "." {
		w.pending = strings.Split(name, "/")
	}
	return nil
}

func (w *walk) top() {
	w.at, w.entry = nil, Entry{Mode: ModeDir, ID: w.tree.ID()}
}

// step takes one element off the pending path.
func (w *walk) step(ctx context.Context) error {
	if w.entry.Mode == ModeSubmodule {
		return fmt.Errorf("%q is a submodule: %w", strings.Join(w.at, "/"), ErrNotFile)
	}
	if w.entry.Mode != ModeDir {
		return w.miss()
	}
	name := w.pending[0]
	switch name {
	case "", ".":
		w.pending = w.pending[1:]
		return nil
	case "..":
		return w.up(ctx)
	}
	entry, err := w.look(ctx, w.at, name)
	if errors.Is(err, fs.ErrNotExist) {
		return w.miss()
	}
	if err != nil {
		return err
	}
	full := strings.Join(append(slices.Clip(w.at), name), "/")
	w.probes[full] = Probe{Path: full, ID: entry.ID}
	w.pending = w.pending[1:]
	if entry.Mode == ModeSymlink {
		return w.follow(ctx, full)
	}
	w.at, w.entry = append(w.at, name), entry
	return nil
}

// up leaves a directory; at holds no symlinks, so that its parent is the
// element before it.
func (w *walk) up(ctx context.Context) error {
	if len(w.at) == 0 {
		return ErrOutside
	}
	w.pending = w.pending[1:]
	if len(w.at) == 1 {
		w.top()
		return nil
	}
	last := len(w.at) - 1
	entry, err := w.look(ctx, w.at[:last-1], w.at[last-1])
	w.at, w.entry = w.at[:last], entry
	return err
}

// follow puts a link's target before what is pending.
func (w *walk) follow(ctx context.Context, link string) error {
	if w.links++; w.links > maxFollowed {
		return fmt.Errorf("symlink %q: %w", link, ErrLoop)
	}
	content, err := w.tree.ReadFile(ctx, link)
	if errors.Is(err, ErrTooLarge) || len(content) > maxLinkTarget {
		return fmt.Errorf("symlink %q has a target of more than %d bytes: %w", link, maxLinkTarget, ErrLoop)
	}
	if err != nil {
		return err
	}
	target := string(content)
	if strings.HasPrefix(target, "/") {
		return fmt.Errorf("symlink %q: %w", link, ErrOutside)
	}
	if target == "" {
		return fmt.Errorf("symlink %q has no target: %w", link, fs.ErrNotExist)
	}
	w.pending = append(strings.Split(target, "/"), w.pending...)
	return nil
}

// look finds one name in a directory, which lists its entries by name.
func (w *walk) look(ctx context.Context, dir []string, name string) (Entry, error) {
	entries, err := w.tree.ReadDir(ctx, strings.Join(dir, "/"))
	if err != nil {
		return Entry{}, err
	}
	i, found := slices.BinarySearchFunc(entries, name, func(e Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !found {
		return Entry{}, fs.ErrNotExist
	}
	return entries[i], nil
}

// miss records everything that would have to exist, as far as that is known
// without knowing what it would be: any of it, once added, changes the answer.
func (w *walk) miss() error {
	full := strings.Join(w.at, "/")
	for _, name := range w.pending {
		if name == ".." {
			break
		}
		if name == "" || name == "." {
			continue
		}
		full = path.Join(full, name)
		w.probes[full] = Probe{Path: full}
	}
	return fs.ErrNotExist
}
