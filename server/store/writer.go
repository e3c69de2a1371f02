package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// job is one caller's write. Its answer is sent after the commit, never before.
type job struct {
	ctx  context.Context
	run  func(*txn) error
	done chan error // buffered: the writer never waits for a caller that left
}

const (
	// maxBatch bounds how many writes share one commit.
	maxBatch = 256
	// maxBatchTime bounds a commit on a disk that does not answer.
	maxBatchTime = 30 * time.Second
	// maxConflicts is how often a write is repeated that Postgres refused for
	// the sake of another one.
	maxConflicts = 10
)

// write runs fn in a transaction and returns when its effect is durable. fn may
// run more than once and must not touch anything but its transaction. When ctx
// ends first, whether the write happened is not known.
func write[T any](ctx context.Context, s *Store, op string, fn func(*txn) (T, error)) (T, error) {
	var out, none T
	run := func(t *txn) (err error) {
		out, err = fn(t)
		return err
	}
	var err error
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case s.closed():
		err = ErrClosed
	case s.pg:
		err = s.commitAlone(ctx, run)
	default:
		err = s.enqueue(ctx, run)
	}
	if err != nil {
		return none, s.explain(op, err)
	}
	return out, nil
}

// explain wraps an error; what fails because the store was closed meanwhile says so.
func (s *Store) explain(op string, err error) error {
	if s.closed() && kindOf(err) == Other {
		err = errors.Join(ErrClosed, err)
	}
	return wrap(op, err)
}

func (s *Store) enqueue(ctx context.Context, run func(*txn) error) error {
	j := job{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitTogether is the only writer of a SQLite store. All callers that wait
// while the disk confirms one commit share the next: the price of an fsync is
// divided among them, and a lone caller waits for nobody.
func (s *Store) commitTogether() {
	for {
		select {
		case first := <-s.jobs:
			s.commit(s.gather(first))
		case <-s.closing:
			return
		}
	}
}

// gather takes the callers that already wait.
func (s *Store) gather(first job) []job {
	batch := []job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) commit(batch []job) {
	answers, err := s.runBatch(batch)
	for i, j := range batch {
		if err != nil {
			j.done <- err
		} else {
			j.done <- answers[i]
		}
	}
}

// runBatch returns an answer for each job, or the error that undid them all.
func (s *Store) runBatch(batch []job) (answers []error, err error) {
	// Not the callers' contexts: one that leaves must not undo its neighbours.
	ctx, cancel := context.WithTimeout(context.Background(), maxBatchTime)
	defer cancel()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, j := range batch {
		answer, err := s.runInside(ctx, tx, j)
		if err != nil {
			return nil, errors.Join(err, undo(tx))
		}
		answers = append(answers, answer)
	}
	return answers, tx.Commit()
}

// runInside runs one job so that its failure undoes it alone. The error is one
// that undid the whole transaction, as a full disk does.
func (s *Store) runInside(ctx context.Context, tx *sql.Tx, j job) (answer, err error) {
	if err := j.ctx.Err(); err != nil {
		return err, nil
	}
	now, err := s.now(ctx, tx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	answer = j.run(&txn{ctx: ctx, on: tx, now: now})
	if answer != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO job"); err != nil {
			return nil, answer
		}
	}
	_, err = tx.ExecContext(ctx, "RELEASE job")
	return answer, err
}

func undo(tx *sql.Tx) error {
	// SQLite may have undone everything by itself already.
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && kindOf(err) != Other {
		return err
	}
	return nil
}

// commitAlone is a write on Postgres, which groups commits by itself.
func (s *Store) commitAlone(ctx context.Context, run func(*txn) error) error {
	for conflicts := 0; ; conflicts++ {
		err := s.tryAlone(ctx, run)
		if err == nil || !conflict(err) || conflicts == maxConflicts {
			return err
		}
	}
}

// conflict reports whether Postgres undid a transaction for another's sake.
func conflict(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

func (s *Store) tryAlone(ctx context.Context, run func(*txn) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	now, err := s.now(ctx, tx)
	if err == nil {
		err = run(&txn{ctx: ctx, on: tx, now: now, pg: true})
	}
	if err != nil {
		// What matters is why it failed; the server forgets the rest with the connection.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// view reads without waiting for the writer.
func view[T any](ctx context.Context, s *Store, op string, fn func(*txn) (T, error)) (T, error) {
	var none T
	if s.closed() {
		return none, wrap(op, ErrClosed)
	}
	now, err := s.now(ctx, s.read)
	if err != nil {
		return none, s.explain(op, err)
	}
	out, err := fn(&txn{ctx: ctx, on: s.read, now: now, pg: s.pg})
	if err != nil {
		return none, s.explain(op, err)
	}
	return out, nil
}

func (s *Store) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// now is the database's time: replicas' clocks may disagree, and leases must
// not depend on whose is right. A SQLite file and its process share one clock.
func (s *Store) now(ctx context.Context, on queryer) (now int64, err error) {
	switch {
	case s.clock != nil:
		return s.clock().UnixMicro(), nil
	case !s.pg:
		return time.Now().UnixMicro(), nil
	}
	t := &txn{ctx: ctx, on: on}
	_, err = t.one([]any{&now}, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`)
	return now, err
}
