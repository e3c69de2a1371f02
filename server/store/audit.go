package store

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Entry is one row of the audit log. Rows are never changed.
type Entry struct {
	ID         int64     // set by the store; grows without gaps in the order of the log
	At         time.Time // set by the store
	Repository int64     // 0 for what concerns no repository
	Pull       int64     // 0 for what concerns no pull request
	Kind       string
	Body       []byte // JSON
}

// Log appends to the audit log and returns the entry as kept.
func (s *Store) Log(ctx context.Context, e Entry) (Entry, error) {
	if e.Kind == "" {
		return Entry{}, wrap("audit", refuse("an audit entry needs a kind"))
	}
	return write(ctx, s, "audit", func(t *txn) (Entry, error) {
		id, err := t.next("audit", 1)
		if err != nil {
			return Entry{}, err
		}
		stored := e
		stored.ID, stored.At = id, at(t.now)
		_, err = t.exec(`INSERT INTO audit (id, at, repository, pull, kind, body) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, t.now, e.Repository, e.Pull, short(e.Kind), e.Body)
		return stored, err
	})
}

// LogQuery selects audit entries. Zero fields select nothing out.
type LogQuery struct {
	After      int64 // entries with a larger id, so that a reader can go on where it stopped
	Repository int64
	Pull       int64
	Kind       string
	From, To   time.Time // From included, To not
	Most       int       // 0 means 1,000
	Newest     bool      // the newest first
}

// Entries reads the audit log, oldest first unless the query says otherwise.
func (s *Store) Entries(ctx context.Context, q LogQuery) ([]Entry, error) {
	var f filter
	f.where("id > ", q.After, true)
	f.where("repository = ", q.Repository, q.Repository != 0)
	f.where("pull = ", q.Pull, q.Pull != 0)
	f.where("kind = ", short(q.Kind), q.Kind != "")
	f.where("at >= ", q.From, !q.From.IsZero())
	f.where("at < ", q.To, !q.To.IsZero())
	order := " ORDER BY id"
	if q.Newest {
		order += " DESC"
	}
	return view(ctx, s, "read audit", func(t *txn) ([]Entry, error) {
		return all(t, func(e *Entry) []any {
			return []any{&e.ID, moment{&e.At}, &e.Repository, &e.Pull, &e.Kind, blob{&e.Body}}
		}, `SELECT id, at, repository, pull, kind, body FROM audit`+f.text()+order+f.limit(q.Most), f.args...)
	})
}

// filter builds a WHERE of our own words with numbered arguments.
type filter struct {
	parts []string
	args  []any
}

func (f *filter) where(words string, arg any, wanted bool) {
	if wanted {
		f.args = append(f.args, arg)
		f.parts = append(f.parts, words+"$"+strconv.Itoa(len(f.args)))
	}
}

func (f *filter) text() string { return " WHERE " + strings.Join(f.parts, " AND ") }

func (f *filter) limit(most int) string {
	if most <= 0 || most > 1000 {
		most = 1000
	}
	return " LIMIT " + strconv.Itoa(most)
}
