package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/tools/txtar"

	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/settings"
)

// Options say what the demo runs with; all fields are needed.
type Options struct {
	Version    string
	RenderArgs []string  // by which this program is a render child
	Out        io.Writer // what the reader sees
}

// Demo is the world of the demo. One goroutine may use it.
type Demo struct {
	out        io.Writer
	folder     string
	github     *githubtest.Server
	repository *githubtest.Repository
	server     *server.Server
	stop       context.CancelFunc
	running    sync.WaitGroup
	ended      error // of the server, once running is over
	token      string
	branches   map[string]map[string]string // branch → path → content
	pushed     map[int]string               // what push brings, by pull request
}

//go:embed fleet.txtar
var fleet []byte

const secret = "a secret that only this demo uses"

// pulls are the pull requests that are open when the demo begins, in order.
var pulls = []struct{ author, branch, title string }{
	{"alice", "on-call", "README: say who is on call"},
	{"alice", "stage", "A staging cluster"},
	{"alice", "grow", "prod: two more workers"},
	{"mallory", "evil", "dev: a friendlier base"},
}

// Start makes the GitHub, its fleet and its pull requests, and sets the App to
// work. The caller must Close it.
func Start(ctx context.Context, o Options) (*Demo, error) {
	folder, err := os.MkdirTemp("", "countersign-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := &Demo{out: o.Out, folder: folder, branches: map[string]map[string]string{},
		pushed: map[int]string{2: "stage-fixed", 3: "grow-more"}}
	for _, f := range txtar.Parse(fleet).Files {
		branch, name, _ := strings.Cut(f.Name, "/")
		if d.branches[branch] == nil {
			d.branches[branch] = map[string]string{}
		}
		d.branches[branch][name] = string(f.Data)
	}
	for _, step := range []func(context.Context, Options) error{d.people, d.app, d.open} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(fmt.Errorf("demo: %w", err), d.Close())
		}
	}
	return d, nil
}

// people makes accounts, the team and the repository.
func (d *Demo) people(context.Context, Options) error {
	folder := filepath.Join(d.folder, "github")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	var err error
	if d.github, err = githubtest.Start(githubtest.Options{Folder: folder}); err != nil {
		return err
	}
	for i, login := range []string{"alice", "bob", "carol", "mallory"} {
		user := githubtest.User{ID: int64(101 + i), Login: login, Emails: []string{login + "@acme.example"}}
		if _, err := d.github.AddUser(user); err != nil {
			return err
		}
	}
	acme, err := d.github.AddOrganisation("acme")
	if err != nil {
		return err
	}
	if d.repository, err = d.github.AddRepository("acme", "clusters"); err != nil {
		return err
	}
	errs := []error{acme.Team("platform", "")}
	for _, login := range []string{"alice", "bob", "carol", "mallory"} {
		errs = append(errs, acme.Member(login, "active"), d.repository.Permit(login, "write"))
		if login != "mallory" {
			errs = append(errs, acme.TeamMember("platform", login, "active"))
		}
	}
	root, err := d.repository.Commit(
		githubtest.Commit{Files: d.branches["base"], Author: "bob", Message: "our clusters"},
	)
	errs = append(errs, err, d.repository.Push("bob", "main", root))
	if d.token, err = d.github.UserToken("alice"); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// app starts the App and protects the branch as docs/operations.md says.
func (d *Demo) app(ctx context.Context, o Options) error {
	data := filepath.Join(d.folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	s, err := server.New(ctx, server.Options{
		Version: o.Version, RenderArgs: o.RenderArgs, Log: slog.New(slog.DiscardHandler),
		Settings: settings.Settings{
			AppID: d.github.AppID(), PrivateKey: d.github.AppKey(), WebhookSecrets: []string{secret},
			GitHubURL: d.github.URL(), Listen: "127.0.0.1:0", Operations: "127.0.0.1:0", Data: data,
			Database: "sqlite:" + filepath.Join(data, "countersign.db"),
		},
	})
	if err != nil {
		return err
	}
	d.server = s
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.running.Go(func() { d.ended = s.Run(running) })
	d.github.SetWebhook(s.URL()+"/webhook", secret)
	d.repository.SetRuleset(githubtest.Guarded("countersign (main)", d.github.AppID()))
	_, err = d.github.Install("acme", "clusters")
	return err
}

// open opens the pull requests and lets bob approve one.
func (d *Demo) open(ctx context.Context, _ Options) error {
	for _, p := range pulls {
		if err := d.push(p.author, p.branch, p.branch); err != nil {
			return err
		}
		opened := githubtest.OpenPull{Author: p.author, Head: p.branch, Title: p.title}
		if _, err := d.repository.OpenPull(opened); err != nil {
			return err
		}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	if _, err := d.repository.Review(3, githubtest.Review{Login: "bob", State: "approved"}); err != nil {
		return err
	}
	return d.settle(ctx)
}

// push commits what a change holds on top of a branch, or of main.
func (d *Demo) push(login, branch, change string) error {
	parent := d.repository.Branch(branch)
	if parent == "" {
		parent = d.repository.Branch("main")
	}
	sha, err := d.repository.Commit(githubtest.Commit{Parents: []string{parent}, Files: d.branches[change],
		Author: login, Message: change})
	if err != nil {
		return err
	}
	return d.repository.Push(login, branch, sha)
}

// settle waits until the App has answered all that happened.
func (d *Demo) settle(ctx context.Context) error {
	d.github.Flush()
	if err := d.server.Quiet(ctx); err != nil {
		return err
	}
	d.github.Flush()
	return d.server.Quiet(ctx)
}

// Close ends all of it. It may be called more than once.
func (d *Demo) Close() error {
	var errs []error
	if d.stop != nil {
		d.stop()
		d.running.Wait()
		errs = append(errs, d.ended)
		d.stop = nil
	}
	if d.github != nil {
		errs = append(errs, d.github.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(d.folder))...)
}
