package worker

import (
	"context"
	"fmt"
	"path"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// Build renders one root in a child. What ends the child by time, memory or
// crash is tried once more in a fresh one, and then is a failed build. The
// probes are those of both tries. Errors are the context's, the tree's, and
// that no child could be started.
func (p *Pool) Build(ctx context.Context, tree render.Tree, root render.Root) (render.Build, error) {
	build, err := p.build(ctx, tree, root, false)
	if err == nil && worthAgain(build.Problem) {
		first := build.Probes
		build, err = p.buildAgain(ctx, tree, root)
		build.Probes = union(first, build.Probes)
	}
	if err != nil {
		return render.Build{}, fmt.Errorf("build %q: %w", root.Path, err)
	}
	return build, nil
}

// worthAgain reports whether a problem may be the machine's.
func worthAgain(problem *render.Problem) bool {
	if problem == nil {
		return false
	}
	switch problem.Cause {
	case render.CauseDeadline, render.CauseMemory, render.CauseCrash:
		return true
	}
	return false
}

func (p *Pool) buildAgain(ctx context.Context, tree render.Tree, root render.Root) (render.Build, error) {
	select {
	case p.again <- struct{}{}:
	case <-ctx.Done():
		return render.Build{}, ctx.Err()
	case <-p.life.Done():
		return render.Build{}, ErrClosed
	}
	defer func() { <-p.again }()
	return p.build(ctx, tree, root, true)
}

func (p *Pool) build(ctx context.Context, tree render.Tree, root render.Root, fresh bool) (render.Build, error) {
	var build render.Build
	err := p.use(ctx, fresh, func(ctx context.Context, child *process) error {
		files := newFiles(ctx, tree, p.options.Limits)
		var result wire.BuildResult
		err := child.converse(ctx, p.options.Limits.Wall, func(c *wire.Conn) (err error) {
			result, err = c.Build(root, files.serve)
			return err
		})
		if err == nil {
			child.spent = child.spent || result.Tainted || result.Heap > p.options.Limits.Heap/4*3
			build = result.Build
			err = files.check(&build, root)
		}
		if err != nil {
			child.spent = true
			problem := child.fault(ctx, err, p.options.Limits)
			if problem == nil {
				return err
			}
			problem.Source.File = files.entry(root)
			build = render.Build{Status: render.StatusFailed, Problem: problem}
		}
		build.Root, build.Probes = root, files.sorted()
		return nil
	})
	return build, err
}

// entry is the file that a problem with a whole root is shown at: its
// kustomization, its only file, or for want of these its folder.
func (f *files) entry(root render.Root) string {
	if len(root.Files) == 1 {
		return root.Files[0]
	}
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		name = path.Join(root.Path, name)
		if f.probes[name].ID != "" {
			return name
		}
	}
	return root.Path
}

// Parse reads one document in a child. The name is for messages only.
func (p *Pool) Parse(ctx context.Context, name string, content []byte) (render.Document, *render.Problem, error) {
	if int64(len(content)) > p.options.Limits.File {
		return render.Document{}, tooLarge(name, p.options.Limits.File), nil
	}
	result, err := p.parse(ctx, name, content, false)
	if err == nil && worthAgain(result.Problem) {
		result, err = p.parse(ctx, name, content, true)
	}
	if err != nil {
		return render.Document{}, nil, fmt.Errorf("parse %q: %w", name, err)
	}
	if result.Problem != nil {
		return render.Document{}, result.Problem, nil
	}
	return result.Document, nil, nil
}

func (p *Pool) parse(ctx context.Context, name string, content []byte, fresh bool) (wire.ParseResult, error) {
	var result wire.ParseResult
	err := p.use(ctx, fresh, func(ctx context.Context, child *process) error {
		err := child.converse(ctx, p.options.Limits.Wall, func(c *wire.Conn) (err error) {
			result, err = c.Parse(name, content)
			return err
		})
		if err != nil {
			problem := child.fault(ctx, err, p.options.Limits)
			if problem == nil {
				return err
			}
			result = wire.ParseResult{Problem: problem}
		}
		if result.Problem != nil {
			result.Problem = cleaned(result.Problem)
			result.Problem.Source.File = name
		}
		for i := range result.Document.Positions {
			result.Document.Positions[i].Source.File = name
		}
		return nil
	})
	return result, err
}
