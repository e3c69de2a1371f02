package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render/worker"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/store"
	"github.com/countersign-dev/countersign/server/work"
)

// keyName is the store's name for the key by which secret values are compared.
const keyName = "fingerprints"

func (s *Server) openStore(ctx context.Context, o Options) error {
	opened, err := store.Open(ctx, store.Options{URL: s.settings.Database, Clock: o.Clock})
	if err != nil {
		return misfit("database (COUNTERSIGN_DATABASE): %w", err)
	}
	s.store = opened
	s.closers = append(s.closers, opened.Close)
	s.metrics.watch(opened)
	return nil
}

// openPool starts the render children and loads the rules.
func (s *Server) openPool(ctx context.Context, o Options) error {
	secret, err := s.store.Secret(ctx, keyName)
	if err != nil {
		return err
	}
	rules := o.Rules
	if rules == nil {
		if rules, err = engine.New(rego.FS); err != nil {
			return fmt.Errorf("load the rules: %w", err)
		}
		rules.Watch(func(took time.Duration) { s.metrics.judging.Observe(took.Seconds()) })
	}
	renderer, err := worker.RendererDigest()
	if err != nil {
		return err
	}
	id := worker.KeyID(secret.Value)
	s.pool, err = worker.New(ctx, worker.Options{Args: o.RenderArgs, Children: s.settings.Children,
		Key: secret.Value, KeyID: id, Lost: s.metrics.lost})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { s.pool.Close(); return nil })
	for _, wall := range s.pool.Walls() {
		s.log.Info("wall of the render children", "wall", wall.Name, "holds", wall.Holds, "note", wall.Why)
	}
	s.assessor = &policy.Assessor{Builder: timed{s.pool, s.metrics, &s.busy}, Rules: rules, Version: o.Version,
		Renderer: renderer, KeyID: id}
	return nil
}

func (s *Server) openMirrors(ctx context.Context, o Options) error {
	folder := filepath.Join(s.settings.Data, "mirrors")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return misfit("data (COUNTERSIGN_DATA): %w; let this user write there, or name another folder", err)
	}
	var schemes []string
	if strings.HasPrefix(s.settings.GitHubURL, "http:") {
		schemes = []string{"http"} // on this machine alone, as the settings were checked
	}
	opened, err := mirror.Open(ctx, mirror.Options{Folder: folder, Schemes: schemes, Clock: o.Clock})
	if err != nil {
		return misfit("data (COUNTERSIGN_DATA): %w", err)
	}
	s.mirrors = opened
	s.closers = append(s.closers, opened.Close)
	return nil
}

// openGitHub asks once who we are: an App that GitHub does not know does not
// start, a GitHub that cannot be reached is asked again while we serve.
func (s *Server) openGitHub(ctx context.Context, o Options) error {
	var err error
	s.app, err = github.NewApp(github.Options{URL: s.settings.GitHubURL, App: s.settings.AppID,
		Key: s.settings.PrivateKey, Version: o.Version, Transport: o.Transport, Clock: o.Clock,
		Observe: s.metrics.exchange})
	if err != nil {
		return err
	}
	s.alerts = newAlerts(s.settings.Alerts, s.metrics)
	s.closers = append(s.closers, s.alerts.close)
	owner, err := s.owner(ctx)
	if err != nil {
		return err
	}
	s.loop = work.New(work.Options{Store: s.store, Runner: dispatcher{s}, Workers: s.settings.Workers,
		Owner: owner, Log: s.log, RetryAt: retryAt, Observe: s.metrics.ran})
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	identity, err := s.app.Identity(asked)
	if kind := github.KindOf(err); kind == github.Forbidden || kind == github.NotFound {
		return misfit("app_id (COUNTERSIGN_APP_ID), private_key (COUNTERSIGN_PRIVATE_KEY): GitHub does not know "+
			"this App by this key: %w; compare both with the App's settings page, and this machine's clock", err)
	}
	if err != nil {
		s.log.Warn("GitHub cannot be asked who we are: webhooks are taken, work waits", "error", err)
		return ctx.Err()
	}
	s.join(identity)
	return nil
}

// owner names this process to those that share the store: by its data folder,
// which the mirrors' lock proves to be nobody else's. So what a process that
// died here had leased is dead too, and need not wait for its time to run out.
func (s *Server) owner(ctx context.Context) (string, error) {
	file := filepath.Join(s.settings.Data, "owner")
	name, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		host, _ := os.Hostname()
		name = []byte(cmp.Or(host, "unknown") + "/" + rand.Text())
		err = os.WriteFile(file, name, 0o600)
	}
	if err != nil {
		return "", misfit("data (COUNTERSIGN_DATA): %w; let this user write there, or name another folder", err)
	}
	left, err := s.store.Bury(ctx, string(name))
	if left > 0 {
		s.log.Info("work of a process that died is taken up again", "targets", left)
	}
	return string(name), err
}

// retryAt is when GitHub wants to be asked again.
func retryAt(err error) time.Time {
	if failure, ok := errors.AsType[*github.Error](err); ok && failure.Kind == github.Limited {
		return failure.RetryAt
	}
	return time.Time{}
}

// connections are those that are open at once on a listener.
const connections = 512

func (s *Server) listen(ctx context.Context, _ Options) error {
	var err error
	open := func(name, address string, most int) net.Listener {
		if err != nil {
			return nil
		}
		var socket net.Listener
		if socket, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err != nil {
			err = misfit("%s (COUNTERSIGN_%s): %w; name another address, or end what listens there",
				name, strings.ToUpper(name), err)
			return nil
		}
		s.closers = append(s.closers, func() error {
			socket.Close() //nolint:errcheck,gosec // its server closed it before
			return nil
		})
		return netutil.LimitListener(socket, most)
	}
	s.webSocket = open("listen", s.settings.Listen, connections)
	s.opSocket = open("operations", s.settings.Operations, 64)
	s.web, s.operations = s.webServer(), s.operationsServer()
	return err
}
