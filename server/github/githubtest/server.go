package githubtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

type object = map[string]any

// Options say what a server starts with. The zero value is usable.
type Options struct {
	// Clock dates what is recorded. Nil means the wall clock.
	Clock func() time.Time
	// TokenClock judges tokens and limits. Nil means the wall clock, which is
	// what ghinstallation and go-github go by.
	TokenClock func() time.Time
	// Folder holds the repositories. Empty means a temporary one that Close removes.
	Folder string
	// App is the App that the tokens are for.
	App App
	// WebhookURL takes the App's webhooks. Empty means that deliveries are
	// recorded as failed until SetWebhook names one.
	WebhookURL string
	// WebhookSecret signs the webhooks. Empty means that they carry no signature.
	WebhookSecret string
	// Limits bound what an installation may ask.
	Limits Limits
	// Description checks requests, answers and webhooks. Nil means unchecked.
	Description Checker
}

// Checker compares what passes with GitHub's description and says what
// differs, one text each. [Description] is one; that it is asked for by this
// interface keeps the reading of OpenAPI out of programs that do not load one.
type Checker interface {
	Exchange(operation string, query url.Values, request []byte, status int, answer []byte) []string
	Webhook(name, action string, payload []byte) []string
}

// App is a GitHub App as its settings page shows it.
type App struct {
	ID   int64  // 0 means 4242
	Slug string // empty means "countersign"
	// Key signs the App's JWTs. Nil means a key made once per process.
	Key *rsa.PrivateKey
	// Permissions are what installations grant. Nil means what the App needs.
	Permissions map[string]string
	// Events are what the App is told of. Nil means what the App needs.
	Events []string
}

// Limits bound requests of each installation. Zero fields mean: Hourly 5000,
// the others unbounded.
type Limits struct {
	Hourly             int // requests in an hour of the TokenClock
	PointsPerMinute    int // a read costs 1, a write 5
	CreationsPerMinute int // POST, PATCH, PUT, DELETE
}

var oneKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Server is one GitHub. Make it with New or Start.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	folder   string
	ownFiles bool
	stop     chan struct{} // closed by Close: ends stalls and deliveries
	done     sync.WaitGroup

	mu            sync.Mutex
	lastID        map[string]int64
	users         map[int64]*User
	organisations map[int64]*Organisation
	repositories  map[int64]*Repository
	installations map[int64]*Installation
	tokens        map[string]*caller
	moved         map[string]int64 // old "owner/name" in lower case → repository
	requests      []Request
	watch         func(Request)
	problems      []string
	faults        map[string][]*Fault
	hooks         hooks
	app           *User                // the account under which the App acts
	operator      *User                // whoever owns the App and changes settings
	immutable     map[string][]byte    // answers of git that never change
	verified      map[string]time.Time // commits whose signature GitHub vouches for
}

// Start makes a server that listens on a free port of loopback until Close.
func Start(options Options) (*Server, error) {
	options = complete(options)
	if options.App.Key == nil {
		key, err := oneKey()
		if err != nil {
			return nil, fmt.Errorf("make a key for the App: %w", err)
		}
		options.App.Key = key
	}
	s := &Server{
		options: options, folder: options.Folder, stop: make(chan struct{}),
		lastID: map[string]int64{}, users: map[int64]*User{}, organisations: map[int64]*Organisation{},
		repositories: map[int64]*Repository{}, installations: map[int64]*Installation{},
		tokens: map[string]*caller{}, moved: map[string]int64{}, faults: map[string][]*Fault{},
		immutable: map[string][]byte{}, verified: map[string]time.Time{},
	}
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "githubtest-")
		if err != nil {
			return nil, err
		}
		s.folder, s.ownFiles = folder, true
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.listener = listener
	s.app = s.addUser(User{Login: options.App.Slug + "[bot]", Type: "Bot"})
	s.operator = s.addUser(User{Login: "operator"})
	s.addUser(User{ID: webFlowID, Login: "web-flow", Emails: []string{"noreply@github.com"}})
	s.hooks.start(s)
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	s.done.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.problem("serving ended: %v", err)
		}
	})
	return s, nil
}

// New is Start for tests: t fails for every problem, the server ends with t,
// and the description named by COUNTERSIGN_GITHUB_DESCRIPTION, if any, is applied.
func New(t testing.TB, options Options) *Server {
	t.Helper()
	if options.Description == nil {
		options.Description = testDescription(t)
	}
	s, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, problem := range s.Problems() {
			t.Errorf("githubtest: %s", problem)
		}
	})
	return s
}

func complete(o Options) Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.TokenClock == nil {
		o.TokenClock = time.Now
	}
	o.App.ID = cmp.Or(o.App.ID, 4242)
	o.App.Slug = cmp.Or(o.App.Slug, "countersign")
	o.Limits.Hourly = cmp.Or(o.Limits.Hourly, 5000)
	if o.App.Permissions == nil {
		o.App.Permissions = map[string]string{
			"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write",
			"issues": "write", "members": "read", "merge_queues": "read",
		}
	}
	if o.App.Events == nil {
		o.App.Events = []string{
			"pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "push",
			"merge_group", "membership", "team", "member", "organization", "repository",
			"repository_ruleset", "branch_protection_rule",
		}
	}
	return o
}

// URL is the server's address without a slash at the end. REST answers there
// and below /api/v3, GraphQL at /graphql and /api/graphql, git at /OWNER/NAME.git.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// AppKey is the App's private key in PEM.
func (s *Server) AppKey() []byte {
	der := x509.MarshalPKCS1PrivateKey(s.options.App.Key)
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})
}

// AppID is the App's numeric id.
func (s *Server) AppID() int64 { return s.options.App.ID }

// Close ends the server and its deliveries and removes its own folder. It may
// be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.stop:
		s.mu.Unlock()
		return nil
	default:
		close(s.stop)
	}
	s.mu.Unlock()
	err := s.http.Close()
	s.done.Wait()
	if s.ownFiles {
		err = errors.Join(err, os.RemoveAll(s.folder))
	}
	return err
}

// Request is one request as it was answered.
type Request struct {
	Operation    string // GitHub's own name, as "pulls/get"; empty where unknown
	Method       string
	Path         string // with the query
	Installation int64  // 0: not by an installation
	Status       int    // what was answered or, where the answer was lost, would have been
	Fault        string // the fault that was played, if any
	Body         []byte
}

// Requests are all requests so far, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Writes are the requests that changed something, in order. Tokens are not counted.
func (s *Server) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool {
		return r.Method == http.MethodGet || r.Status >= 300 || strings.HasPrefix(r.Operation, "transport/") ||
			r.Operation == "apps/create-installation-access-token" || r.Operation == "graphql"
	})
}

// Count is the number of requests of an operation so far; of all that spend
// an installation's budget for "". Answers of 304 spend nothing.
func (s *Server) Count(operation string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Operation == operation || operation == "" && r.Installation != 0 && r.Status != http.StatusNotModified {
			n++
		}
	}
	return n
}

// Problems are what GitHub would not know or not say: each fails a test's server.
func (s *Server) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// TakeProblems returns the problems so far and forgets them: for tests that expect one.
func (s *Server) TakeProblems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.problems
	s.problems = nil
	return taken
}

func (s *Server) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(format, args...)
}

// note is problem for those who hold the lock.
func (s *Server) note(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// id counts per kind, from a start that tells the kinds apart in failures.
func (s *Server) id(kind string) int64 {
	s.lastID[kind]++
	return s.lastID[kind] + int64(len(kind))*10_000
}

func (s *Server) now() time.Time { return s.options.Clock().UTC().Truncate(time.Second) }

func (s *Server) api(path string) string { return s.URL() + "/api/v3" + path }

func (s *Server) gitFolder(id int64) string {
	return filepath.Join(s.folder, fmt.Sprintf("%d.git", id))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func nodeID(kind string, id int64) string { return url.PathEscape(fmt.Sprintf("%s_%d", kind, id)) }
