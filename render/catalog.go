package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	// maxEntries bounds the names of one tree: git stores a tree that holds
	// itself many times over in a few objects.
	maxEntries = 500_000
	// maxDepth bounds how deep folders lie in one another.
	maxDepth = 200
)

// TreeError says that a tree as a whole cannot be judged, through the fault of
// who wrote it: another try ends the same way.
type TreeError struct{ Problem Problem }

func (e *TreeError) Error() string { return e.Problem.Message }

func tooLarge(dir string) error {
	return &TreeError{Problem{
		Cause: CauseLimit,
		Message: fmt.Sprintf("the tree has more than %d entries, or folders more than %d deep",
			maxEntries, maxDepth),
		Remedy: "remove what does not belong into the repository",
		Source: Source{File: dir},
	}}
}

// listFolder lists a folder and refuses names that no file system takes: they
// would lead somewhere else.
func listFolder(ctx context.Context, tree Tree, dir string) ([]Entry, error) {
	entries, err := tree.ReadDir(ctx, dir)
	if errors.Is(err, ErrMalformed) {
		return nil, &TreeError{Problem{
			Cause: CauseHostile, Message: "a folder of the tree is a malformed git object",
			Remedy: "write the commit anew with git itself", Source: Source{File: dir},
		}}
	}
	if err != nil {
		return nil, fmt.Errorf("list folder %q: %w", dir, err)
	}
	for _, entry := range entries {
		if entry.Name == "" || entry.Name == "." || entry.Name == ".." || strings.ContainsAny(entry.Name, "/\x00") {
			return nil, &TreeError{Problem{
				Cause:   CauseHostile,
				Message: fmt.Sprintf("a folder holds the name %q, which no file can have", entry.Name),
				Remedy:  "write the commit anew with git itself",
				Source:  Source{File: dir},
			}}
		}
	}
	return entries, nil
}

// catalog is all names of a tree, listed once. It is read-only once made.
type catalog struct {
	tree    Tree
	id      string
	listing map[string][]Entry
	entries map[string]Entry
	// links holds the target text of each symlink that could be read.
	links map[string]string
}

// readCatalog lists a tree from a folder down. Of the folders above it only
// the way to it is known.
func readCatalog(ctx context.Context, tree Tree, start string) (*catalog, error) {
	c := &catalog{
		tree: tree, id: tree.ID(),
		listing: map[string][]Entry{}, entries: map[string]Entry{}, links: map[string]string{},
	}
	for at := start; at != ""; at = parent(at) {
		entry := Entry{Name: path.Base(at), Mode: ModeDir, ID: c.id}
		c.listing[parent(at)], c.entries[at] = []Entry{entry}, entry
	}
	for pending := []string{start}; len(pending) > 0; {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		entries, err := listFolder(ctx, tree, dir)
		if err != nil {
			return nil, err
		}
		if len(c.entries)+len(entries) > maxEntries || strings.Count(dir, "/") > maxDepth {
			return nil, tooLarge(dir)
		}
		c.listing[dir] = entries
		for _, entry := range entries {
			name := path.Join(dir, entry.Name)
			c.entries[name] = entry
			switch entry.Mode {
			case ModeDir:
				pending = append(pending, name)
			case ModeSymlink:
				if err := c.readLink(ctx, name); err != nil {
					return nil, err
				}
			}
		}
	}
	return c, nil
}

// readLink remembers where a symlink points. One that is too large to be a
// target stays unknown: it leads nowhere.
func (c *catalog) readLink(ctx context.Context, name string) error {
	target, err := c.tree.ReadFile(ctx, name)
	if errors.Is(err, ErrTooLarge) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read symlink %q: %w", name, err)
	}
	c.links[name] = string(target)
	return nil
}

// ID, ReadDir and ReadFile make the catalog a [Tree] whose folders and
// symlinks cost no reading, for [Resolve].
func (c *catalog) ID() string { return c.id }

func (c *catalog) ReadDir(_ context.Context, dir string) ([]Entry, error) {
	entries, ok := c.listing[dir]
	if !ok {
		return nil, fmt.Errorf("list folder %q: %w", dir, fs.ErrNotExist)
	}
	return entries, nil
}

func (c *catalog) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if target, ok := c.links[name]; ok {
		return []byte(target), nil
	}
	return c.tree.ReadFile(ctx, name)
}

// resolve follows a path through symlinks. That it leads nowhere is no error:
// then ok is false, and the probes say what was missed.
func (c *catalog) resolve(name string) (at Resolution, ok bool) {
	at, err := Resolve(context.Background(), c, name)
	return at, err == nil
}

// isDir reports whether a path without symlinks is a folder.
func (c *catalog) isDir(name string) bool {
	_, ok := c.listing[name]
	return ok
}

// parent is the folder of a path; the top's is the top.
func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

// followed is the tree in which a symlink to a file is that file, under the
// link's name: what a file is depends on the name that it is read by.
type followed struct{ *catalog }

func (f followed) ReadDir(ctx context.Context, dir string) ([]Entry, error) {
	entries, err := f.catalog.ReadDir(ctx, dir)
	entries = slices.Clone(entries)
	for i, entry := range entries {
		if target, ok := f.file(path.Join(dir, entry.Name)); ok && entry.Mode == ModeSymlink {
			entries[i] = Entry{Name: entry.Name, Mode: target.Mode, ID: target.ID}
		}
	}
	return entries, err
}

func (f followed) ReadFile(ctx context.Context, name string) ([]byte, error) {
	at, err := Resolve(ctx, f.catalog, name)
	if err != nil {
		return nil, err
	}
	return f.tree.ReadFile(ctx, at.Path)
}

// file returns the entry of the file that a path leads to.
func (c *catalog) file(name string) (Entry, bool) {
	entry := c.entries[name]
	if entry.Mode == ModeSymlink {
		at, _ := c.resolve(name)
		entry = at.Entry
	}
	return entry, entry.Mode == ModeFile || entry.Mode == ModeExecutable
}

// facts is a memory of what files are, by what that depends on.
type facts map[factKey]FileFacts

type factKey struct{ base, id string }

// scan asks the builder what the tree's YAML and JSON files are; files that
// were scanned before under the same base name cost nothing.
func (c *catalog) scan(ctx context.Context, builder Builder, known facts) (map[string]FileFacts, error) {
	found := map[string]FileFacts{}
	var unknown []string
	keys := map[string]factKey{}
	for name := range c.entries {
		if !scannable(name) {
			continue
		}
		if entry, ok := c.file(name); ok {
			keys[name] = factKey{path.Base(name), entry.ID}
			unknown = append(unknown, name)
		}
	}
	unknown = slices.DeleteFunc(unknown, func(name string) bool {
		fact, ok := known[keys[name]]
		if ok {
			found[name] = fact.at(name)
		}
		return ok
	})
	if len(unknown) == 0 {
		return found, nil
	}
	slices.Sort(unknown)
	answers, err := builder.Scan(ctx, followed{c}, unknown)
	if err != nil {
		return nil, fmt.Errorf("scan %d files: %w", len(unknown), err)
	}
	if len(answers) != len(unknown) {
		return nil, fmt.Errorf("scan %d files: %d answers", len(unknown), len(answers))
	}
	for i, name := range unknown {
		known[keys[name]] = answers[i]
		found[name] = answers[i].at(name)
	}
	return found, nil
}

// at gives the facts' problem the name that this file goes by: equal content
// under an equal base name is scanned once.
func (f FileFacts) at(name string) FileFacts {
	if f.Problem != nil {
		problem := *f.Problem
		problem.Source.File = name
		f.Problem = &problem
	}
	return f
}

// manifestLike reports whether the file holds manifests, or may: one that
// could not even be read may hold anything.
func (f FileFacts) manifestLike(name string) bool {
	unread := f.Problem != nil && f.Problem.Cause != CauseSyntax
	return f.Manifest || unread && isYAML(name)
}

// kustomizationNames are the names that kustomize takes, in its order.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// scannable reports whether a path may hold manifests that a deployer applies.
// What git, GitHub and we ourselves obey is no manifest.
func scannable(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	if first == ".git" || first == ".github" || strings.HasPrefix(first, ".countersign") {
		return false
	}
	return isYAML(name) || strings.EqualFold(path.Ext(name), ".json") ||
		slices.Contains(kustomizationNames, path.Base(name))
}

func isYAML(name string) bool {
	extension := strings.ToLower(path.Ext(name))
	return extension == ".yaml" || extension == ".yml"
}
