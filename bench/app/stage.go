package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/countersign-dev/countersign/bench/joined"
	"github.com/countersign-dev/countersign/bench/synthetic"
	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/settings"
)

// stage is a GitHub with a fleet and the App beside it.
type stage struct {
	folder, fleet string
	github        *githubtest.Server
	repository    *githubtest.Repository
	installation  *githubtest.Installation
	server        *server.Server
	stop          context.CancelFunc
	running       sync.WaitGroup
	ended         error
	written       chan githubtest.Request // writes of checks, as they are made
	number        int                     // of the pull request
	sizes         []string                // commits that each give the first cluster other machines
}

const secret = "the secret of the benchmark"

func start(ctx context.Context, o options) (*stage, error) {
	folder, err := os.MkdirTemp("", "countersign-bench-")
	if err != nil {
		return nil, err
	}
	s := &stage{folder: folder, fleet: filepath.Join(folder, "fleet"), written: make(chan githubtest.Request, 1<<16)}
	for _, step := range []func(context.Context, options) error{s.world, s.app} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// world makes the people and the fleet's repository.
func (s *stage) world(ctx context.Context, o options) error {
	if err := synthetic.Write(ctx, s.fleet, o.clusters); err != nil {
		return err
	}
	folder := filepath.Join(s.folder, "github")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	var err error
	if s.github, err = githubtest.Start(githubtest.Options{Folder: folder,
		Limits: githubtest.Limits{Hourly: 1 << 30}}); err != nil {
		return err
	}
	for i, login := range []string{"alice", "bob", "carol"} {
		if _, err := s.github.AddUser(githubtest.User{ID: int64(101 + i), Login: login,
			Emails: []string{login + "@acme.example"}}); err != nil {
			return err
		}
	}
	acme, err := s.github.AddOrganisation("acme")
	if err != nil {
		return err
	}
	if s.repository, err = s.github.AddRepository("acme", "fleet"); err != nil {
		return err
	}
	var errs []error
	for _, login := range []string{"alice", "bob", "carol"} {
		errs = append(errs, acme.Member(login, "active"), s.repository.Permit(login, "write"))
	}
	var branches []synthetic.Branch
	names := []string{synthetic.Main}
	for i := range 4 {
		name := fmt.Sprintf("size-%d", i)
		branches, names = append(branches, synthetic.Resize(name, 0, i+1)), append(names, name)
	}
	if err := synthetic.Commit(ctx, s.fleet, branches...); err != nil {
		return err
	}
	for i, name := range names {
		out, err := exec.CommandContext(ctx, "git", "-C", s.fleet, "rev-parse", name).Output()
		if err != nil {
			return err
		}
		sha := strings.TrimSpace(string(out))
		fetch := exec.CommandContext(ctx, "git", "-C", s.repository.GitFolder(), "fetch", "--quiet", s.fleet, name)
		if out, err := fetch.CombinedOutput(); err != nil {
			return fmt.Errorf("git fetch: %w: %s", err, out)
		}
		if i == 0 {
			errs = append(errs, s.repository.Push("bob", "main", sha))
		} else {
			s.sizes = append(s.sizes, sha)
		}
	}
	return errors.Join(errs...)
}

// app starts the App as serve does.
func (s *stage) app(ctx context.Context, _ options) error {
	data := filepath.Join(s.folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	var err error
	if s.server, err = server.New(ctx, server.Options{
		Version: "bench", RenderArgs: []string{joined.RenderChild}, Log: slog.New(slog.DiscardHandler),
		Settings: settings.Settings{
			AppID: s.github.AppID(), PrivateKey: s.github.AppKey(), WebhookSecrets: []string{secret},
			GitHubURL: s.github.URL(), Listen: "127.0.0.1:0", Operations: "127.0.0.1:0", Data: data,
			Database: "sqlite:" + filepath.Join(data, "countersign.db"),
		},
	}); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.ended = s.server.Run(running) })
	s.github.SetWebhook(s.server.URL()+"/webhook", secret)
	s.github.OnRequest(func(r githubtest.Request) {
		if strings.HasPrefix(r.Operation, "checks/") && r.Method != http.MethodGet {
			s.written <- r
		}
	})
	if s.installation, err = s.github.Install("acme", "fleet"); err != nil {
		return err
	}
	return s.quiet(ctx)
}

// quiet waits until the App has nothing to do, and forgets what it wrote.
func (s *stage) quiet(ctx context.Context) error {
	s.github.Flush()
	if err := s.server.Quiet(ctx); err != nil {
		return err
	}
	for len(s.written) > 0 {
		<-s.written
	}
	return nil
}

// awaitWrite waits for the next write of a check.
func (s *stage) awaitWrite(ctx context.Context) error {
	select {
	case <-s.written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stage) close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
		s.running.Wait()
		errs = append(errs, s.ended)
	}
	if s.github != nil {
		errs = append(errs, s.github.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.folder))...)
}
