package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/sandbox"
	"github.com/countersign-dev/countersign/render/wire"
)

// ErrClosed says that the pool was closed.
var ErrClosed = errors.New("the render pool is closed")

// Pool is a [render.Builder] over a fixed number of render children. It is
// safe for concurrent use. Children are started when they are needed and kept
// for the next root.
type Pool struct {
	options Options
	level   sandbox.Level
	walls   []wire.Wall
	known   memory
	// slots holds one element for each child that may run: an idle child, or
	// nil where one has to be started first.
	slots chan *process
	// again is held by who tries a root for the second time: these run one
	// after the other, so that they do not starve each other.
	again chan struct{}
	life  context.Context
	end   context.CancelFunc
	once  sync.Once
}

var _ render.Builder = (*Pool)(nil)

// New starts the first child, and finds out how far this machine lets it be
// confined. ctx bounds the start only: the pool lives until [Pool.Close]. The
// error says why no child can be started.
func New(ctx context.Context, options Options) (*Pool, error) {
	if len(options.Key) < minKey {
		return nil, fmt.Errorf("the HMAC key has %d bytes, needs %d", len(options.Key), minKey)
	}
	o := options.filled()
	p := &Pool{options: o, slots: make(chan *process, o.Children), again: make(chan struct{}, 1)}
	first, err := spawn(ctx, o, p.level)
	for err != nil && ctx.Err() == nil && p.level.Refuses(err) {
		p.level++
		first, err = spawn(ctx, o, p.level)
	}
	if err != nil {
		return nil, fmt.Errorf("start a render child: %w", err)
	}
	p.walls = first.walls
	p.life, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.slots <- first
	for range o.Children - 1 {
		p.slots <- nil
	}
	return p, nil
}

// Walls says which walls hold around the children on this machine. The slice
// must not be changed.
func (p *Pool) Walls() []wire.Wall { return p.walls }

// Close ends all children, those at work as well, and waits until they are
// gone. Calls that are under way and later ones return [ErrClosed].
func (p *Pool) Close() {
	p.once.Do(func() {
		p.end()
		for range cap(p.slots) {
			if child := <-p.slots; child != nil {
				child.discard()
			}
		}
	})
}

// use runs work with a child, a fresh one if asked for, and gives it back. It
// waits until one is idle. work's error is returned as it is.
func (p *Pool) use(ctx context.Context, fresh bool, work func(context.Context, *process) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	var child *process
	select {
	case child = <-p.slots:
	case <-ctx.Done():
		return p.ended(ctx.Err())
	}
	defer func() { p.slots <- child }()
	if ctx.Err() != nil {
		return p.ended(ctx.Err())
	}
	if child != nil && (fresh || child.gone()) {
		child.discard()
		child = nil
	}
	if child == nil {
		started, err := spawn(ctx, p.options, p.level)
		if err != nil {
			return p.ended(err)
		}
		child = started
	}
	err := work(ctx, child)
	if child.spent {
		child.discard()
		child = nil
	}
	return p.ended(err)
}

// ended replaces an error that closing the pool has caused.
func (p *Pool) ended(err error) error {
	if err != nil && p.life.Err() != nil {
		return ErrClosed
	}
	return err
}

// gone reports whether an idle child has ended.
func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
