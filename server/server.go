package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/countersign-dev/countersign/server/settings"
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
}

// Server is the App at work.
type Server struct{}

// New opens what the server needs and listens; it does not serve yet. The
// errors say what to do. The caller must Run it, which closes it.
func New(ctx context.Context, o Options) (*Server, error) { panic("contract") }

// Run serves until ctx ends, then stops gracefully, within 25 s.
func (s *Server) Run(ctx context.Context) error { panic("contract") }

// URL is where webhooks are taken: http://ADDRESS. OperationsURL is the other listener's.
func (s *Server) URL() string           { panic("contract") }
func (s *Server) OperationsURL() string { panic("contract") }

// Quiet waits until no work is due or under way.
func (s *Server) Quiet(ctx context.Context) error { panic("contract") }

// Sweep looks once, now, at what no event told: failed deliveries and all open pull requests.
func (s *Server) Sweep(ctx context.Context) error { panic("contract") }
