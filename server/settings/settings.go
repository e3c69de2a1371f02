package settings

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Settings are what the server needs to know. Secrets never appear in their
// text form (String, GoString, LogValue, MarshalJSON). The zero value is no
// configuration: [Settings.Check] says what is missing.
type Settings struct {
	AppID          int64
	PrivateKey     []byte            // PEM
	WebhookSecrets []string          // one or two, each of 16 bytes or more
	GitHubURL      string            // the API's root; https://api.github.com by default
	Listen         string            // webhooks, health, pages; ":8080" by default
	Operations     string            // metrics, pprof; "127.0.0.1:9090" by default
	Data           string            // folder for SQLite and mirrors; /var/lib/countersign by default
	Database       string            // sqlite:PATH or postgres://…; SQLite in Data by default
	PublicURL      string            // where people reach Listen; "" means that no link leads here
	Workers        int               // 4 by default
	Children       int               // render children; the number of CPUs by default
	SweepEvery     time.Duration     // 5 min
	ReconcileEvery time.Duration     // 10 min
	Alerts         map[string]string // receiver → webhook URL
	// Warnings are what Load found odd but can be lived with.
	Warnings []string
}

// String is the settings without what is secret.
func (s Settings) String() string {
	out, err := s.MarshalJSON()
	if err != nil {
		return "settings"
	}
	return string(out)
}

// GoString is [Settings.String].
func (s Settings) GoString() string { return "settings.Settings" + s.String() }

// LogValue implements slog.LogValuer.
func (s Settings) LogValue() slog.Value {
	shown := s.shown()
	var attrs []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		attrs = append(attrs, slog.Any(name, shown[name]))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON implements json.Marshaler, without what is secret.
func (s Settings) MarshalJSON() ([]byte, error) { return json.Marshal(s.shown()) }

func (s Settings) shown() map[string]any {
	given := map[bool]string{true: "(given)", false: "(missing)"}
	return map[string]any{
		"app_id":          s.AppID,
		"private_key":     given[len(s.PrivateKey) > 0],
		"webhook_secrets": fmt.Sprintf("(%d given)", len(s.WebhookSecrets)),
		"github_url":      place(s.GitHubURL),
		"listen":          s.Listen,
		"operations":      s.Operations,
		"data":            s.Data,
		"database":        place(s.Database),
		"public_url":      place(s.PublicURL),
		"workers":         s.Workers,
		"children":        s.Children,
		"sweep_every":     s.SweepEvery.String(),
		"reconcile_every": s.ReconcileEvery.String(),
		"alerts":          slices.Sorted(maps.Keys(s.Alerts)),
	}
}

// place is where an address leads, without who is sent there and with what.
func place(address string) string {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return "sqlite:" + path
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" {
		return "(unreadable)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
