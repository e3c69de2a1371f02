package server_test

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/settings"
	"github.com/countersign-dev/countersign/server/store"
)

// What the test binary is when it is started with one of these words.
const (
	renderChild = "child-that-renders"
	serverChild = "server-that-may-be-killed"
)

// TestMain lets the test binary be its own render child, and a server of its own.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == renderChild:
		err = child.Main(os.Stdin, os.Stdout)
	case len(os.Args) == 2 && os.Args[1] == serverChild:
		err = serveAlone(os.Stdin, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// clock is the time that a test sets. It never goes back.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.now) {
		c.now = at
	}
}

// app is a Countersign at work: in this process, or in one that can be killed.
type app interface {
	URL() string
	Quiet(ctx context.Context) error
	Sweep(ctx context.Context) error
	// set tells the clock to a server that does not share it.
	set(at time.Time) error
	// end stops it gracefully.
	end() error
	kill() error
}

// world is GitHub with an organisation, a repository and the App, and a
// Countersign beside it.
type world struct {
	t            testing.TB
	clock        *clock
	github       *githubtest.Server
	org          *githubtest.Organisation
	repository   *githubtest.Repository
	installation *githubtest.Installation
	settings     settings.Settings
	transport    http.RoundTripper // nil: the server's own
	apart        bool              // the server is a process of its own
	app          app               // nil while none runs
	log          *logBook
}

const webhookSecret = "a secret for tests alone, long enough"

// newWorld makes GitHub with the organisation acme, its repository "clusters"
// and the App installed. Nothing runs yet, and nobody is told of what happens.
func newWorld(t testing.TB, at time.Time) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: at}, log: &logBook{}}
	w.github = githubtest.New(t, githubtest.Options{Clock: w.clock.Now, App: githubtest.App{
		// With the two optional permissions and their event.
		Permissions: map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write",
			"checks": "write", "issues": "write", "members": "read", "merge_queues": "read",
			"administration": "read", "statuses": "read"},
		Events: []string{"pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "push",
			"merge_group", "membership", "team", "member", "organization", "repository", "repository_ruleset",
			"branch_protection_rule", "status"},
	}})
	w.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Vanish: true} })
	w.org = must(w.github.AddOrganisation("acme"))(t)
	w.repository = must(w.github.AddRepository("acme", "clusters"))(t)
	w.installation = must(w.github.Install("acme"))(t)
	w.settings = settings.Settings{AppID: w.github.AppID(), PrivateKey: w.github.AppKey(),
		WebhookSecrets: []string{webhookSecret}, GitHubURL: w.github.URL() + "/api/v3", Listen: "127.0.0.1:0",
		Operations: "127.0.0.1:0", Data: t.TempDir(), Workers: 2, Children: 1, SweepEvery: 24 * time.Hour,
		ReconcileEvery: 24 * time.Hour}
	w.settings.Database = databaseURL(t, w.settings.Data)
	return w
}

// start starts the server and has GitHub tell it what happens from now on.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.apart {
		w.app, err = startApart(w)
	} else {
		w.app, err = startHere(w)
	}
	if err != nil {
		w.t.Fatalf("start the server: %v\n%s", err, w.log)
	}
	w.github.OnDelivery(nil)
	w.github.SetWebhook(w.app.URL()+"/webhook", webhookSecret)
	w.t.Cleanup(w.stop)
}

// stop ends the server, if one runs.
func (w *world) stop() {
	w.t.Helper()
	if w.app == nil {
		return
	}
	w.github.Flush()
	if err := w.app.end(); err != nil {
		w.t.Errorf("end the server: %v", err)
	}
	w.app = nil
}

// patience is how long a test waits for the server to come to rest.
const patience = 20 * time.Second

// rest waits until everything that was told is dealt with.
func (w *world) rest() {
	w.t.Helper()
	w.github.Flush()
	if w.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.app.Quiet(ctx); err != nil {
		w.t.Fatalf("the server does not come to rest: %v\n%s", err, w.log)
	}
}

// at moves the clock and lets what was waiting for that moment happen.
func (w *world) at(moment time.Time) {
	w.t.Helper()
	w.clock.set(moment)
	if w.app == nil {
		return
	}
	if err := w.app.set(w.clock.Now()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sweep() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.app.Sweep(ctx); err != nil {
		w.t.Errorf("sweep: %v", err)
	}
	w.rest()
}

// store opens the server's database a second time.
func (w *world) store() *store.Store {
	w.t.Helper()
	opened := must(store.Open(context.Background(), store.Options{URL: w.settings.Database, Clock: w.clock.Now}))(w.t)
	w.t.Cleanup(func() { check(w.t, opened.Close()) })
	return opened
}

// here is a server in this process.
type here struct {
	*server.Server
	stop  context.CancelFunc
	ended chan error
}

// builtin are the rules, compiled once for all servers of this process.
var builtin = sync.OnceValues(func() (*engine.Engine, error) { return engine.New(rego.FS) })

func startHere(w *world) (app, error) {
	rules, err := builtin()
	if err != nil {
		return nil, err
	}
	s, err := server.New(context.Background(), server.Options{Settings: w.settings, Version: "test",
		Log: slog.New(slog.NewTextHandler(w.log, nil)), RenderArgs: []string{renderChild}, Clock: w.clock.Now,
		Transport: w.transport, Rules: rules})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &here{Server: s, stop: cancel, ended: make(chan error, 1)}
	go func() { h.ended <- s.Run(ctx) }()
	return h, nil
}

func (h *here) set(time.Time) error { return nil }
func (h *here) kill() error         { return errors.New("this process cannot be killed") }

func (h *here) end() error {
	h.stop()
	return <-h.ended
}

// apart is a server in a process of its own, told what to do line by line.
type apart struct {
	url     string
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	mu      sync.Mutex
}

// order is a line to a server apart; answer is its answer.
type order struct {
	Word     string // begin, at, quiet, sweep or end
	At       time.Time
	Settings map[string]any // begin
	Key      []byte
}

type answer struct{ URL, Error string }

func startApart(w *world) (app, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := &apart{process: exec.Command(program, serverChild)}
	a.process.Stderr = w.log
	if a.in, err = a.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := a.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	a.out = bufio.NewScanner(out)
	if err := a.process.Start(); err != nil {
		return nil, err
	}
	s := w.settings
	answer, err := a.tell(order{Word: "begin", At: w.clock.Now(), Key: s.PrivateKey, Settings: map[string]any{
		"github": s.GitHubURL, "data": s.Data, "database": s.Database, "app": s.AppID}})
	a.url = answer.URL
	return a, err
}

func (a *apart) tell(o order) (answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text, err := json.Marshal(o)
	if err != nil {
		return answer{}, err
	}
	if _, err := a.in.Write(append(text, '\n')); err != nil {
		return answer{}, err
	}
	if !a.out.Scan() {
		return answer{}, fmt.Errorf("the server ended: %w", cmp.Or(a.out.Err(), io.ErrUnexpectedEOF))
	}
	var said answer
	if err := json.Unmarshal(a.out.Bytes(), &said); err != nil {
		return answer{}, err
	}
	if said.Error != "" {
		return said, errors.New(said.Error)
	}
	return said, nil
}

func (a *apart) order(word string, at time.Time) error {
	_, err := a.tell(order{Word: word, At: at})
	return err
}

func (a *apart) URL() string                 { return a.url }
func (a *apart) Quiet(context.Context) error { return a.order("quiet", time.Time{}) }
func (a *apart) Sweep(context.Context) error { return a.order("sweep", time.Time{}) }
func (a *apart) set(at time.Time) error      { return a.order("at", at) }

func (a *apart) end() error {
	err := a.order("end", time.Time{})
	return errors.Join(err, a.in.Close(), a.process.Wait())
}

func (a *apart) kill() error {
	err := a.process.Process.Kill()
	_ = a.process.Wait() // says that it was killed
	return err
}

// serveAlone is the other end: a server that does as it is told.
func serveAlone(in io.Reader, out io.Writer) error {
	time := &clock{}
	var served *here
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		time.set(o.At)
		said, err := answer{}, error(nil)
		ctx := context.Background()
		switch o.Word {
		case "begin":
			if served, err = begin(o, time); err == nil {
				said.URL = served.URL()
			}
		case "quiet":
			err = served.Quiet(ctx)
		case "sweep":
			err = served.Sweep(ctx)
		case "end":
			err = served.end()
		}
		if err != nil {
			said.Error = err.Error()
		}
		if err := json.NewEncoder(out).Encode(said); err != nil {
			return err
		}
	}
	return lines.Err()
}

func begin(o order, time *clock) (*here, error) {
	text := func(name string) string { value, _ := o.Settings[name].(string); return value }
	id, _ := o.Settings["app"].(float64)
	w := &world{clock: time, log: &logBook{through: os.Stderr}, settings: settings.Settings{AppID: int64(id), PrivateKey: o.Key,
		WebhookSecrets: []string{webhookSecret}, GitHubURL: text("github"), Listen: "127.0.0.1:0",
		Operations: "127.0.0.1:0", Data: text("data"), Database: text("database"), Workers: 2, Children: 1,
		SweepEvery: 24 * 60 * 60 * 1e9, ReconcileEvery: 24 * 60 * 60 * 1e9}}
	a, err := startHere(w)
	if err != nil {
		return nil, err
	}
	return a.(*here), nil
}

// logBook keeps what the server logs, for failures.
type logBook struct {
	mu      sync.Mutex
	text    strings.Builder
	through io.Writer // nil: kept
}

func (l *logBook) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.through != nil {
		return l.through.Write(text)
	}
	return l.text.Write(text)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var schemas atomic.Int64

// databaseURL is a fresh database: a file in the folder or, with
// COUNTERSIGN_TEST_POSTGRES, a schema of its own on that server.
func databaseURL(t testing.TB, folder string) string {
	t.Helper()
	place := os.Getenv("COUNTERSIGN_TEST_POSTGRES")
	if place == "" {
		return "sqlite:" + filepath.Join(folder, "store.db")
	}
	address := must(url.Parse(place))(t)
	schema := fmt.Sprintf("countersign_world_%d_%d", os.Getpid(), schemas.Add(1))
	admin := func(statement string) {
		db := must(sql.Open("pgx", place))(t)
		must(db.ExecContext(context.Background(), statement))(t)
		check(t, db.Close())
	}
	admin("CREATE SCHEMA " + schema)
	t.Cleanup(func() { admin("DROP SCHEMA " + schema + " CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must hands on a value, or fails the test.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}
