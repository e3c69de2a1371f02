package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// queryer is what a transaction and a pool have in common.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// txn is one transaction, or one reading, at one moment of the database's time.
// It carries its context because it lives no longer than one call.
type txn struct {
	ctx context.Context
	on  queryer
	now int64 // microseconds
	pg  bool
}

// skipLocked is what makes concurrent claimants on Postgres pass by a row that
// another transaction holds; SQLite has one writer and needs none of it.
func (t *txn) skipLocked() string {
	if t.pg {
		return " FOR UPDATE OF w SKIP LOCKED"
	}
	return ""
}

// exec runs a statement and returns how many rows it touched.
func (t *txn) exec(query string, args ...any) (int64, error) {
	result, err := t.on.ExecContext(t.ctx, query, plain(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one scans the first row into dest and reports whether there was one.
func (t *txn) one(dest []any, query string, args ...any) (found bool, err error) {
	rows, err := t.on.QueryContext(t.ctx, query, plain(args)...)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(dest...); err != nil {
		return false, err
	}
	return true, rows.Err()
}

// all collects every row. The targets that scan names are read anew for each.
func all[T any](t *txn, scan func(*T) []any, query string, args ...any) (list []T, err error) {
	rows, err := t.on.QueryContext(t.ctx, query, plain(args)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row T
		if err := rows.Scan(scan(&row)...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// next draws n numbers of a counter and returns the first. Who draws holds the
// counter until the transaction ends, so numbers are committed in their order
// and a reader that goes by number misses none.
func (t *txn) next(name string, n int64) (int64, error) {
	var last int64
	_, err := t.one([]any{&last}, `UPDATE counter SET value = value + $1 WHERE name = $2 RETURNING value`, n, name)
	return last - n + 1, err
}

// plain turns our values into what both engines hold: times into microseconds,
// text into UTF-8 without zero bytes, nil bytes into none.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			out[i] = text(arg)
		case []byte:
			out[i] = append([]byte{}, arg...)
		case time.Time:
			out[i] = micros(arg)
		case Priority:
			out[i] = int64(arg)
		default:
			out[i] = arg
		}
	}
	return out
}

// text replaces what Postgres refuses in a text, so that no delivery can be
// made unstorable by what it says.
func text(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

const maxKey = 512

// short bounds what goes into an index: a longer name keeps its beginning and
// gets the digest of the whole, so that different names stay different.
func short(s string) string {
	whole := text(s)
	if len(whole) <= maxKey {
		return whole
	}
	sum := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(whole[:maxKey-2*sha256.Size], "") + hex.EncodeToString(sum[:])
}

// maxText is more than GitHub lets anybody write: 65,536 characters of four bytes.
const maxText = 1 << 18

func long(s string) string { return s[:min(len(s), maxText)] }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment scans microseconds into a time in UTC.
type moment struct{ to *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return refuse("a time must be a number, not %T", value)
	}
	*m.to = at(n)
	return nil
}

// blob scans bytes; none are nil on both engines.
type blob struct{ to *[]byte }

// Scan implements sql.Scanner.
func (b blob) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok && value != nil {
		return refuse("bytes must not be %T", value)
	}
	*b.to = append([]byte(nil), raw...)
	return nil
}

func at(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
