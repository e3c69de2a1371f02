package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/worker"
)

var errStopping = errors.New("the server stops")

// timed is the pool of render children, with a clock beside it.
type timed struct {
	*worker.Pool
	metrics *metrics
	busy    *atomic.Int64 // builds under way
}

// Build implements render.Builder.
func (t timed) Build(ctx context.Context, tree render.Tree, root render.Root) (render.Build, error) {
	t.busy.Add(1)
	defer t.busy.Add(-1)
	begun := time.Now()
	build, err := t.Pool.Build(ctx, tree, root)
	status := string(build.Status)
	if err != nil {
		status = "error"
	}
	t.metrics.rendering.WithLabelValues(status).Observe(time.Since(begun).Seconds())
	return build, err
}

// able says why the server cannot do its work: the store does not keep, GitHub
// never told who we are, no render child answers.
func (s *Server) able(ctx context.Context) error {
	if err := s.store.Health(ctx); err != nil {
		return err
	}
	select {
	case <-s.known:
	default:
		return errors.New("GitHub has not told yet who this App is")
	}
	if s.busy.Load() > 0 {
		return nil // children that build live; to ask one more would wait for them
	}
	if _, _, err := s.pool.Parse(ctx, "ready.yaml", []byte("ready: true\n")); err != nil {
		return fmt.Errorf("the render children: %w", err)
	}
	return nil
}
