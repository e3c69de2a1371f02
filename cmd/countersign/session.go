package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/policy/settings"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/render/worker"
)

// session is what the commands that render share: children, rules and, where
// there is one, a repository.
type session struct {
	program  *program
	pool     *worker.Pool
	assessor *policy.Assessor
	load     func() (*engine.Engine, error) // the rules
	repo     *git.Repo                      // nil for a tree on disk
	folder   *git.Dir                       // nil for a repository
}

// newSession starts what rendering needs. The children start on first use.
func (p *program) newSession(ctx context.Context) (*session, error) {
	key, id, err := worker.Key("")
	if err != nil {
		return nil, err
	}
	renderer, err := worker.RendererDigest()
	if err != nil {
		return nil, err
	}
	pool, err := worker.New(
		ctx,
		worker.Options{Args: []string{renderChild}, Children: max(2, runtime.GOMAXPROCS(0)), Key: key, KeyID: id},
	)
	if err != nil {
		return nil, err
	}
	return &session{program: p, pool: pool, load: loadRules, assessor: &policy.Assessor{
		Builder: pool, Version: version(), Renderer: renderer, KeyID: id}}, nil
}

// newJudge is newSession for commands that need the rules for sure: they are
// loaded while the children start and git is asked.
func (p *program) newJudge(ctx context.Context) (*session, error) {
	load := sync.OnceValues(loadRules)
	go load() //nolint:errcheck // whoever asks for the rules gets the error
	s, err := p.newSession(ctx)
	if err != nil {
		return nil, err
	}
	s.load = load
	return s, nil
}

// withRules loads the rules, which listing roots and building one do not need.
func (s *session) withRules() error {
	rules, err := s.load()
	s.assessor.Rules = rules
	return err
}

// settings reads configs by the rules that are loaded.
func (s *session) settings() settings.Reader {
	return settings.Reader{Parser: s.pool, Rules: s.assessor.Rules}
}

// inRepo opens the repository at dir.
func (s *session) inRepo(ctx context.Context, dir string) error {
	repo, err := git.Open(ctx, dir, git.Options{})
	s.repo = repo
	return err
}

// close ends children and git, and says what could not be ended.
func (s *session) close(err *error) {
	s.pool.Close()
	ends := []error{*err}
	if s.repo != nil {
		ends = append(ends, s.repo.Close())
	}
	if s.folder != nil {
		ends = append(ends, s.folder.Close())
	}
	*err = errors.Join(ends...)
}

// givenConfig reads the config of --config; nil when there is none. A wrong
// one is the caller's mistake, with every line of it.
func (s *session) givenConfig(ctx context.Context, file string) (*config.Config, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("the settings cannot be read: %w", err)
	}
	c, mistakes, err := s.settings().Read(ctx, file, content)
	if err != nil {
		return nil, err
	}
	if len(mistakes) > 0 {
		return nil, usageError{mistakesError(mistakes)}
	}
	c.Origin = "--config " + filepath.ToSlash(file)
	return &c, nil
}

// mistakesError lists mistakes as FILE:LINE: what; what to do.
func mistakesError(mistakes []render.Problem) error {
	errs := make([]error, 0, len(mistakes))
	for _, m := range mistakes {
		text := m.Message
		if m.Remedy != "" {
			text += "; " + m.Remedy
		}
		if m.Source.Line > 0 {
			text = fmt.Sprintf("%s:%d: %s", m.Source.File, m.Source.Line, text)
		} else if m.Source.File != "" {
			text = m.Source.File + ": " + text
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

// formats are those that a report can be written in.
var formats = []string{"text", "json", "markdown", "sarif"}

// write writes the report in the format that was asked for.
func (p *program) write(r report.Report, format string) error {
	var out []byte
	var err error
	switch format {
	case "text":
		out = []byte(r.Text(p.terminal && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"))
	case "json":
		out, err = r.JSON()
	case "markdown":
		out = []byte(r.Markdown())
	case "sarif":
		out, err = r.SARIF()
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if _, err := p.stdout.Write(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// progress says on a terminal's standard error that work goes on, once it
// takes more than a second; the returned function takes the line away.
func (p *program) progress(what string) (done func()) {
	if !p.terminal {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for shown := false; ; {
			select {
			case <-tick.C:
				fmt.Fprintf(p.stderr, "\r%s … %d s", what, int(time.Since(start).Seconds()))
				shown = true
			case <-stop:
				if shown {
					fmt.Fprint(p.stderr, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
