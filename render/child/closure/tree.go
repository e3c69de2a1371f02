package closure

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/countersign-dev/countersign/render/wire"
)

// Mount is where kustomize, which wants absolute paths, finds the repository.
// It is not "/", so that "../.." beyond the top leads out of the tree instead
// of back to its top.
const Mount = "/repository"

// Files is the tree as the parent serves it: a [wire.FS].
type Files interface {
	Stat(path string) (wire.Kind, string, error)
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]wire.DirEntry, error)
}

// errOutside is the answer for a path that is not below the Mount.
var errOutside = fmt.Errorf("outside the repository: %w", fs.ErrNotExist)

var errReadOnly = errors.New("the repository cannot be written to")

type stat struct {
	kind wire.Kind
	real string
	err  error
}

type content struct {
	bytes []byte
	err   error
}

// Tree is the repository as kustomize sees it during one build: read-only,
// each path asked for once. Not safe for concurrent use.
type Tree struct {
	source Files
	stats  map[string]stat
	files  map[string]content
	// shown replaces what kustomize reads at a path of the tree.
	shown map[string][]byte
}

var _ filesys.FileSystem = (*Tree)(nil)

// NewTree returns the tree behind files, for one build.
func NewTree(s Files) *Tree {
	return &Tree{source: s, stats: map[string]stat{}, files: map[string]content{}, shown: map[string][]byte{}}
}

// Stat says what a path of the tree leads to, and where that is once symlinks
// are Resolved.
func (t *Tree) Stat(name string) (wire.Kind, string, error) {
	known, ok := t.stats[name]
	if !ok {
		known.kind, known.real, known.err = t.source.Stat(name)
		t.stats[name] = known
	}
	return known.kind, known.real, known.err
}

// Read returns the content of a path of the tree.
func (t *Tree) Read(name string) ([]byte, error) {
	known, ok := t.files[name]
	if !ok {
		known.bytes, known.err = t.source.ReadFile(name)
		t.files[name] = known
	}
	return known.bytes, known.err
}

// Show makes kustomize read something else at a path of the tree.
func (t *Tree) Show(name string, content []byte) { t.shown[name] = content }

// Contents yields what was read so far, by path.
func (t *Tree) Contents() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for name, file := range t.files {
			if file.err == nil && !yield(name, file.bytes) {
				return
			}
		}
	}
}

// missing reports whether an error of the tree says that nothing is there.
func missing(err error) bool {
	failure, ok := errors.AsType[*wire.FSError](err)
	return ok && failure.Code == wire.CodeMissing || errors.Is(err, fs.ErrNotExist)
}

// isFolder reports whether an error of the tree says that a file was asked for
// where there is a folder.
func isFolder(err error) bool {
	failure, ok := errors.AsType[*wire.FSError](err)
	return ok && failure.Code == wire.CodeDir
}

// Inside turns kustomize's path into one of the tree.
func Inside(name string) (string, error) {
	name = filepath.Clean("/" + name)
	if name == Mount {
		return "", nil
	}
	below, ok := strings.CutPrefix(name, Mount+"/")
	if !ok {
		return "", errOutside
	}
	return below, nil
}

// Outside is the inverse of [Inside].
func Outside(name string) string {
	return path.Join(Mount, name)
}

// CleanedAbs resolves symlinks, as it does for a disk: what a linked folder
// names relative to itself is found where it really lies.
func (t *Tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name, err := Inside(name)
	if err != nil {
		return "", "", err
	}
	kind, real, err := t.Stat(name)
	if err != nil {
		return "", "", err
	}
	if kind == wire.KindDir {
		return filesys.ConfirmedDir(Outside(real)), "", nil
	}
	return filesys.ConfirmedDir(Outside(folderOf(real))), path.Base(real), nil
}

// ReadFile reads a file of the tree.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	name, err := Inside(name)
	if err != nil {
		return nil, err
	}
	if shown, ok := t.shown[name]; ok {
		return shown, nil
	}
	return t.Read(name)
}

// IsDir reports whether a path leads to a folder.
func (t *Tree) IsDir(name string) bool {
	name, err := Inside(name)
	if err != nil {
		return false
	}
	kind, _, err := t.Stat(name)
	return err == nil && kind == wire.KindDir
}

// Exists reports whether a path leads to anything.
func (t *Tree) Exists(name string) bool {
	name, err := Inside(name)
	if err != nil {
		return false
	}
	_, _, err = t.Stat(name)
	return err == nil
}

// ReadDir lists a folder's names.
func (t *Tree) ReadDir(name string) ([]string, error) {
	name, err := Inside(name)
	if err != nil {
		return nil, err
	}
	entries, err := t.source.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name
	}
	return names, nil
}

// Open is refused: kustomize builds without it.
func (t *Tree) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Glob is refused: kustomize builds without it.
func (t *Tree) Glob(string) ([]string, error) { return nil, errReadOnly }

// Walk is refused: kustomize builds without it.
func (t *Tree) Walk(string, filepath.WalkFunc) error { return errReadOnly }

// Create is refused.
func (t *Tree) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (t *Tree) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (t *Tree) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (t *Tree) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (t *Tree) WriteFile(string, []byte) error { return errReadOnly }

// folderOf is path.Dir, with "" for the top.
func folderOf(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}
