package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/render"
)

// ErrChanged says that a file changed on disk while it was being judged.
var ErrChanged = errors.New("file changed while it was read; run again")

// Dir is a plain folder on disk as a [render.Tree]: the same entries and ids
// as git would give a commit of all its files. Folders named .git and folders
// without files are left out, as git leaves them out. It is safe for
// concurrent use.
//
// The first call of any method reads the whole folder once, to know the ids;
// what is then on disk is what is judged. Content that did not stay in memory
// is read again and must still have its id ([ErrChanged]), so that equal
// calls give equal bytes.
type Dir struct {
	root      *os.Root
	fileLimit int64
	cache     *cache

	loading sync.Mutex
	// folders are all folders by path, nil until they were read.
	folders map[string]folder
	// unreadable are the files that the system would not give, by path.
	unreadable map[string]error
	id         string
}

// folder is what one folder holds, or why nobody knows.
type folder struct {
	entries []render.Entry
	err     error
}

// Folder opens a folder on disk; no git is needed. A symlink to a folder is
// followed here, and nowhere else. Errors about the folder are a
// [SetupError]. The result should be closed.
func Folder(dir string, options Options) (*Dir, error) {
	options = options.withDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &SetupError{fmt.Sprintf("folder %q cannot be opened: %v", dir, err),
			"name a folder that you may read"}
	}
	return &Dir{root: root, fileLimit: options.FileLimit, cache: newCache(options.CacheLimit)}, nil
}

// Close gives the folder back to the system. Later reads of content that is
// not in memory fail.
func (d *Dir) Close() error { return d.root.Close() }

// ID is the id of git's tree of the whole folder, which is read for it if it
// was not yet. Where the system refuses to give something, the id is a new
// one each time: what cannot be read is equal to nothing.
func (d *Dir) ID() string {
	if err := d.load(context.Background()); err != nil {
		return randomID()
	}
	return d.id
}

// ReadDir implements [render.Tree]. What is no file, folder or symlink (a
// pipe, a device, a socket) is listed as a submodule and never opened.
func (d *Dir) ReadDir(ctx context.Context, dir string) ([]render.Entry, error) {
	if err := d.load(ctx); err != nil {
		return nil, pathError("list", dir, err)
	}
	found, ok := d.folders[dir]
	if !ok {
		return nil, pathError("list", dir, fs.ErrNotExist)
	}
	if found.err != nil {
		return nil, pathError("list", dir, found.err)
	}
	return found.entries, nil
}

// ReadFile implements [render.Tree]; a file that the system refuses to give
// is the system's error, and one that changed is [ErrChanged].
func (d *Dir) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if err := d.load(ctx); err != nil {
		return nil, pathError("read", path, err)
	}
	content, err := d.content(path)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	return content, nil
}

func (d *Dir) content(path string) ([]byte, error) {
	if _, isFolder := d.folders[path]; isFolder || path == "" {
		return nil, render.ErrNotFile
	}
	parent, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, name = path[:i], path[i+1:]
	}
	entry, ok := lookup(d.folders[parent].entries, name)
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case entry.Mode == render.ModeSubmodule:
		return nil, render.ErrNotFile
	case d.unreadable[path] != nil:
		return nil, d.unreadable[path]
	}
	if known, ok := d.cache.value(entry.ID).([]byte); ok {
		return known, nil
	}
	return d.again(path, entry)
}

// again reads content that is not in memory and checks that it is the same.
func (d *Dir) again(path string, entry render.Entry) ([]byte, error) {
	read, err := readEntry(d.root, filepath.FromSlash(path), d.fileLimit)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrChanged, err)
	}
	if read.mode != entry.Mode || read.id != entry.ID {
		return nil, ErrChanged
	}
	if read.tooLarge {
		return nil, fmt.Errorf("more than %d bytes: %w", d.fileLimit, render.ErrTooLarge)
	}
	d.cache.put(read.id, read.content, int64(len(read.content)))
	return read.content, nil
}

// load reads the folder unless that was done. A cancelled context leaves it
// to the next call.
func (d *Dir) load(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	if d.folders != nil {
		return nil
	}
	s := scan{ctx: ctx, dir: d, folders: map[string]folder{}, unreadable: map[string]error{}}
	id, err := s.folder(d.root, "", 0)
	if err != nil {
		return err
	}
	d.folders, d.unreadable, d.id = s.folders, s.unreadable, id
	return nil
}

var _ render.Tree = (*Dir)(nil)
