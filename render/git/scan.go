package git

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/countersign-dev/countersign/render"
)

// Limits of a folder on disk, far above any repository.
const (
	maxDepth   = 200
	maxEntries = 2_000_000
)

// scan is the one walk over a folder on disk.
type scan struct {
	ctx        context.Context
	dir        *Dir
	count      int
	folders    map[string]folder
	unreadable map[string]error
}

// folder reads one folder and all below it, and returns its tree id. Errors
// are those that end the whole scan; what the system refuses is remembered.
func (s *scan) folder(root *os.Root, at string, depth int) (string, error) {
	if depth > maxDepth {
		return "", fmt.Errorf("%q: more than %d folders deep", at, maxDepth)
	}
	names, err := listNames(root)
	if err != nil {
		s.folders[at] = folder{err: err}
		return randomID(), nil
	}
	if s.count += len(names); s.count > maxEntries {
		return "", fmt.Errorf("more than %d files; name a smaller folder", maxEntries)
	}
	entries := make([]render.Entry, 0, len(names))
	for _, name := range names {
		if s.ctx.Err() != nil {
			return "", context.Cause(s.ctx)
		}
		if strings.EqualFold(name, ".git") {
			continue
		}
		entry, err := s.entry(root, at, name, depth)
		if err != nil {
			return "", err
		}
		if entry.ID != "" {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, compareEntries)
	if len(entries) == 0 && at != "" {
		return "", nil
	}
	s.folders[at] = folder{entries: entries}
	return treeID(entries), nil
}

// entry reads one name of a folder; its id is "" for what git leaves out.
func (s *scan) entry(root *os.Root, at, name string, depth int) (render.Entry, error) {
	path := name
	if at != "" {
		path = at + "/" + name
	}
	read, err := readEntry(root, name, s.dir.fileLimit)
	if err != nil {
		s.unreadable[path] = err
		return render.Entry{Name: name, Mode: render.ModeFile, ID: randomID()}, nil
	}
	if read.mode != render.ModeDir {
		if !read.tooLarge {
			s.dir.cache.put(read.id, read.content, int64(len(read.content)))
		}
		return render.Entry{Name: name, Mode: read.mode, ID: read.id}, nil
	}
	sub, err := openSame(root, name, read.stat)
	if err != nil {
		s.folders[path] = folder{err: err}
		return render.Entry{Name: name, Mode: render.ModeDir, ID: randomID()}, nil
	}
	id, err := s.folder(sub, path, depth+1)
	return render.Entry{Name: name, Mode: render.ModeDir, ID: id}, errors.Join(err, sub.Close())
}

// openSame opens a folder that was seen before, and nothing that has taken
// its place since.
func openSame(root *os.Root, name string, seen fs.FileInfo) (*os.Root, error) {
	sub, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	stat, err := sub.Stat(".")
	if err == nil && !os.SameFile(seen, stat) {
		err = ErrChanged
	}
	if err != nil {
		return nil, errors.Join(err, sub.Close())
	}
	return sub, nil
}

func listNames(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

// reading is what lies under one name.
type reading struct {
	stat     fs.FileInfo
	mode     render.Mode
	id       string // "" for a folder
	content  []byte // nil when tooLarge
	tooLarge bool
}

// readEntry reads what lies under a name, without following a symlink there.
// Only regular files are opened.
func readEntry(root *os.Root, name string, limit int64) (reading, error) {
	stat, err := root.Lstat(name)
	if err != nil {
		return reading{}, err
	}
	switch kind := stat.Mode().Type(); kind {
	case 0:
		return readRegular(root, name, stat, limit)
	case fs.ModeDir:
		return reading{stat: stat, mode: render.ModeDir}, nil
	case fs.ModeSymlink:
		target, err := root.Readlink(name)
		if err != nil {
			return reading{}, err
		}
		content := []byte(target)
		return reading{stat: stat, mode: render.ModeSymlink, id: objectID("blob", content), content: content}, nil
	default:
		id := objectID("special", []byte(kind.String()))
		return reading{stat: stat, mode: render.ModeSubmodule, id: id}, nil
	}
}

// readRegular reads a regular file. One that was swapped for something else
// in between is not read, and opening does not wait for a pipe's writer.
func readRegular(root *os.Root, name string, seen fs.FileInfo, limit int64) (got reading, err error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return reading{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stat, err := f.Stat()
	if err != nil {
		return reading{}, err
	}
	if !os.SameFile(seen, stat) || !stat.Mode().IsRegular() {
		return reading{}, ErrChanged
	}
	got = reading{stat: stat, mode: render.ModeFile}
	if stat.Mode()&0o100 != 0 {
		got.mode = render.ModeExecutable
	}
	h := newHash(sha1Hex, "blob", stat.Size())
	var size int64
	if stat.Size() > limit {
		got.tooLarge = true
		size, err = io.Copy(h, io.LimitReader(f, stat.Size()+1))
	} else {
		got.content, err = io.ReadAll(io.LimitReader(f, stat.Size()+1))
		size = int64(len(got.content))
		h.Write(got.content)
	}
	if err != nil {
		return reading{}, err
	}
	if size != stat.Size() {
		return reading{}, ErrChanged
	}
	got.id = hex.EncodeToString(h.Sum(nil))
	return got, nil
}

// treeID is the id of the tree object that git would write.
func treeID(entries []render.Entry) string {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b render.Entry) int {
		return strings.Compare(sortKey(a), sortKey(b))
	})
	var content []byte
	for _, e := range sorted {
		content = append(content, modeText(e.Mode)+" "+e.Name+"\x00"...)
		// All ids of a folder are hex of our own making.
		content, _ = hex.AppendDecode(content, []byte(e.ID))
	}
	return objectID("tree", content)
}

func modeText(mode render.Mode) string {
	switch mode {
	case render.ModeFile:
		return "100644"
	case render.ModeExecutable:
		return "100755"
	case render.ModeSymlink:
		return "120000"
	case render.ModeDir:
		return "40000"
	}
	return "160000"
}

// randomID is an id that nothing else has.
func randomID() string {
	b := make([]byte, sha1Hex/2)
	rand.Read(b)
	return hex.EncodeToString(b)
}
