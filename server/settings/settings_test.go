package settings_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/server/settings"
)

var key = sync.OnceValue(func() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
})

const secret = "5f0c1b9a77e24cd08a31"

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// environ is a whole environment, changed by pairs; "KEY" alone takes one away.
func environ(t *testing.T, pairs ...string) []string {
	t.Helper()
	values := map[string]string{"APP_ID": "7", "PRIVATE_KEY": key(), "WEBHOOK_SECRET": secret, "DATA": t.TempDir()}
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = value
		} else {
			delete(values, pair)
		}
	}
	out := []string{"HOME=/nowhere", "COUNTERSIGN_PORT=tcp://10.0.0.1:80"}
	for name, value := range values {
		out = append(out, "COUNTERSIGN_"+name+"="+value)
	}
	return out
}

func TestLittleIsEnough(t *testing.T) {
	data := t.TempDir()
	s, err := settings.Load("", environ(t, "DATA="+data))
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Settings{AppID: 7, PrivateKey: []byte(strings.TrimSpace(key())), WebhookSecrets: []string{secret},
		GitHubURL: "https://api.github.com", Listen: ":8080", Operations: "127.0.0.1:9090", Data: data,
		Database: "sqlite:" + filepath.Join(data, "countersign.db"), Workers: 4, Children: s.Children,
		SweepEvery: 5 * time.Minute, ReconcileEvery: 10 * time.Minute}
	if !cmp.Equal(s, want) || s.Children < 1 {
		t.Errorf("got %v, want %v", s, want)
	}
}

func TestTheEnvironmentWins(t *testing.T) {
	f := file(t, `
app_id: 9
private_key: nonsense
webhook_secret: short
webhook_secret_old: 'an older one: 5f0c1b9a'
listen: 127.0.0.1:1
github_url: https://ghe.example/api/v3/
sweep_every: 1m
workers: 2
alerts: {oncall: "https://alerts.example/a=b", other: "http://127.0.0.1:5/x"}
`)
	s, err := settings.Load(f, environ(t, "PRIVATE_KEY", "WEBHOOK_SECRET", "WORKERS=3",
		"PRIVATE_KEY_FILE="+file(t, key()), "WEBHOOK_SECRET_FILE="+file(t, secret+"\n"),
		"DATABASE_FILE="+file(t, "postgres://u:p@db/x\n"), "ALERTS=team=https://alerts.example/t?k=v"))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.AppID, s.WebhookSecrets, s.Listen, s.GitHubURL, s.SweepEvery, s.Workers, s.Database, s.Alerts}
	want := []any{int64(7), []string{secret, "an older one: 5f0c1b9a"}, "127.0.0.1:1", "https://ghe.example/api/v3",
		time.Minute, 3, "postgres://u:p@db/x", map[string]string{"team": "https://alerts.example/t?k=v"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Each mistake is refused by its names, and never quotes what was written.
func TestMistakes(t *testing.T) {
	ec := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		file string
		env  []string
		want []string
	}{
		"nothing": {env: []string{"APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET"}, want: []string{
			"app_id (COUNTERSIGN_APP_ID): is missing", "private_key (COUNTERSIGN_PRIVATE_KEY): is missing",
			"webhook_secret (COUNTERSIGN_WEBHOOK_SECRET): is missing"}},
		"no number":       {env: []string{"APP_ID=hush"}, want: []string{"app_id (COUNTERSIGN_APP_ID): is no whole number"}},
		"no PEM":          {env: []string{"PRIVATE_KEY=hush"}, want: []string{"PRIVATE_KEY): is no PEM"}},
		"no RSA":          {env: []string{"PRIVATE_KEY=" + ec}, want: []string{"PRIVATE_KEY): is no RSA"}},
		"short":           {env: []string{"WEBHOOK_SECRET=hush"}, want: []string{"WEBHOOK_SECRET): has 4 bytes, needs 16"}},
		"15 bytes":        {env: []string{"WEBHOOK_SECRET=" + secret[:15]}, want: []string{"has 15 bytes"}},
		"placeholder":     {env: []string{"WEBHOOK_SECRET=Change-Me-Change-Me"}, want: []string{"is a placeholder"}},
		"one letter":      {env: []string{"WEBHOOK_SECRET=" + strings.Repeat("ab", 12)}, want: []string{"is a placeholder"}},
		"old short":       {env: []string{"WEBHOOK_SECRET_OLD=hush"}, want: []string{"WEBHOOK_SECRET_OLD): has 4 bytes"}},
		"plain http":      {env: []string{"GITHUB_URL=http://hush.example"}, want: []string{"GITHUB_URL): is not https"}},
		"not quite local": {env: []string{"GITHUB_URL=http://127.0.0.1.hush.example"}, want: []string{"is not https"}},
		"user":            {env: []string{"PUBLIC_URL=https://hush:x@a.example"}, want: []string{"PUBLIC_URL): holds a user"}},
		"file scheme":     {env: []string{"GITHUB_URL=file:///hush"}, want: []string{"GITHUB_URL): is no address"}},
		"listen":          {env: []string{"LISTEN=hush"}, want: []string{"LISTEN): is no address to listen on"}},
		"port":            {env: []string{"OPERATIONS=:99999"}, want: []string{"OPERATIONS): is no address to listen on"}},
		"folder":          {env: []string{"DATA=/proc/nowhere"}, want: []string{"data (COUNTERSIGN_DATA): cannot be made"}},
		"database":        {env: []string{"DATABASE=mysql://hush"}, want: []string{"DATABASE): is no database"}},
		"many":            {env: []string{"WORKERS=1000", "CHILDREN=-1"}, want: []string{"WORKERS): is out of range", "CHILDREN): is out"}},
		"span":            {env: []string{"SWEEP_EVERY=hush"}, want: []string{"SWEEP_EVERY): is no length of time"}},
		"hasty":           {env: []string{"RECONCILE_EVERY=1s"}, want: []string{"RECONCILE_EVERY): is out of range"}},
		"alerts":          {env: []string{"ALERTS=hush"}, want: []string{"ALERTS): write receiver=address"}},
		"alert by http":   {env: []string{"ALERTS=a=http://hush.example"}, want: []string{`ALERTS): receiver "a" is not https`}},
		"no file":         {env: []string{"PRIVATE_KEY", "PRIVATE_KEY_FILE=/nowhere/k"}, want: []string{"PRIVATE_KEY_FILE): open /nowhere/k"}},
		"twice":           {env: []string{"WEBHOOK_SECRET_FILE=/x"}, want: []string{"WEBHOOK_SECRET): is given twice"}},
		"unknown keys":    {file: "hooks: hush\nport: 1\n", want: []string{"hooks: there is no setting", "port: there is no setting"}},
		"shapes": {file: "app_id: {hush: 1}\nlisten: [hush]\nalerts: hush\n", want: []string{
			"app_id (COUNTERSIGN_APP_ID): is no single value", "listen (COUNTERSIGN_LISTEN): is no single", "alerts (COUNTERSIGN_ALERTS): does not"}},
		"twice in a file": {file: "listen: ':1'\nlisten: ':2'\n", want: []string{"is no YAML"}},
		"a list":          {file: "- hush\n", want: []string{`write one "name: value" a line`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := ""
			if c.file != "" {
				f = file(t, c.file)
			}
			_, err := settings.Load(f, environ(t, c.env...))
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(c.want) {
				t.Errorf("%d mistakes, want %d:\n%v", lines, len(c.want), err)
			}
			if strings.Contains(err.Error(), "hush") && name != "unknown keys" {
				t.Errorf("quotes what was written: %v", err)
			}
		})
	}
}

func TestSecretsThatOthersCanReadAreSaid(t *testing.T) {
	f := file(t, secret)
	if err := os.Chmod(f, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load("", environ(t, "WEBHOOK_SECRET", "WEBHOOK_SECRET_FILE="+f, "OPERATIONS=:9090"))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) != 2 || !strings.Contains(s.Warnings[0], "chmod") || !strings.Contains(s.Warnings[1], "OPERATIONS") {
		t.Errorf("warnings: %q", s.Warnings)
	}
}

func TestNoTextHoldsASecret(t *testing.T) {
	s, err := settings.Load("", environ(t, "DATABASE=postgres://hush:hush@db/x?password=hush",
		"ALERTS=oncall=https://alerts.example/hush?token=hush", "WEBHOOK_SECRET=hush-"+secret))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "settings", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %s %#v", s, s, s, s), fmt.Sprintf("%+v %#v", &s, &s),
		string(asJSON), log.String()} {
		if strings.Contains(text, "hush") || strings.Contains(text, secret) || strings.Contains(text, "BEGIN") {
			t.Errorf("secret in %s", text)
		}
		if !strings.Contains(text, "oncall") {
			t.Errorf("says nothing: %s", text)
		}
	}
}
