package render

import (
	"context"
	"errors"
)

// Mode says what a directory entry is.
type Mode uint8

// The modes that git knows.
const (
	ModeFile Mode = iota + 1
	ModeExecutable
	ModeSymlink
	ModeDir
	ModeSubmodule
)

// Entry is one name in a directory of a [Tree].
type Entry struct {
	// Name is the last path element, as bytes of the repository: it may hold
	// anything but a slash and a NUL. It is not trusted.
	Name string
	Mode Mode
	// ID is the git object id in hex: of the blob (for a symlink, of its
	// target text), of the tree, or of the submodule's commit.
	ID string
}

// Errors that a [Tree] returns, to be tested with errors.Is. A missing path
// is fs.ErrNotExist.
var (
	// ErrTooLarge says that a blob exceeds the size limit of the tree.
	ErrTooLarge = errors.New("file is larger than the limit")
	// ErrNotFile says that a path names a directory or a submodule.
	ErrNotFile = errors.New("not a file")
	// ErrMalformed says that an object of the tree is not what git itself
	// would write (a directory with a name like "..", or with one name twice):
	// it was made by hand and means different things to different readers.
	ErrMalformed = errors.New("malformed git object")
)

// Tree is a repository's files at one commit, read-only: content never
// changes, reads are bounded, and nothing outside it can be reached.
// Paths are slash-separated and relative to the repository's top, which is
// ""; they have no "." or ".." elements and no trailing slash. A Tree never
// follows symlinks; [Resolve] does, inside the tree. Implementations are safe
// for concurrent use.
type Tree interface {
	// ID is the git object id of the tree in hex: equal ids, equal content.
	ID() string
	// ReadDir lists one directory, sorted by name in byte order. A missing
	// directory, or a path that is no directory, is fs.ErrNotExist; one that
	// nobody should interpret is ErrMalformed. The caller must not change the
	// slice.
	ReadDir(ctx context.Context, dir string) ([]Entry, error)
	// ReadFile returns a blob's bytes (for a symlink, its target text).
	// Errors: fs.ErrNotExist, ErrNotFile, ErrTooLarge. The caller must not
	// change the bytes.
	ReadFile(ctx context.Context, path string) ([]byte, error)
}
