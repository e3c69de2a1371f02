package store

import (
	"context"
	"time"
)

// Publication is a check that we wrote: what we told whom about which commits.
type Publication struct {
	ID         int64 // set by the store; grows
	Repository int64
	Pull       int64
	BaseRef    string
	BaseSHA    string // the base's tip that was judged
	HeadSHA    string
	TreeSHA    string // of what was judged as the merge's result; empty if not known
	Digest     string // of the privileged change
	Assessment string // the key of the assessment that it rests on
	Conclusion string // as it was posted; "in_progress" where the check only said that it waits
	Own        string // the pull request's own conclusion, before others with the same head had a say
	Content    string // a digest of all that was shown, so that the same is not written again
	ExternalID string
	CheckRun   int64
	At         time.Time // set by the store
}

// Publish keeps a publication after the fact. It asks for no lease: what was
// written was written.
func (s *Store) Publish(ctx context.Context, p Publication) (Publication, error) {
	return write(ctx, s, "keep publication", func(t *txn) (Publication, error) {
		id, err := t.next("publication", 1)
		if err != nil {
			return Publication{}, err
		}
		stored := p
		stored.ID, stored.At = id, at(t.now)
		_, err = t.exec(`INSERT INTO publication (id, repository, pull, base_ref, base_sha, head_sha, tree_sha, digest,
			assessment, conclusion, own, content, external_id, check_run, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			id, p.Repository, p.Pull, short(p.BaseRef), short(p.BaseSHA), short(p.HeadSHA), short(p.TreeSHA),
			short(p.Digest), short(p.Assessment), short(p.Conclusion), short(p.Own), short(p.Content),
			short(p.ExternalID), p.CheckRun, t.now)
		return stored, err
	})
}

// PublicationQuery selects publications. Zero fields select nothing out.
type PublicationQuery struct {
	Repository int64 // needed
	Pull       int64
	BaseRef    string
	HeadSHA    string
	TreeSHA    string
	Conclusion string
	Before     time.Time // published strictly before it
	Most       int       // 0 means 1,000
}

// Publications lists publications, newest first.
func (s *Store) Publications(ctx context.Context, q PublicationQuery) ([]Publication, error) {
	var f filter
	f.where("repository = ", q.Repository, true)
	f.where("pull = ", q.Pull, q.Pull != 0)
	f.where("base_ref = ", short(q.BaseRef), q.BaseRef != "")
	f.where("head_sha = ", short(q.HeadSHA), q.HeadSHA != "")
	f.where("tree_sha = ", short(q.TreeSHA), q.TreeSHA != "")
	f.where("conclusion = ", short(q.Conclusion), q.Conclusion != "")
	f.where("at < ", q.Before, !q.Before.IsZero())
	return view(ctx, s, "publications", func(t *txn) ([]Publication, error) {
		return all(t, func(p *Publication) []any {
			return []any{&p.ID, &p.Repository, &p.Pull, &p.BaseRef, &p.BaseSHA, &p.HeadSHA, &p.TreeSHA, &p.Digest,
				&p.Assessment, &p.Conclusion, &p.Own, &p.Content, &p.ExternalID, &p.CheckRun, moment{&p.At}}
		}, `SELECT id, repository, pull, base_ref, base_sha, head_sha, tree_sha, digest, assessment, conclusion,
			own, content, external_id, check_run, at FROM publication`+
			f.text()+` ORDER BY id DESC`+f.limit(q.Most), f.args...)
	})
}

// Binding says which privileged change of which pull request a review approved.
type Binding struct {
	Repository int64
	Review     int64
	Pull       int64
	Person     int64
	BaseRef    string
	Commit     string // that the review named when we first heard of it
	Digest     string
	Entries    []byte    // the set that the digest is of, for a merge queue's union; may be empty
	At         time.Time // set by the store
}

// Bind keeps what a review is bound to, once: a review that is bound stays so,
// and Bind returns the binding in force, which may be another than b.
func (s *Store) Bind(ctx context.Context, b Binding) (Binding, error) {
	return write(ctx, s, "bind approval", func(t *txn) (Binding, error) {
		if _, err := t.exec(`INSERT INTO binding
			(repository, review, pull, person, base_ref, commit_sha, digest, entries, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
			b.Repository, b.Review, b.Pull, b.Person, short(b.BaseRef), short(b.Commit), short(b.Digest), b.Entries,
			t.now); err != nil {
			return Binding{}, err
		}
		var stored Binding
		_, err := t.one(stored.targets(), selectBinding+` AND review = $2`, b.Repository, b.Review)
		return stored, err
	})
}

const selectBinding = `SELECT repository, review, pull, person, base_ref, commit_sha, digest, entries, at
	FROM binding WHERE repository = $1`

func (b *Binding) targets() []any {
	return []any{&b.Repository, &b.Review, &b.Pull, &b.Person, &b.BaseRef, &b.Commit, &b.Digest, blob{&b.Entries},
		moment{&b.At}}
}

// Bindings lists what the reviews of a pull request are bound to, by review.
func (s *Store) Bindings(ctx context.Context, repository, pull int64) ([]Binding, error) {
	return view(ctx, s, "bindings", func(t *txn) ([]Binding, error) {
		return all(t, (*Binding).targets, selectBinding+` AND pull = $2 ORDER BY review`, repository, pull)
	})
}
