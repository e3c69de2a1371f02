package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		os.Exit(recordForEver(path))
	}
	goleak.VerifyTestMain(m)
}

// ticker is the injected clock.
type ticker struct {
	mu  sync.Mutex
	now time.Time
}

func newTicker() *ticker { return &ticker{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *ticker) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticker) Add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// engine makes fresh databases.
type engine struct {
	name string
	url  func(testing.TB) string
}

var schemas atomic.Int64

func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") }

// postgresURL names a schema of its own, so that tests do not see each other.
func postgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("COUNTERSIGN_TEST_POSTGRES")
	if server == "" {
		t.Skip("COUNTERSIGN_TEST_POSTGRES names no server (postgres://…)")
	}
	address, err := url.Parse(server)
	must(t, err)
	schema := fmt.Sprintf("countersign_test_%d_%d", os.Getpid(), schemas.Add(1))
	admin := func(statement string) {
		db, err := sql.Open("pgx", server)
		must(t, err)
		_, err = db.ExecContext(context.Background(), statement)
		must(t, err)
		must(t, db.Close())
	}
	admin("CREATE SCHEMA " + schema)
	t.Cleanup(func() { admin("DROP SCHEMA " + schema + " CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

var engines = []engine{{"sqlite", sqliteURL}, {"postgres", postgresURL}}

// onEach runs a test on both engines with an injected clock.
func onEach(t *testing.T, run func(t *testing.T, s *Store, clock *ticker)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			clock := newTicker()
			run(t, open(t, Options{URL: e.url(t), Clock: clock.Now}), clock)
		})
	}
}

func open(t testing.TB, options Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), options)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// get fails the test on an error, so that a call can stand in an expression.
func get[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return value
	}
}
