package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func kindIs(t *testing.T, err error, kinds ...Kind) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no *Error of kind %v", err, kinds)
	}
	for _, kind := range kinds {
		if e.Kind == kind {
			if !strings.Contains(err.Error(), remedies[kind]) {
				t.Errorf("%q names no remedy", err)
			}
			return
		}
	}
	t.Fatalf("%v is of kind %q, want %v", err, e.Kind, kinds)
}

// fill records until the disk is full and returns how many were acknowledged.
func fill(t *testing.T, s *Store, name string, kinds ...Kind) (acknowledged []string) {
	t.Helper()
	facts := func(guid string) Facts {
		return Facts{Comments: []CommentSeen{{Repository: 1, ID: int64(len(acknowledged)), Body: guid + strings.Repeat("x", 20_000)}}}
	}
	for i := range 10_000 {
		guid := fmt.Sprint(name, i)
		if _, err := s.Record(t.Context(), Delivery{GUID: guid}, facts(guid)); err != nil {
			kindIs(t, err, kinds...)
			return acknowledged
		}
		acknowledged = append(acknowledged, guid)
	}
	t.Fatal("the disk never fills up")
	return nil
}

// A full disk is an error with a kind; with space again, all is as before.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be mounted here (TestQuota stands in): %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))
	s := open(t, Options{URL: "sqlite:" + filepath.Join(dir, "store.db")})
	kept := fill(t, s, "a", Full, Unreachable)
	if len(kept) == 0 {
		t.Fatal("nothing was recorded: the test proves nothing")
	}
	for _, guid := range kept {
		same(t, guid, get(s.Seen(t.Context(), guid))(t), true)
	}
	must(t, os.Remove(ballast))
	must(t, s.Health(t.Context()))
	get(s.Record(t.Context(), Delivery{GUID: "later"}, Facts{}, push(1)))(t)
	same(t, "recovered", claimOne(t, s).Pull, int64(1))
}

// The same by a limit that needs no rights.
func TestQuota(t *testing.T) {
	s := open(t, Options{URL: sqliteURL(t)})
	limit := func(pages int) {
		get(s.write.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages)))(t)
	}
	var pages int
	must(t, s.write.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	limit(pages + 100)
	// Neighbours of a commit that fails are not acknowledged, nor kept.
	var together sync.WaitGroup
	results := make([]error, 40)
	for i := range results {
		together.Go(func() {
			facts := Facts{Comments: []CommentSeen{{ID: int64(i), Body: strings.Repeat("x", 40_000)}}}
			_, results[i] = s.Record(t.Context(), Delivery{GUID: fmt.Sprint(i)}, facts)
		})
	}
	together.Wait()
	failed := 0
	for i, err := range results {
		if err != nil {
			failed++
			kindIs(t, err, Full)
		}
		same(t, fmt.Sprint(i), get(s.Seen(t.Context(), fmt.Sprint(i)))(t), err == nil)
	}
	if failed == 0 {
		t.Error("nothing failed: the test proves nothing")
	}
	limit(1 << 30)
	get(s.Record(t.Context(), Delivery{GUID: "later"}, Facts{}, push(1)))(t)
	same(t, "recovered", claimOne(t, s).Pull, int64(1))
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	must(t, os.WriteFile(text, []byte(strings.Repeat("this is no database ", 500)), 0o600))
	for address, kind := range map[string]Kind{
		"sqlite:" + text: Damaged,
		"sqlite:" + filepath.Join(dir, "none", "store.db"): Unreachable,
		"sqlite:" + dir:                                          Unreachable,
		"postgres://u:hunter2@127.0.0.1:1/x":                     Unreachable,
		"postgres://u:hunter2@127.0.0.1:99999999/x?sslmode=what": Unreachable,
	} {
		_, err := Open(t.Context(), Options{URL: address})
		kindIs(t, err, kind)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", address, err)
		}
	}
	for _, address := range []string{"", "store.db", "sqlite:", "mysql://x:hunter2@y"} {
		if _, err := Open(t.Context(), Options{URL: address}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A file system that takes no writes is told apart from one that is full.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	address := "sqlite:" + filepath.Join(dir, "store.db")
	s, err := Open(t.Context(), Options{URL: address})
	must(t, err)
	must(t, s.Close())
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_RDONLY, ""); err == nil {
		t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	} else {
		if os.Geteuid() == 0 {
			t.Skipf("root may write everywhere, and nothing can be mounted: %v", err)
		}
		must(t, os.Chmod(filepath.Join(dir, "store.db"), 0o400))
		t.Cleanup(func() { must(t, os.Chmod(filepath.Join(dir, "store.db"), 0o600)) })
	}
	_, err = Open(t.Context(), Options{URL: address})
	kindIs(t, err, ReadOnly)
}

// The file system turns read-only under a running server, and back.
func TestTurnsReadOnly(t *testing.T) {
	s := open(t, Options{URL: sqliteURL(t)})
	get(s.write.ExecContext(t.Context(), "PRAGMA query_only = 1"))(t)
	_, err := s.Record(t.Context(), Delivery{GUID: "g"}, Facts{})
	kindIs(t, err, ReadOnly)
	kindIs(t, s.Health(t.Context()), ReadOnly)
	get(s.write.ExecContext(t.Context(), "PRAGMA query_only = 0"))(t)
	same(t, "recovered", get(s.Record(t.Context(), Delivery{GUID: "g"}, Facts{}))(t), true)
}

func TestNotDurable(t *testing.T) {
	s := open(t, Options{URL: sqliteURL(t)})
	get(s.write.ExecContext(t.Context(), "PRAGMA synchronous = NORMAL"))(t)
	if err := s.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "not durable") {
		t.Errorf("a commit without fsync is healthy: %v", err)
	}
	address := postgresURL(t)
	if _, err := Open(t.Context(), Options{URL: address + "&synchronous_commit=off"}); err == nil ||
		!strings.Contains(err.Error(), "not durable") {
		t.Errorf("a commit that does not wait is healthy: %v", err)
	}
}

// A newer program's tables are not touched by an older one.
func TestNewerTables(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			address := e.url(t)
			s, err := Open(t.Context(), Options{URL: address})
			must(t, err)
			get(s.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)`))(t)
			must(t, s.Close())
			_, err = Open(t.Context(), Options{URL: address})
			kindIs(t, err, Mismatch)
		})
	}
}

// Replicas start together on an empty database.
func TestOpenedTogether(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			address := e.url(t)
			var replicas sync.WaitGroup
			for range 4 {
				replicas.Go(func() {
					s, err := Open(t.Context(), Options{URL: address})
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.Secret(t.Context(), "k"); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			replicas.Wait()
		})
	}
}

func TestClosed(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, err := Open(t.Context(), Options{URL: e.url(t)})
			must(t, err)
			var callers sync.WaitGroup
			acknowledged := make([]error, 50)
			for i := range acknowledged {
				callers.Go(func() { _, acknowledged[i] = s.Record(context.Background(), Delivery{GUID: fmt.Sprint(i)}, Facts{}) })
			}
			must(t, s.Close())
			callers.Wait()
			for _, err := range acknowledged {
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Errorf("while it closes: %v", err)
				}
			}
			_, read := s.Seen(t.Context(), "g")
			_, wrote := s.Record(t.Context(), Delivery{GUID: "g"}, Facts{})
			for _, err := range []error{read, wrote, s.Health(t.Context())} {
				if !errors.Is(err, ErrClosed) {
					t.Errorf("after closing: %v", err)
				}
			}
		})
	}
}

// A caller that leaves undoes nothing of its neighbours.
func TestCallerLeaves(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, _ *ticker) {
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := s.Record(gone, Delivery{GUID: "gone"}, Facts{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that left: %v", err)
		}
		var callers sync.WaitGroup
		for i := range 60 {
			callers.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%3 == 0 {
					go cancel()
				}
				_, err := s.Record(ctx, Delivery{GUID: fmt.Sprint(i)}, Facts{})
				if err != nil && (i%3 != 0 || !errors.Is(err, context.Canceled)) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		callers.Wait()
		for i := range 60 {
			if i%3 != 0 {
				same(t, fmt.Sprint(i), get(s.Seen(t.Context(), fmt.Sprint(i)))(t), true)
			}
		}
	})
}

// The server ends our connections: the next call has new ones.
func TestServerDropsUs(t *testing.T) {
	address := postgresURL(t)
	s, other := open(t, Options{URL: address}), open(t, Options{URL: address})
	must(t, s.Wake(t.Context(), push(1)))
	lease := claimOne(t, s)
	get(other.write.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND application_name = 'countersign'`))(t)
	failed := 0
	for range connections + 1 {
		if err := s.Health(t.Context()); err != nil {
			kindIs(t, err, Unreachable)
			failed++
			continue
		}
		break
	}
	must(t, s.Holds(t.Context(), lease))
	must(t, s.Settle(t.Context(), lease, Outcome{}))
}

// Replicas' clocks may disagree by minutes: what counts is the server's. The
// schema's own function stands before the server's here, as a clock that is off.
func TestTimeIsTheServers(t *testing.T) {
	address := postgresURL(t) + "%2Cpg_catalog"
	clock, err := sql.Open("pgx", address)
	must(t, err)
	defer func() { must(t, clock.Close()) }()
	set := func(second int) {
		get(clock.ExecContext(t.Context(), fmt.Sprintf(`CREATE OR REPLACE FUNCTION clock_timestamp()
			RETURNS timestamptz LANGUAGE sql AS 'SELECT to_timestamp(%d)'`, second)))(t)
	}
	set(1_000_000_000)
	s := open(t, Options{URL: address})
	must(t, s.Wake(t.Context(), push(1)))
	lease := claimOne(t, s)
	same(t, "until", lease.Until, time.Unix(1_000_000_060, 0).UTC())
	claimNone(t, s, "the server's minute has not passed")
	set(1_000_000_060)
	if err := s.Holds(t.Context(), lease); !errors.Is(err, ErrStale) {
		t.Errorf("the server's minute has passed: %v", err)
	}
	same(t, "taken over", claimOne(t, s).Attempts, 2)
}
