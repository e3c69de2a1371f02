package settings

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minSecret = 16
	most      = 256 // workers, children
	soonest   = 10 * time.Second
)

// Filled is the settings with what is usual in place of zero values, except
// for those that have no usual value.
func (s Settings) Filled() Settings {
	s.GitHubURL = strings.TrimSuffix(cmp.Or(s.GitHubURL, "https://api.github.com"), "/")
	s.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	s.Listen = cmp.Or(s.Listen, ":8080")
	s.Operations = cmp.Or(s.Operations, "127.0.0.1:9090")
	s.Workers = cmp.Or(s.Workers, 4)
	s.Children = cmp.Or(s.Children, runtime.GOMAXPROCS(0))
	s.SweepEvery = cmp.Or(s.SweepEvery, 5*time.Minute)
	s.ReconcileEvery = cmp.Or(s.ReconcileEvery, 10*time.Minute)
	if s.Database == "" && s.Data != "" {
		s.Database = "sqlite:" + filepath.Join(s.Data, "countersign.db")
	}
	return s
}

// Check says everything that is missing, weak or wrong, each with the
// setting's names and what to do. It makes the data folder where it is missing.
func (s Settings) Check() error { return errors.Join(s.mistakes(nil)...) }

// mistakes leaves out settings of which one was already said.
func (s Settings) mistakes(said []string) []error {
	var out []error
	add := func(name string, err error) {
		if err != nil && !slices.Contains(said, name) {
			out = append(out, mistake(name, "%w", err))
		}
	}
	if s.AppID <= 0 {
		add("app_id", errors.New("is missing; it stands on the App's settings page on GitHub"))
	}
	add("private_key", checkKey(s.PrivateKey))
	if len(s.WebhookSecrets) == 0 {
		add("webhook_secret", errors.New("is missing; "+makeSecret))
	}
	for i, secret := range s.WebhookSecrets {
		add([]string{"webhook_secret", "webhook_secret_old"}[min(i, 1)], checkSecret(secret))
	}
	if len(s.WebhookSecrets) > 2 {
		add("webhook_secret_old", errors.New("more than two secrets are given; while rotating two are enough"))
	}
	add("github_url", checkURL(s.GitHubURL))
	if s.PublicURL != "" {
		add("public_url", checkURL(s.PublicURL))
	}
	add("listen", checkListen(s.Listen))
	add("operations", checkListen(s.Operations))
	add("data", checkFolder(s.Data))
	add("database", checkDatabase(s.Database))
	add("workers", within(s.Workers))
	add("children", within(s.Children))
	add("sweep_every", lasts(s.SweepEvery))
	add("reconcile_every", lasts(s.ReconcileEvery))
	for _, receiver := range slices.Sorted(maps.Keys(s.Alerts)) {
		if err := checkURL(s.Alerts[receiver]); err != nil {
			add("alerts", fmt.Errorf("receiver %q %w", receiver, err))
		}
	}
	return out
}

func checkKey(key []byte) error {
	if len(key) == 0 {
		return errors.New("is missing; make one on the App's settings page on GitHub (\"Generate a private key\")")
	}
	block, _ := pem.Decode(key)
	if block == nil {
		return errors.New("is no PEM; give the whole file that GitHub let you download, with its BEGIN and END lines")
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if _, ok := parsed.(*rsa.PrivateKey); err != nil || !ok {
		return errors.New("is no RSA private key; give the file that GitHub let you download")
	}
	return nil
}

const makeSecret = `set the output of "openssl rand -hex 32" here and on the App's settings page`

// placeholders are what people leave in examples, without what lies between
// the letters.
var placeholders = []string{
	"changeme", "changethis", "replaceme", "replacethis", "placeholder",
	"yoursecret", "yourwebhooksecret", "insertsecret", "examplesecret",
}

func checkSecret(secret string) error {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(secret))
	distinct := map[rune]bool{}
	for _, r := range secret {
		distinct[r] = true
	}
	switch {
	case len(secret) < minSecret:
		return fmt.Errorf("has %d bytes, needs %d or more; %s", len(secret), minSecret, makeSecret)
	case slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(letters, p) }),
		strings.HasPrefix(secret, "<"), strings.HasPrefix(secret, "${"), len(distinct) < 5:
		return errors.New("is a placeholder and no secret; " + makeSecret)
	}
	return nil
}

// checkURL wants https, or http to this machine. Its errors never quote the
// address, which may hold a token.
func checkURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("is no address; write one such as https://github.example.com/api/v3")
	case u.User != nil || u.Fragment != "":
		return errors.New("holds a user or a fragment; leave them out")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return errors.New("is not https; plain http is for this machine's own addresses only")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("is no address to listen on; write HOST:PORT or :PORT")
	}
	return nil
}

func checkFolder(folder string) error {
	if folder == "" {
		return errors.New("is missing; name a folder that outlives this process")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("cannot be made: %w; make it, or name a folder that this user may write", err)
	}
	probe, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return fmt.Errorf("cannot be written: %w; let uid %d write there, or name another", err, os.Getuid())
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func checkDatabase(address string) error {
	path, lite := strings.CutPrefix(address, "sqlite:")
	if lite && path != "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("is no database; write postgres://USER@HOST/NAME or sqlite:PATH, or leave it out")
	}
	return nil
}

func within(n int) error {
	if n < 1 || n > most {
		return fmt.Errorf("is out of range; give 1 to %d", most)
	}
	return nil
}

func lasts(d time.Duration) error {
	if d < soonest || d > 24*time.Hour {
		return fmt.Errorf("is out of range; give %v to 24h", soonest)
	}
	return nil
}

// odd are things that work and that somebody should know of.
func (s Settings) odd() []string {
	var out []string
	host, _, err := net.SplitHostPort(s.Operations)
	if err == nil && !loopback(host) {
		out = append(out, "operations ("+variable("operations")+
			"): metrics and profiles can be read from outside of this machine; keep others out of that port")
	}
	return out
}
