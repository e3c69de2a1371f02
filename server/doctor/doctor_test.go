package doctor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/doctor"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/settings"
	"github.com/countersign-dev/countersign/server/sweep"
)

func TestMain(m *testing.M) {
	child.Enter("render-child")
	os.Exit(m.Run())
}

const secret = "the secret of the doctor's tests"

// clinic is an installation where everything is right.
type clinic struct {
	github       *githubtest.Server
	installation *githubtest.Installation
	repository   *githubtest.Repository
	settings     settings.Settings
	webhook      string
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{github: githubtest.New(t, githubtest.Options{})}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	acme, err := c.github.AddOrganisation("acme")
	must(err)
	_, err = c.github.AddUser(githubtest.User{ID: 101, Login: "alice"})
	must(err)
	must(acme.Member("alice", "active"))
	c.repository, err = c.github.AddRepository("acme", "clusters")
	must(err)
	must(c.repository.Permit("alice", "admin"))
	root, err := c.repository.Commit(
		githubtest.Commit{Files: map[string]string{"README.md": "clusters\n"}, Author: "alice"},
	)
	must(err)
	must(c.repository.Push("alice", "main", root))
	c.installation, err = c.github.Install("acme", "clusters")
	must(err)
	c.repository.SetRuleset(githubtest.Guarded("countersign (main)", c.github.AppID()))
	running := t.TempDir()
	c.settings = settings.Settings{
		AppID:          c.github.AppID(),
		PrivateKey:     c.github.AppKey(),
		WebhookSecrets: []string{secret},
		GitHubURL:      c.github.URL(),
		Listen:         "127.0.0.1:0",
		Operations:     "127.0.0.1:0",
		Data:           running,
		Database:       "sqlite:" + filepath.Join(running, "countersign.db"),
	}
	s, err := server.New(
		t.Context(),
		server.Options{Settings: c.settings, Version: "test", RenderArgs: []string{"render-child"},
			Log: slog.New(slog.DiscardHandler)},
	)
	must(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); wait.Wait() })
	c.webhook = s.URL() + "/webhook"
	c.github.SetWebhook(c.webhook, secret)
	other := t.TempDir() // the doctor looks at a store that nobody uses
	c.settings.Data, c.settings.Database = other, "sqlite:"+filepath.Join(other, "countersign.db")
	return c
}

// examine returns what the doctor says, besides walls that need a static build.
func (c *clinic) examine(t *testing.T, clock func() time.Time) (bad []doctor.Line, all string) {
	t.Helper()
	var b strings.Builder
	doctor.Examine(t.Context(), doctor.Options{Settings: c.settings, Version: "test",
		RenderArgs: []string{"render-child"}, Clock: clock}, func(l doctor.Line) {
		fmt.Fprintf(&b, "%v %s → %s\n", l.OK, l.What, l.Remedy)
		if !l.OK && l.Remedy == "" {
			t.Errorf("%q has no remedy", l.What)
		}
		if !l.OK && !strings.HasPrefix(l.What, "render child: ") {
			bad = append(bad, l)
		}
	})
	return bad, b.String()
}

func TestAllIsWell(t *testing.T) {
	bad, all := newClinic(t).examine(t, nil)
	if len(bad) > 0 {
		t.Errorf("%+v\n%s", bad, all)
	}
	for _, want := range []string{"GitHub knows us as countersign", "clock agrees", "was accepted", "1 repositories are covered",
		"pinned to us", "an attack on the render child fails cleanly", "durable", "requests are left"} {
		if !strings.Contains(all, "true ") || !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
}

// Each thing that can be wrong is said, and only that.
func TestWhatIsWrong(t *testing.T) {
	c := newClinic(t)
	good := c.settings
	for _, trouble := range []struct {
		name string
		do   func()
		undo func()
		want string
		now  func() time.Time
	}{
		{name: "clock", want: "clock is off by", now: func() time.Time { return time.Now().Add(time.Hour) }},
		{name: "secret", want: "signature does not fit", do: func() { c.settings.WebhookSecrets = []string{"another secret, long enough"} }},
		{name: "app", want: "GitHub does not know us", do: func() { c.settings.AppID = 7 }},
		{name: "key", want: "private key cannot be used", do: func() { c.settings.PrivateKey = []byte("no key") }},
		{name: "store", want: "the store", do: func() { c.settings.Database = "sqlite:/proc/none/countersign.db" }},
		{name: "webhook", want: "a test delivery to", do: func() { c.github.SetWebhook("http://127.0.0.1:1/webhook", secret) },
			undo: func() { c.github.SetWebhook(c.webhook, secret) }},
		{name: "suspended", want: "suspended", do: func() { c.installation.Suspend(true) },
			undo: func() { c.installation.Suspend(false) }},
		{name: "ruleset", want: "countersign (main)", do: func() { c.repository.DeleteRuleset("countersign") }},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			c.settings = good
			if trouble.do != nil {
				trouble.do()
			}
			bad, all := c.examine(t, trouble.now)
			if len(bad) != 1 || !strings.Contains(bad[0].What, trouble.want) {
				t.Errorf("want %q alone:\n%s", trouble.want, all)
			}
			if trouble.name == "ruleset" &&
				(len(bad) == 0 || bad[0].Paste != string(sweep.RulesetJSON(c.github.AppID(), "main"))) {
				t.Error("the ruleset to paste is not there")
			}
			if trouble.undo != nil {
				trouble.undo()
			}
		})
	}
}
