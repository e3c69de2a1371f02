package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// What to do about a file that cannot be read.
const (
	relink = "let it point to a file of the repository"
	unlink = "commit the file itself"
)

const (
	batchFiles = 128
	batchBytes = 2 << 20
)

// Scan says what files are, in the order of paths. A path that leads to
// nothing that is a file has no facts; a file that cannot be read, or that no
// child survives, has a problem. Facts are remembered by base name and blob
// id: they are shared and must not be changed. Errors are the context's, the
// tree's, and that no child could be started.
func (p *Pool) Scan(ctx context.Context, tree render.Tree, paths []string) ([]render.FileFacts, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &scan{
		pool: p, tree: tree, facts: make([]render.FileFacts, len(paths)),
		folders: map[string][]render.Entry{}, first: map[key]int{}, twins: map[int]int{},
	}
	room := make(chan struct{}, p.options.Children)
	var running sync.WaitGroup
	for batch, err := range s.batches(ctx, paths) {
		if err != nil {
			cancel(err)
			break
		}
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			if err := s.run(ctx, batch); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("scan %d files: %w", len(paths), p.ended(err))
	}
	for twin, place := range s.twins {
		s.facts[twin] = s.facts[place]
	}
	for i, name := range paths {
		s.facts[i] = located(s.facts[i], name)
	}
	return s.facts, nil
}

// located names the file in a problem, on a copy.
func located(f render.FileFacts, name string) render.FileFacts {
	if f.Problem != nil {
		problem := *f.Problem
		problem.Source.File = name
		f.Problem = &problem
	}
	return f
}

// scan is one call of [Pool.Scan]. Only the walk over the paths touches the
// maps; batches write to facts at places of their own.
type scan struct {
	pool    *Pool
	tree    render.Tree
	facts   []render.FileFacts
	folders map[string][]render.Entry
	// first is the place of each file that is being scanned, and twins are the
	// places that get the same facts as another.
	first map[key]int
	twins map[int]int
}

// batch is files that one message carries.
type batch struct {
	places []int
	keys   []key
	files  []wire.File
	bytes  int
}

// batches reads the files that are not known yet.
func (s *scan) batches(ctx context.Context, paths []string) func(yield func(batch, error) bool) {
	return func(yield func(batch, error) bool) {
		var b batch
		for i, name := range paths {
			if ctx.Err() != nil {
				return
			}
			err := s.add(ctx, &b, i, name)
			if err != nil {
				yield(batch{}, err)
				return
			}
			if len(b.files) == batchFiles || b.bytes > batchBytes {
				if !yield(b, nil) {
					return
				}
				b = batch{}
			}
		}
		if len(b.files) > 0 {
			yield(b, nil)
		}
	}
}

// add puts a file into the batch, unless its facts are known without.
func (s *scan) add(ctx context.Context, b *batch, place int, name string) error {
	at, problem, err := s.find(ctx, name)
	if err != nil || problem != nil || at.id == "" {
		s.facts[place].Problem = problem
		return err
	}
	k := key{base: path.Base(name), id: at.id}
	if facts, ok := s.pool.known.recall(k); ok {
		s.facts[place] = facts
		return nil
	}
	if first, ok := s.first[k]; ok {
		s.twins[place] = first
		return nil
	}
	s.first[k] = place
	content, err := s.tree.ReadFile(ctx, at.path)
	limit := s.pool.options.Limits.File
	switch {
	case errors.Is(err, render.ErrTooLarge), err == nil && int64(len(content)) > limit:
		s.facts[place].Problem = tooLarge(name, limit)
		return nil
	case err != nil:
		return fmt.Errorf("read %q: %w", name, err)
	case pointer(content):
		s.facts[place].Problem = unreadable("is an LFS pointer, not content", unlink)
		return nil
	}
	b.places, b.keys = append(b.places, place), append(b.keys, k)
	b.files = append(b.files, wire.File{Path: k.base, Content: content})
	b.bytes += len(content)
	return nil
}

// found is where a file lies; no id says that it is none.
type found struct{ path, id string }

func (s *scan) find(ctx context.Context, name string) (found, *render.Problem, error) {
	entry, err := s.entry(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return found{}, nil, nil
	}
	at := name
	if err == nil && entry.Mode == render.ModeSymlink {
		var to render.Resolution
		to, err = render.Resolve(ctx, s.tree, name)
		at, entry = to.Path, to.Entry
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found{}, unreadable("is a symlink to what is not in the tree", relink), nil
	case errors.Is(err, render.ErrOutside):
		return found{}, unreadable("is a symlink that leaves the tree", relink), nil
	case errors.Is(err, render.ErrLoop), errors.Is(err, render.ErrTooLarge):
		return found{}, unreadable("is a symlink that cannot be followed", relink), nil
	case errors.Is(err, render.ErrNotFile):
		return found{}, unreadable("is a symlink into a submodule", unlink), nil
	case err != nil:
		return found{}, nil, fmt.Errorf("look for %q: %w", name, err)
	case entry.Mode != render.ModeFile && entry.Mode != render.ModeExecutable:
		return found{}, nil, nil
	}
	return found{path: at, id: entry.ID}, nil, nil
}

// entry finds a path in its folder, which is listed once.
func (s *scan) entry(ctx context.Context, name string) (render.Entry, error) {
	dir := path.Dir(name)
	if dir == "." {
		dir = ""
	}
	entries, ok := s.folders[dir]
	if !ok {
		var err error
		if entries, err = s.tree.ReadDir(ctx, dir); err != nil {
			return render.Entry{}, err
		}
		s.folders[dir] = entries
	}
	base := path.Base(name)
	i, ok := slices.BinarySearchFunc(entries, base, func(e render.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !ok {
		return render.Entry{}, fs.ErrNotExist
	}
	return entries[i], nil
}

// run scans a batch. If that ends a child, each file goes alone: only one that
// ends a child again is to blame.
func (s *scan) run(ctx context.Context, b batch) error {
	problem, err := s.try(ctx, b, false)
	if err != nil || problem == nil {
		return err
	}
	for i := range b.files {
		one := batch{places: b.places[i : i+1], keys: b.keys[i : i+1], files: b.files[i : i+1]}
		problem, err := s.try(ctx, one, len(b.files) == 1)
		if err != nil {
			return err
		}
		if problem != nil {
			s.facts[b.places[i]] = render.FileFacts{Problem: problem}
		}
	}
	return nil
}

// try scans files together and keeps their facts. A problem says that no child
// survived it.
func (s *scan) try(ctx context.Context, b batch, fresh bool) (*render.Problem, error) {
	facts, problem, err := s.pool.scan(ctx, b.files, fresh)
	if err != nil || problem != nil {
		return problem, err
	}
	for i, f := range facts {
		s.facts[b.places[i]] = f
		if !worthAgain(f.Problem) {
			s.pool.known.remember(b.keys[i], f)
		}
	}
	return nil, nil
}

// scan asks one child. A problem says that the child did not survive it.
func (p *Pool) scan(ctx context.Context, files []wire.File, fresh bool) ([]render.FileFacts, *render.Problem, error) {
	var facts []render.FileFacts
	var problem *render.Problem
	err := p.use(ctx, fresh, func(ctx context.Context, child *process) error {
		err := child.converse(ctx, p.options.Limits.Wall, func(c *wire.Conn) error {
			result, err := c.Scan(files)
			facts = result.Facts
			return err
		})
		if err == nil {
			for i := range facts {
				if facts[i].Problem != nil {
					facts[i].Problem = cleaned(facts[i].Problem)
				}
			}
			return nil
		}
		if problem = child.fault(ctx, err, p.options.Limits); problem == nil {
			return err
		}
		return nil
	})
	return facts, problem, err
}

func tooLarge(name string, limit int64) *render.Problem {
	return &render.Problem{
		Cause:   render.CauseLimit,
		Message: fmt.Sprintf("the file is larger than %d KiB", limit>>10),
		Remedy:  "split it",
		Source:  render.Source{File: name},
	}
}

func unreadable(what, remedy string) *render.Problem {
	return &render.Problem{Cause: render.CauseUnreadable, Message: "the file " + what, Remedy: remedy}
}
