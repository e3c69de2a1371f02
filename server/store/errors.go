package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

var (
	// ErrStale is returned when a lease is no longer the caller's: it ran out,
	// or somebody else holds a newer one. What the caller was about to write
	// must not be written.
	ErrStale = errors.New("the lease is no longer held: somebody else may be at work on this target")

	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("the store is closed")

	// ErrUnknown is returned when what is to be finished was never begun.
	ErrUnknown = errors.New("nothing is recorded under this key")
)

// Kind says what is wrong with the engine, so that callers can name the remedy.
type Kind string

// The kinds of trouble. All of them are the world's: the same call may succeed later.
const (
	Full        Kind = "full"        // no space left on the disk or in the quota
	ReadOnly    Kind = "read-only"   // the file, its folder or the server takes no writes
	Busy        Kind = "busy"        // another process holds the database
	Damaged     Kind = "damaged"     // the file is no database or is corrupt
	Unreachable Kind = "unreachable" // the disk or the server does not answer, or refuses us
	Mismatch    Kind = "mismatch"    // a newer version of the program wrote this database
	Other       Kind = "other"       // none of the above
)

var remedies = map[Kind]string{
	Full:        "free space on the volume of the database; nothing needs repair",
	ReadOnly:    "make the data folder writable for this user, or point to the primary server",
	Busy:        "stop the other process that holds this database",
	Damaged:     "restore the database from a backup, or move the file away to start anew",
	Unreachable: "check the address, the credentials and the health of the database",
	Mismatch:    "run the version that wrote this database, or a newer one",
	Other:       "see the engine's message",
}

// Error is trouble with the engine.
type Error struct {
	Op   string // what was tried, for example "record delivery"
	Kind Kind   // never empty
	Err  error  // the engine's own error, never nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("store: %s: database %s: %v (%s)", e.Op, e.Kind, e.Err, remedies[e.Kind])
}

func (e *Error) Unwrap() error { return e.Err }

// wrap gives an engine's error its kind. Our own answers and the caller's
// cancellation pass as they are.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	for _, own := range []error{ErrStale, ErrClosed, ErrUnknown, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, own) {
			return fmt.Errorf("store: %s: %w", op, err)
		}
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		return fmt.Errorf("store: %s: %w", op, err)
	}
	return &Error{Op: op, Kind: kindOf(err), Err: err}
}

// refusal is an argument that makes no sense: a mistake of the caller.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

func kindOf(err error) Kind {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteKind(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(e.Code)
	}
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if refused || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) {
		return Unreachable
	}
	return Other
}

// sqliteKind reads a primary or extended result code; see sqlite.org/rescode.html.
func sqliteKind(code int) Kind {
	switch code & 0xff {
	case 13:
		return Full
	case 8:
		return ReadOnly
	case 5, 6, 15:
		return Busy
	case 11, 26:
		return Damaged
	case 10, 14, 3, 23:
		return Unreachable
	}
	return Other
}

// postgresKind reads an SQLSTATE.
func postgresKind(state string) Kind {
	switch state {
	case "53100", "53200":
		return Full
	case "25006":
		return ReadOnly
	case "40001", "40P01", "55P03":
		return Busy
	case "XX001", "XX002":
		return Damaged
	}
	switch state[:min(2, len(state))] {
	case "08", "28", "3D", "53", "57", "58":
		return Unreachable
	}
	return Other
}
