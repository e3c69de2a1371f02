package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// maxTreeObject is the size in bytes up to which a directory is listed: some
// 200,000 names.
const maxTreeObject = 8 << 20

// tree is a tree of a repository; all its knowledge is in the repository's
// cache.
type tree struct {
	repo *Repo
	id   string
}

// Tree returns the tree with the given object id. Whether it exists shows
// when it is read; reading fails with a [MissingError] then. The tree is safe
// for concurrent use and ends with the repository.
func (r *Repo) Tree(id string) render.Tree { return tree{r, id} }

func (t tree) ID() string { return t.id }

func (t tree) ReadDir(ctx context.Context, dir string) ([]render.Entry, error) {
	id := t.id
	if dir != "" {
		entry, err := t.find(ctx, dir)
		if err != nil {
			return nil, pathError("list", dir, err)
		}
		if entry.Mode != render.ModeDir {
			return nil, pathError("list", dir, fs.ErrNotExist)
		}
		id = entry.ID
	}
	entries, err := t.repo.entries(ctx, id)
	if err != nil {
		return nil, pathError("list", dir, err)
	}
	return entries, nil
}

func (t tree) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if path == "" {
		return nil, pathError("read", path, render.ErrNotFile)
	}
	entry, err := t.find(ctx, path)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	if entry.Mode == render.ModeDir || entry.Mode == render.ModeSubmodule {
		return nil, pathError("read", path, render.ErrNotFile)
	}
	content, err := t.repo.blob(ctx, entry.ID)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	return content, nil
}

// find walks down to a path, without following symlinks.
func (t tree) find(ctx context.Context, path string) (render.Entry, error) {
	entry := render.Entry{Mode: render.ModeDir, ID: t.id}
	for name := range strings.SplitSeq(path, "/") {
		if entry.Mode != render.ModeDir {
			return render.Entry{}, fs.ErrNotExist
		}
		entries, err := t.repo.entries(ctx, entry.ID)
		if err != nil {
			return render.Entry{}, err
		}
		var found bool
		if entry, found = lookup(entries, name); !found {
			return render.Entry{}, fs.ErrNotExist
		}
	}
	return entry, nil
}

// entries returns a tree object's entries, sorted by name.
func (r *Repo) entries(ctx context.Context, id string) ([]render.Entry, error) {
	if known, ok := r.cache.value(id).([]render.Entry); ok {
		return known, nil
	}
	content, err := r.object(ctx, id, "tree", maxTreeObject)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(id, content, r.idLength)
	if err != nil {
		return nil, err
	}
	cost := int64(0)
	for _, e := range entries {
		cost += int64(len(e.Name)+len(e.ID)) + 48
	}
	r.cache.put(id, entries, cost)
	return entries, nil
}

// blob returns a blob's content.
func (r *Repo) blob(ctx context.Context, id string) ([]byte, error) {
	if known, ok := r.cache.value(id).([]byte); ok {
		return known, nil
	}
	content, err := r.object(ctx, id, "blob", r.fileLimit)
	if err != nil {
		return nil, err
	}
	r.cache.put(id, content, int64(len(content)))
	return content, nil
}

// object reads an object that must be of one kind.
func (r *Repo) object(ctx context.Context, id, kind string, limit int64) ([]byte, error) {
	found, err := r.batch.read(ctx, id, limit)
	if found.kind != "" && found.kind != kind {
		return nil, malformed("object", id, fmt.Sprintf("is a %s where a %s must be", found.kind, kind))
	}
	if err != nil {
		return nil, err
	}
	return found.content, nil
}

// pathError says where an error happened. A missing path is by far the most
// frequent and is all said by its name.
func pathError(operation, path string, err error) error {
	var known *fs.PathError
	if errors.As(err, &known) {
		return err
	}
	return &fs.PathError{Op: operation, Path: path, Err: err}
}
