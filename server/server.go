package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render/worker"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/settings"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/work"
)

// Options say what a server starts with; Settings and Version are needed.
type Options struct {
	Settings settings.Settings
	Version  string
	Log      *slog.Logger
	// RenderArgs are the arguments by which this program is a render child.
	RenderArgs []string
	// Clock is the time of facts and of the store; nil means the wall clock and the database's.
	Clock func() time.Time
	// Transport carries requests to GitHub; nil means one of our own.
	Transport http.RoundTripper
	// Rules are shared by several servers of one process, which then do not
	// measure how long they take; nil means rules of its own.
	Rules *engine.Engine
}

// Server is the App at work. Its methods may be called from anywhere.
type Server struct {
	settings settings.Settings
	log      *slog.Logger
	clock    func() time.Time
	metrics  *metrics

	store    *store.Store
	pool     *worker.Pool
	mirrors  *mirror.Mirrors
	assessor *policy.Assessor
	app      *github.App
	loop     *work.Loop
	alerts   *alerts

	web, operations     *http.Server
	webSocket, opSocket net.Listener

	crew  *crew         // set before known is closed
	known chan struct{} // closed once GitHub told who we are
	began chan struct{} // closed once the first look at everything is over
	ready readiness
	busy  atomic.Int64 // builds under way

	closers []func() error // in the order of opening
	closing sync.Once
	closed  error
}

// How long the parts of a stop may take; together less than 25 s.
const (
	drain = 3 * time.Second  // requests under way
	grace = 12 * time.Second // runs under way
	force = 18 * time.Second // then children and git are ended under them
	bury  = 5 * time.Second  // and what still does not end is said
)

// New opens what the server needs and listens; it does not serve yet. The
// errors say what to do. The caller must Run it, which closes it.
func New(ctx context.Context, o Options) (*Server, error) {
	o.Settings = o.Settings.Filled()
	if err := o.Settings.Check(); err != nil {
		return nil, &SettingsError{err}
	}
	s := &Server{settings: o.Settings, metrics: newMetrics(), clock: cmpFunc(o.Clock, time.Now),
		known: make(chan struct{}), began: make(chan struct{})}
	log := cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	s.log = slog.New(counting{Handler: log.Handler(), errors: s.metrics.errors})
	for _, open := range []func(context.Context, Options) error{
		s.openStore, s.openPool, s.openMirrors, s.openGitHub, s.listen,
	} {
		if err := open(ctx, o); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// SettingsError says which settings do not fit this machine or GitHub, and
// what to do. Err is never nil.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }
func (e *SettingsError) Unwrap() error { return e.Err }

// misfit is an error that other settings would mend.
func misfit(format string, args ...any) error { return &SettingsError{fmt.Errorf(format, args...)} }

func cmpFunc(f, or func() time.Time) func() time.Time {
	if f == nil {
		return or
	}
	return f
}

// Run serves until ctx ends, then stops gracefully, within 25 s. It may be
// called once.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var web, rest sync.WaitGroup
	serve := func(group *sync.WaitGroup, server *http.Server, socket net.Listener) {
		group.Go(func() {
			if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("serve %s: %w", socket.Addr(), err))
			}
		})
	}
	serve(&web, s.web, s.webSocket)
	serve(&rest, s.operations, s.opSocket)
	work := make(chan struct{})
	go func() {
		defer close(work)
		if err := s.work(ctx); err != nil {
			stop(err)
		}
	}()
	s.log.Info("serving", "url", s.URL(), "operations", s.OperationsURL())
	<-ctx.Done()
	s.log.Info("stopping")
	s.ready.stop()
	errs := []error{s.unless(context.Cause(ctx))}
	begun := time.Now()
	errs = append(errs, shutdown(s.web))
	web.Wait()
	errs = append(errs, s.await(work, begun))
	errs = append(errs, s.operations.Close())
	rest.Wait()
	return errors.Join(append(errs, s.close())...)
}

// unless is an error that is not the caller's wish to stop.
func (s *Server) unless(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// await waits for the work to end, and makes it end where it does not.
func (s *Server) await(ended chan struct{}, begun time.Time) error {
	limit := time.NewTimer(force - time.Since(begun))
	defer limit.Stop()
	select {
	case <-ended:
		return nil
	case <-limit.C:
	}
	s.pool.Close()
	err := s.mirrors.Close()
	last := time.NewTimer(bury)
	defer last.Stop()
	select {
	case <-ended:
		return err
	case <-last.C:
		return errors.Join(err, errors.New("the work under way did not end: its leases run out by themselves"))
	}
}

func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// close closes what New opened, the last first.
func (s *Server) close() error {
	s.closing.Do(func() {
		var errs []error
		for i := len(s.closers) - 1; i >= 0; i-- {
			errs = append(errs, s.closers[i]())
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// URL is where webhooks are taken: http://ADDRESS.
func (s *Server) URL() string { return "http://" + s.webSocket.Addr().String() }

// OperationsURL is where metrics and profiles are: http://ADDRESS.
func (s *Server) OperationsURL() string { return "http://" + s.opSocket.Addr().String() }

// Quiet waits until the first look at everything is over and no work is due or
// under way. The error is the context's or the store's.
func (s *Server) Quiet(ctx context.Context) error {
	select {
	case <-s.began:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.loop.Nudge() // an injected clock moves without a word
	return s.loop.Quiet(ctx)
}

// Sweep looks once, now, at what no event told: failed deliveries and all open
// pull requests. What it wakes is then worked on.
func (s *Server) Sweep(ctx context.Context) error {
	select {
	case <-s.known:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.sweep(ctx)
}

func (s *Server) sweep(ctx context.Context) error {
	err := errors.Join(s.crew.sweeper.Redeliver(ctx), s.crew.sweeper.Reconcile(ctx))
	s.loop.Nudge()
	return err
}
