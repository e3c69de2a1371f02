package server

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/server/webhook"
)

// httpServer bounds what a slow or silent peer can hold.
func (s *Server) httpServer(handler http.Handler, write time.Duration) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: write, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: log.New(quiet{s.log}, "", 0),
	}
}

// quiet takes the server's own remarks about peers that misbehave: they are
// nobody's alarm.
type quiet struct{ log *slog.Logger }

func (q quiet) Write(line []byte) (int, error) {
	q.log.Debug("http", "remark", strings.TrimSpace(string(line)))
	return len(line), nil
}

func (s *Server) webServer() *http.Server {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		status := http.StatusInternalServerError
		if known, ok := err.(*echo.HTTPError); ok { //nolint:errorlint // echo returns its own as it is
			status = known.Code
		} else {
			s.log.Error("http", "error", err)
		}
		if !c.Response().Committed {
			err = c.String(status, http.StatusText(status)+"\n")
		}
		if err != nil && !c.Response().Committed {
			s.log.Debug("http", "error", err)
		}
	}
	e.POST("/webhook", echo.WrapHandler(&webhook.Receiver{
		Secrets: s.settings.WebhookSecrets, App: s.settings.AppID, Recorder: s.store, Clock: s.clock, Log: s.log,
		Recorded: s.recorded, Observe: s.metrics.delivered,
	}))
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "alive\n") })
	e.GET("/readyz", func(c echo.Context) error {
		if err := s.ready.ask(c.Request().Context(), s); err != nil {
			s.log.Warn("not ready", "error", err)
			return c.String(http.StatusServiceUnavailable, "not ready\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
	e.GET("/rules/:id", s.rulePage)
	// There are no pages yet. Who asks learns nothing about repositories.
	e.GET("/:owner/:repo/pull/:number", func(echo.Context) error { return echo.ErrNotFound })
	return s.httpServer(plain(e), 30*time.Second)
}

// plain sets what every answer carries.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recorded lets the work begin that a delivery woke.
func (s *Server) recorded(r webhook.Routed) {
	if r.People && r.Installation != 0 {
		s.app.Client(r.Installation).Forget()
	}
	s.loop.Nudge()
}

func (s *Server) rulePage(c echo.Context) error {
	rule, ok := s.assessor.Rules.Rule(engine.RuleID(strings.ToUpper(c.Param("id"))))
	if !ok {
		return echo.ErrNotFound
	}
	return c.String(http.StatusOK, explain(rule))
}

// explain is a rule in words, in Markdown.
func explain(rule engine.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s %s**\n\n%s\n", rule.ID, rule.Title, strings.TrimSpace(rule.Description))
	if rule.Remediation != "" {
		fmt.Fprintf(&b, "\nTo fix it: %s\n", strings.TrimSpace(rule.Remediation))
	}
	b.WriteString("\n")
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- %s: %s\n", name, value)
		}
	}
	fact("severity", string(rule.Severity))
	if rule.Kind == engine.KindFinding {
		fact("effect unless configured", string(rule.Effect))
	} else {
		fact("kind", string(rule.Kind))
	}
	fact("guideline", rule.Guideline)
	fact("judges", strings.Join(rule.Kinds, ", "))
	fact("providers", strings.Join(rule.Providers, ", "))
	for _, name := range slices.Sorted(maps.Keys(rule.Params)) {
		fact("parameter", fmt.Sprintf("`%s` (default %v)", name, rule.Params[name]))
	}
	return b.String()
}

func (s *Server) operationsServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return s.httpServer(mux, 2*time.Minute)
}

// readiness remembers for a moment whether the server can do its work, so that
// asking often costs little.
type readiness struct {
	mu       sync.Mutex
	at       time.Time
	err      error
	stopping bool
}

// stop says that no new work is wanted.
func (r *readiness) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
}

func (r *readiness) ask(ctx context.Context, s *Server) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return errStopping
	}
	if time.Since(r.at) < time.Second {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	r.err = s.able(ctx)
	r.at = time.Now()
	return r.err
}
