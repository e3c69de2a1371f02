package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/settings"
)

// Line is one thing that was looked at.
type Line struct {
	OK     bool
	What   string // what holds, or what does not
	Remedy string // what to do; "" when OK
	Paste  string // text to paste somewhere; "" when there is none
}

// Options say what to examine; Settings, Version and RenderArgs are needed.
type Options struct {
	Settings   settings.Settings
	Version    string
	RenderArgs []string
	Transport  http.RoundTripper // to GitHub; nil means the client's own
	Clock      func() time.Time  // nil means the wall clock
}

// examination is one run.
type examination struct {
	Options
	app *github.App
	say func(Line)
}

func (e *examination) good(format string, args ...any) {
	e.say(Line{OK: true, What: fmt.Sprintf(format, args...)})
}

func (e *examination) bad(remedy, format string, args ...any) {
	e.say(Line{What: fmt.Sprintf(format, args...), Remedy: remedy})
}

// Examine looks at everything and says each line as soon as it is known. It
// reports whether all hold.
func Examine(ctx context.Context, o Options, say func(Line)) bool {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	all := true
	e := &examination{Options: o, say: func(l Line) {
		all = all && l.OK
		say(l)
	}}
	e.good("countersign %s", o.Version)
	e.machine(ctx)
	app, err := github.NewApp(github.Options{URL: o.Settings.GitHubURL, App: o.Settings.AppID,
		Key: o.Settings.PrivateKey, Version: o.Version, Transport: o.Transport, Clock: o.Clock})
	if err != nil {
		e.bad("give the key that GitHub made for this App, in PEM", "the App's private key cannot be used: %v", err)
		return false
	}
	e.app = app
	e.identity(ctx)
	return all
}
