package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/render/worker"
	"github.com/countersign-dev/countersign/server/store"
)

// machine examines what is on this side.
func (e *examination) machine(ctx context.Context) {
	e.store(ctx)
	e.render(ctx)
}

func (e *examination) store(ctx context.Context) {
	s, err := store.Open(ctx, store.Options{URL: e.Settings.Database})
	if err == nil {
		err = errors.Join(s.Health(ctx), s.Close())
	}
	trouble, ok := errors.AsType[*store.Error](err)
	switch {
	case err == nil:
		e.good("the store can be written, and what it says is written is durable")
	case ok && trouble.Kind == store.Busy:
		e.bad("stop the server that uses it and run doctor again, or ask that server's /readyz",
			"the store is in use by another process: it could not be examined")
	default:
		e.bad("the folder must exist and be writable by this user; see docs/operations.md", "the store: %v", err)
	}
}

// attack is what a hostile pull request would send: something to fetch, and
// something that grows.
var attack = map[string]string{
	"remote/kustomization.yaml": "resources:\n- http://127.0.0.1:1/stolen.yaml\n",
	"bomb/kustomization.yaml":   "resources:\n- bomb.yaml\n",
	"bomb/bomb.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\ndata:\n" +
		"  a: &a [x, x, x, x, x, x, x, x, x, x]\n  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" +
		"  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n" +
		"  e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n  f: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
	"circle/kustomization.yaml": "resources:\n- circle.yaml\n",
	"circle/circle.yaml":        "a: &a\n  b: *a\n",
}

func (e *examination) render(ctx context.Context) {
	pool, err := worker.New(ctx, worker.Options{Args: e.RenderArgs, Children: 1,
		Key: []byte("doctor's own key, of no secrets at all"), KeyID: "doctor"})
	if err != nil {
		e.bad("the program must be able to start itself; a memory limit or a sandbox around it may forbid it",
			"no render child can be started: %v", err)
		return
	}
	defer pool.Close()
	for _, wall := range pool.Walls() {
		if wall.Holds {
			e.good("render child: %s is in force", wall.Name)
		} else {
			e.bad("see docs/operations.md, \"Walls\": what the kernel and the container must allow",
				"render child: %s is not in force: %s", wall.Name, wall.Why)
		}
	}
	if err := e.attack(ctx, pool); err != nil {
		e.bad("do not serve from this machine; report it", "an attack on the render child: %v", err)
		return
	}
	e.good("an attack on the render child fails cleanly, and the next build is right")
}

// attack plays hostile roots: each must fail for its reason, and an honest one
// must be built after them.
func (e *examination) attack(ctx context.Context, pool *worker.Pool) (err error) {
	folder, err := os.MkdirTemp("", "countersign-doctor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	files := map[string]string{
		"honest/kustomization.yaml": "resources:\n- honest.yaml\n",
		"honest/honest.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: honest}\n",
	}
	for name, text := range attack {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		if err != nil {
			return err
		}
	}
	tree, err := git.Folder(folder, git.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	want := []struct {
		root  string
		cause render.Cause
	}{{"remote", render.CauseRemote}, {"bomb", render.CauseLimit}, {"circle", render.CauseHostile}, {"honest", ""}}
	for _, w := range want {
		built, err := pool.Build(ctx, tree, render.Root{Path: w.root, Kind: render.RootKustomize, Destination: w.root})
		if err != nil {
			return err
		}
		var cause render.Cause
		if built.Problem != nil {
			cause = built.Problem.Cause
		}
		if cause != w.cause {
			return fmt.Errorf("%s ended with %q, not with %q", w.root, cause, w.cause)
		}
	}
	return nil
}
