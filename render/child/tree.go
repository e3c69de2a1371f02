package child

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/countersign-dev/countersign/render/wire"
)

// mount is where kustomize, which wants absolute paths, finds the repository.
// It is not "/", so that "../.." beyond the top leads out of the tree instead
// of back to its top.
const mount = "/repository"

// source is the tree as the parent serves it: a [wire.FS].
type source interface {
	Stat(path string) (wire.Kind, string, error)
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]wire.DirEntry, error)
}

// errOutside is the answer for a path that is not below the mount.
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

// tree is the repository as kustomize sees it during one build: read-only,
// each path asked for once. Not safe for concurrent use.
type tree struct {
	source source
	stats  map[string]stat
	files  map[string]content
	// shown replaces what kustomize reads at a path of the tree.
	shown map[string][]byte
}

var _ filesys.FileSystem = (*tree)(nil)

func newTree(s source) *tree {
	return &tree{source: s, stats: map[string]stat{}, files: map[string]content{}, shown: map[string][]byte{}}
}

// stat says what a path of the tree leads to, and where that is once symlinks
// are resolved.
func (t *tree) stat(name string) (wire.Kind, string, error) {
	known, ok := t.stats[name]
	if !ok {
		known.kind, known.real, known.err = t.source.Stat(name)
		t.stats[name] = known
	}
	return known.kind, known.real, known.err
}

// read returns the content of a path of the tree.
func (t *tree) read(name string) ([]byte, error) {
	known, ok := t.files[name]
	if !ok {
		known.bytes, known.err = t.source.ReadFile(name)
		t.files[name] = known
	}
	return known.bytes, known.err
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

// inside turns kustomize's path into one of the tree.
func inside(name string) (string, error) {
	name = filepath.Clean("/" + name)
	if name == mount {
		return "", nil
	}
	below, ok := strings.CutPrefix(name, mount+"/")
	if !ok {
		return "", errOutside
	}
	return below, nil
}

// outside is the inverse of [inside].
func outside(name string) string {
	return path.Join(mount, name)
}

// CleanedAbs resolves symlinks, as it does for a disk: what a linked folder
// names relative to itself is found where it really lies.
func (t *tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name, err := inside(name)
	if err != nil {
		return "", "", err
	}
	kind, real, err := t.stat(name)
	if err != nil {
		return "", "", err
	}
	if kind == wire.KindDir {
		return filesys.ConfirmedDir(outside(real)), "", nil
	}
	return filesys.ConfirmedDir(outside(folderOf(real))), path.Base(real), nil
}

// ReadFile reads a file of the tree.
func (t *tree) ReadFile(name string) ([]byte, error) {
	name, err := inside(name)
	if err != nil {
		return nil, err
	}
	if shown, ok := t.shown[name]; ok {
		return shown, nil
	}
	return t.read(name)
}

// IsDir reports whether a path leads to a folder.
func (t *tree) IsDir(name string) bool {
	name, err := inside(name)
	if err != nil {
		return false
	}
	kind, _, err := t.stat(name)
	return err == nil && kind == wire.KindDir
}

// Exists reports whether a path leads to anything.
func (t *tree) Exists(name string) bool {
	name, err := inside(name)
	if err != nil {
		return false
	}
	_, _, err = t.stat(name)
	return err == nil
}

// ReadDir lists a folder's names.
func (t *tree) ReadDir(name string) ([]string, error) {
	name, err := inside(name)
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
func (t *tree) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Glob is refused: kustomize builds without it.
func (t *tree) Glob(string) ([]string, error) { return nil, errReadOnly }

// Walk is refused: kustomize builds without it.
func (t *tree) Walk(string, filepath.WalkFunc) error { return errReadOnly }

// Create is refused.
func (t *tree) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (t *tree) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (t *tree) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (t *tree) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (t *tree) WriteFile(string, []byte) error { return errReadOnly }

// folderOf is path.Dir, with "" for the top.
func folderOf(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}
