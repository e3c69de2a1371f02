package settings

import "time"

// Settings are what the server needs to know. Secrets never appear in their
// text form (String, GoString, LogValue).
type Settings struct {
	AppID          int64
	PrivateKey     []byte            // PEM
	WebhookSecrets []string          // one or two, each of 16 bytes or more
	GitHubURL      string            // the API's root; https://api.github.com by default
	Listen         string            // webhooks, health, pages; ":8080" by default
	Operations     string            // metrics, pprof; "127.0.0.1:9090" by default
	Data           string            // folder for SQLite and mirrors
	Database       string            // sqlite:PATH or postgres://…; SQLite in Data by default
	PublicURL      string            // where people reach Listen; "" means that no link leads here
	Workers        int               // 4 by default
	Children       int               // render children; the number of CPUs by default
	SweepEvery     time.Duration     // 5 min
	ReconcileEvery time.Duration     // 10 min
	Alerts         map[string]string // receiver → webhook URL
}

// Load reads the file (none if "") and the environment ("KEY=value" each).
func Load(file string, environ []string) (Settings, error) { panic("contract") }
