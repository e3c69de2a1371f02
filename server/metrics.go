package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// metrics counts what the server does. Labels come from short lists of our
// own, never from what anybody sends.
type metrics struct {
	registry *prometheus.Registry

	deliveries *prometheus.CounterVec   // event, outcome
	runs       *prometheus.CounterVec   // kind, end
	failures   *prometheus.CounterVec   // cause
	waited     *prometheus.HistogramVec // priority
	reviews    *prometheus.CounterVec   // verdict, rendered
	reviewing  *prometheus.HistogramVec // rendered
	rendering  *prometheus.HistogramVec // status
	judging    prometheus.Observer
	children   *prometheus.CounterVec // cause
	requests   *prometheus.CounterVec // op, status, cached
	asking     *prometheus.HistogramVec
	budget     *prometheus.GaugeVec   // installation
	alerts     *prometheus.CounterVec // kind, outcome
	errors     prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "countersign", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "countersign", Name: name, Help: help,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60}}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.deliveries = counter("deliveries_total", "Webhooks by event and what became of them.", "event", "outcome")
	m.runs = counter("runs_total", "Runs of work by what they were on and how they ended.", "on", "end")
	m.failures = counter("run_failures_total", "Runs that failed, by cause.", "cause")
	m.waited = histogram("run_waited_seconds", "From the wake to the end of the run that answered it.", "priority")
	m.reviews = counter("reviews_total", "Decisions by verdict, and whether something was rendered.",
		"verdict", "rendered")
	m.reviewing = histogram("review_seconds", "How long a review took.", "rendered")
	m.rendering = histogram("render_seconds", "How long one root took to render, by how that ended.", "status")
	m.judging = histogram("judge_seconds",
		"How long the rules took for one batch of objects, changes or facts.").WithLabelValues()
	m.children = counter("children_lost_total", "Render children that were given up at work, by cause.", "cause")
	m.requests = counter("github_requests_total", "Requests to GitHub.", "op", "status", "cached")
	m.asking = histogram("github_request_seconds", "How long GitHub took to answer.", "op")
	m.alerts = counter("alerts_total", "Alerts by kind and whether their receivers took them.", "kind", "outcome")
	m.errors = counter("errors_total", "Errors that were logged.").WithLabelValues()
	m.budget = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "countersign", Name: "github_requests_remaining",
		Help: "Requests that GitHub still allows, by installation."}, []string{"installation"})
	m.registry.MustRegister(m.budget, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 8})
}

// events are those that the App is told of; a name of anybody's is none of them.
var events = []string{"pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "push",
	"merge_group", "membership", "team", "member", "organization", "repository", "repository_ruleset",
	"branch_protection_rule", "installation", "installation_repositories", "ping"}

func (m *metrics) delivered(event, outcome string) {
	if !slices.Contains(events, event) {
		event = "other"
	}
	m.deliveries.WithLabelValues(event, outcome).Inc()
}

var (
	ends       = []string{"done", "retry", "postpone", "park"}
	priorities = []string{"merge_group", "review", "push", "command", "sweep", "quiet"}
)

// nth is an element of a list, whatever the number.
func nth[N ~int | ~int64](list []string, n N) string {
	if n < 0 || int(n) >= len(list) {
		return "other"
	}
	return list[n]
}

func (m *metrics) ran(lease store.Lease, took time.Duration, end store.End, err error) {
	on := "repository"
	if ofPull(lease.Target) {
		on = "pull"
	}
	m.runs.WithLabelValues(on, nth(ends, end)).Inc()
	if err != nil {
		m.failures.WithLabelValues(cause(err)).Inc()
	}
	if end == store.Done {
		m.waited.WithLabelValues(nth(priorities, lease.Priority)).Observe(took.Seconds())
	}
}

// cause is whose fault an error is.
func cause(err error) string {
	if kind := github.KindOf(err); kind != "" {
		return "github " + string(kind)
	}
	if failure, ok := errors.AsType[*store.Error](err); ok {
		return "store " + string(failure.Kind)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, store.ErrStale):
		return "stale lease"
	}
	return "other"
}

func (m *metrics) reviewed(v policy.Verdict, rendered bool, took time.Duration) {
	m.reviews.WithLabelValues(v.State, strconv.FormatBool(rendered)).Inc()
	m.reviewing.WithLabelValues(strconv.FormatBool(rendered)).Observe(took.Seconds())
}

func (m *metrics) lost(cause string) { m.children.WithLabelValues(cause).Inc() }

func (m *metrics) exchange(e github.Exchange) {
	m.requests.WithLabelValues(e.Op, strconv.Itoa(e.Status), strconv.FormatBool(e.Cached)).Inc()
	m.asking.WithLabelValues(e.Op).Observe(e.Took.Seconds())
	if e.Remaining >= 0 && e.Installation != 0 {
		m.budget.WithLabelValues(strconv.FormatInt(e.Installation, 10)).Set(float64(e.Remaining))
	}
}

func (m *metrics) alerted(kind string, err error) {
	outcome := "taken"
	if err != nil {
		outcome = "failed"
	}
	m.alerts.WithLabelValues(kind, outcome).Inc()
}

// counting counts the errors that pass to a log.
type counting struct {
	slog.Handler
	errors prometheus.Counter
}

func (c counting) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		c.errors.Inc()
	}
	return c.Handler.Handle(ctx, r)
}

// Enabled lets errors through to be counted even where nobody reads them.
func (c counting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || c.Handler.Enabled(ctx, level)
}

func (c counting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return counting{c.Handler.WithAttrs(attrs), c.errors}
}

func (c counting) WithGroup(name string) slog.Handler {
	return counting{c.Handler.WithGroup(name), c.errors}
}

// queue shows the store's queue at each scrape.
type queue struct {
	store          *store.Store
	depth, oldest  *prometheus.Desc
	unreadableDesc *prometheus.Desc
}

func (m *metrics) watch(s *store.Store) {
	m.registry.MustRegister(queue{store: s,
		depth: prometheus.NewDesc("countersign_queue", "Targets of work by state.", []string{"state"}, nil),
		oldest: prometheus.NewDesc("countersign_queue_oldest_timestamp_seconds",
			"Since when the longest unanswered wake waits; 0 if none does.", nil, nil),
		unreadableDesc: prometheus.NewDesc("countersign_queue_unreadable", "The store did not answer.", nil, nil),
	})
}

// Describe implements prometheus.Collector.
func (q queue) Describe(out chan<- *prometheus.Desc) {
	out <- q.depth
	out <- q.oldest
	out <- q.unreadableDesc
}

// Collect implements prometheus.Collector.
func (q queue) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	depth, err := q.store.Depth(ctx)
	if err != nil {
		gauge(q.unreadableDesc, 1)
		return
	}
	gauge(q.unreadableDesc, 0)
	gauge(q.depth, float64(depth.Due), "due")
	gauge(q.depth, float64(depth.Waiting), "waiting")
	gauge(q.depth, float64(depth.Leased), "leased")
	gauge(q.depth, float64(depth.Parked), "parked")
	oldest := 0.0
	if !depth.Oldest.IsZero() {
		oldest = float64(depth.Oldest.UnixMilli()) / 1000
	}
	gauge(q.oldest, oldest)
}
