package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options say where the store lies.
type Options struct {
	// URL is postgres://… or postgresql://…, or sqlite: and a path. Its folder must
	// exist; the file is made, readable for its owner only. Empty is refused.
	URL string
	// Clock replaces the database's clock, for tests. Nil means the database's own.
	Clock func() time.Time
	// AssessmentBytes bounds the bodies of all assessments together. 0 means 512 MiB.
	AssessmentBytes int64
}

// Store is the open store. Safe for concurrent use; its zero value is not usable.
type Store struct {
	clock   func() time.Time
	budget  int64
	pg      bool
	read    *sql.DB // beside the writer
	write   *sql.DB // SQLite: one connection, used by the writer alone; Postgres: the same pool as read
	jobs    chan job
	closing chan struct{}
	once    sync.Once
	workers sync.WaitGroup
	failed  error // of closing
}

const (
	readers         = 4
	connections     = 16
	assessmentBytes = 512 << 20
)

// Open opens the store, makes or migrates its tables, and proves that it can
// be written. The caller must Close it.
func Open(ctx context.Context, options Options) (*Store, error) {
	s := &Store{clock: options.Clock, budget: options.AssessmentBytes, jobs: make(chan job),
		closing: make(chan struct{})}
	if s.budget == 0 {
		s.budget = assessmentBytes
	}
	scheme, rest, _ := strings.Cut(options.URL, ":")
	var err error
	switch {
	case scheme == "sqlite" && rest != "":
		err = s.openSQLite(strings.TrimPrefix(rest, "//"))
	case scheme == "postgres" || scheme == "postgresql":
		s.pg = true
		err = s.openPostgres(options.URL)
	default:
		return nil, errors.New("store: the database URL must begin with sqlite: (and a path) or postgres://")
	}
	if err != nil {
		return nil, wrap("open", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(wrap("migrate", err), s.shut())
	}
	if !s.pg {
		s.workers.Go(s.commitTogether)
	}
	if err := s.Health(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openSQLite(path string) error {
	// The file holds a key: nobody else may read it. SQLite gives its journal the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrPermission) || err != nil && strings.Contains(err.Error(), "read-only file system"):
		return &Error{Op: "open", Kind: ReadOnly, Err: err}
	case err != nil:
		return &Error{Op: "open", Kind: Unreachable, Err: err}
	}
	if err := file.Close(); err != nil {
		return err
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)",
		"foreign_keys(1)", "trusted_schema(0)",
	}}
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
	open := func(extra url.Values) (*sql.DB, error) {
		for key, values := range pragmas {
			extra[key] = append(append([]string{}, values...), extra[key]...)
		}
		return sql.Open("sqlite", name+"?"+extra.Encode())
	}
	if s.write, err = open(url.Values{"_txlock": {"immediate"}}); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = open(url.Values{"_pragma": {"query_only(1)"}}); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	return nil
}

func (s *Store) openPostgres(address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The library's text may quote the address, and with it the password.
		return &Error{Op: "open", Kind: Unreachable, Err: errors.New("the database URL cannot be read")}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	// A replica that lost its network must not hold row locks for ever.
	for name, value := range map[string]string{
		"application_name": "countersign", "idle_in_transaction_session_timeout": "30000", "lock_timeout": "10000",
		"statement_timeout": "30000",
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	s.write = stdlib.OpenDB(*config)
	s.write.SetMaxOpenConns(connections)
	s.write.SetMaxIdleConns(connections)
	s.read = s.write
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.pg {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.write, files, options...)
	if err != nil {
		return err
	}
	if err := s.up(ctx, provider); err != nil {
		return err
	}
	has, knows, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if has > knows {
		return &Error{Op: "migrate", Kind: Mismatch,
			Err: fmt.Errorf("its tables are of version %d, this program knows %d", has, knows)}
	}
	return nil
}

// up applies what is missing. Processes that make the same SQLite file at once
// wait for each other's transactions, then find made what they were about to
// make: each such failure means that another got further, so asking again ends.
func (s *Store) up(ctx context.Context, provider *goose.Provider) error {
	const steps = 5
	for step := 1; ; step++ {
		_, err := provider.Up(ctx)
		if err == nil || s.pg || kindOf(err) != Other && kindOf(err) != Busy || step == steps {
			return err
		}
	}
}

// Close waits for writes under way and closes the store. Later calls of any
// method return ErrClosed; a second Close does nothing.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		s.workers.Wait()
		s.failed = wrap("close", s.shut())
	})
	return s.failed
}

func (s *Store) shut() error {
	if s.pg {
		return s.write.Close()
	}
	// The last to close a SQLite file folds the journal into it; that must be the writer.
	return errors.Join(s.read.Close(), s.write.Close())
}
