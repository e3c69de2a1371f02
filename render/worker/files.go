package worker

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// files is what one build sees of a tree, and what it saw. The paths come from
// the child, and so from the pull request.
type files struct {
	ctx    context.Context
	tree   render.Tree
	limits Limits
	probes map[string]render.Probe
	// seen are the paths, as asked for, under which something was read.
	seen     map[string]bool
	bytes    int64
	requests int
}

func newFiles(ctx context.Context, tree render.Tree, limits Limits) *files {
	return &files{
		ctx: ctx, tree: tree, limits: limits,
		probes: map[string]render.Probe{}, seen: map[string]bool{},
	}
}

// serve answers one request. An error is the world's, or [errBusy].
func (f *files) serve(request wire.FSRequest) (wire.FSReply, error) {
	if f.requests++; f.requests > f.limits.Requests {
		return wire.FSReply{}, errBusy
	}
	if len(request.Path) > maxPath || strings.ContainsRune(request.Path, 0) {
		return wire.FSReply{Code: wire.CodeInvalid}, nil
	}
	at, err := render.Resolve(f.ctx, f.tree, request.Path)
	for _, probe := range at.Probes {
		f.probe(probe)
	}
	reply := wire.FSReply{Code: wire.CodeOK, Path: at.Path}
	if err != nil {
		reply.Code, err = code(err)
		return reply, err
	}
	switch at.Entry.Mode {
	case render.ModeSubmodule:
		reply.Code = wire.CodeSubmodule
		return reply, nil
	case render.ModeDir:
		reply.Kind = wire.KindDir
	default:
		reply.Kind = wire.KindFile
	}
	switch request.Op {
	case wire.OpStat:
	case wire.OpReadFile:
		err = f.read(&reply)
	case wire.OpReadDir:
		err = f.list(&reply, at.Entry)
	default:
		reply.Code = wire.CodeInvalid
	}
	if err == nil && reply.Code == wire.CodeOK {
		f.seen[path.Clean(request.Path)] = true
		f.seen[reply.Path] = true
	}
	return reply, err
}

const maxPath = 64 << 10

func (f *files) read(reply *wire.FSReply) error {
	if reply.Kind != wire.KindFile {
		reply.Code = wire.CodeDir
		return nil
	}
	content, err := f.tree.ReadFile(f.ctx, reply.Path)
	if err != nil {
		reply.Code, err = code(err)
		return err
	}
	switch {
	case int64(len(content)) > f.limits.File:
		reply.Code = wire.CodeTooLarge
	case pointer(content):
		reply.Code = wire.CodePointer
	case !f.afford(len(content)):
		reply.Code = wire.CodeBudget
	default:
		reply.Content = content
	}
	return nil
}

func (f *files) list(reply *wire.FSReply, dir render.Entry) error {
	if reply.Kind != wire.KindDir {
		reply.Code = wire.CodeFile
		return nil
	}
	f.probe(render.Probe{Path: reply.Path, ID: dir.ID, Dir: true})
	entries, err := f.tree.ReadDir(f.ctx, reply.Path)
	if err != nil {
		reply.Code, err = code(err)
		return err
	}
	size := 0
	names := make([]wire.DirEntry, len(entries))
	for i, entry := range entries {
		size += len(entry.Name) + 2
		names[i] = wire.DirEntry{Name: entry.Name, Dir: entry.Mode == render.ModeDir}
	}
	if !f.afford(size) {
		reply.Code = wire.CodeBudget
		return nil
	}
	reply.Entries = names
	return nil
}

func (f *files) afford(n int) bool {
	f.bytes += int64(n)
	return f.bytes <= f.limits.Bytes
}

// probe keeps one probe for a path; that a directory was listed outweighs
// that it was passed through.
func (f *files) probe(p render.Probe) {
	p.Dir = p.Dir || f.probes[p.Path].Dir
	f.probes[p.Path] = p
}

func (f *files) sorted() []render.Probe {
	return slices.SortedFunc(maps.Values(f.probes), byPath)
}

func byPath(a, b render.Probe) int { return strings.Compare(a.Path, b.Path) }

// union joins the probes of two builds of the same root.
func union(a, b []render.Probe) []render.Probe {
	all := files{probes: map[string]render.Probe{}}
	for _, p := range slices.Concat(a, b) {
		all.probe(p)
	}
	return all.sorted()
}

// code says how a look at the tree ended; an error is the world's.
func code(err error) (wire.Code, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wire.CodeMissing, nil
	case errors.Is(err, render.ErrOutside):
		return wire.CodeOutside, nil
	case errors.Is(err, render.ErrLoop):
		return wire.CodeLoop, nil
	case errors.Is(err, render.ErrTooLarge):
		return wire.CodeTooLarge, nil
	case errors.Is(err, render.ErrNotFile):
		return wire.CodeSubmodule, nil
	}
	return 0, worldError{err}
}

// pointer reports whether content is what Git LFS leaves in place of a file.
func pointer(content []byte) bool {
	return len(content) < 1024 && bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/v1\n"))
}
