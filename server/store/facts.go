package store

import (
	"context"
	"slices"
	"time"
)

// Facts are what only an event tells: the API cannot be asked for them later.
// Each is kept as it was first heard of; a later telling changes nothing.
// Zero values are fields that the event did not give.
type Facts struct {
	Reviews  []ReviewSeen
	Heads    []HeadSeen
	Tips     []TipSeen
	Comments []CommentSeen
	Pushes   []PushSeen
	// Dismissals are reviews that somebody took away.
	Dismissals []DismissalSeen
	Hands      []HandSeen
}

// ReviewSeen is a review as it was first seen: GitHub moves its commit later.
type ReviewSeen struct {
	Repository int64
	ID         int64
	Pull       int64
	Person     int64  // 0 for a deleted account
	BaseRef    string // the pull request's base at that time
	Commit     string // that the review named first
	State      string // at first sight
	Submitted  time.Time
	Body       string    // its first text; cut after 256 KiB
	Seen       time.Time // set by the store
}

// HeadSeen is a commit that was the head of a pull request, and who brought it.
type HeadSeen struct {
	Repository int64
	Pull       int64
	SHA        string
	Before     string // the head that it replaced; empty at opening
	Sender     int64
	At         time.Time // by the event
	Seen       time.Time // set by the store
}

// TipSeen is a commit that was the tip of a base.
type TipSeen struct {
	Repository int64
	Ref        string
	SHA        string
	At         time.Time
	Seen       time.Time // set by the store
}

// CommentSeen is a comment as it was first seen.
type CommentSeen struct {
	Repository int64
	ID         int64
	Pull       int64
	Person     int64
	App        int64 // through which it was sent; 0 for none
	Edited     bool  // had been edited when first seen
	Created    time.Time
	Body       string    // its first text; cut after 256 KiB
	Seen       time.Time // set by the store
}

// DismissalSeen is who dismissed a review: the API does not tell it later.
type DismissalSeen struct {
	Repository int64
	Review     int64
	Pull       int64
	Sender     int64
	At         time.Time
	Seen       time.Time // set by the store
}

// HandSeen is somebody's hand in a commit that a pull request had, as it was
// when we looked: it stays theirs when the commit is squashed away, or when its
// addresses come to be another's.
type HandSeen struct {
	Repository int64
	Pull       int64
	Commit     string    // empty for what concerns the whole pull request
	Person     int64     // 0 for what is known of the commit itself
	How        string    // in the words of package people
	Seen       time.Time // set by the store
}

// PushSeen is a push to a branch.
type PushSeen struct {
	Repository int64
	Ref        string
	After      string
	Before     string
	Sender     int64
	Forced     bool
	At         time.Time
	Seen       time.Time // set by the store
}

// Remember keeps facts that were found without a delivery, as a sweep does.
func (s *Store) Remember(ctx context.Context, facts Facts) error {
	_, err := write(ctx, s, "remember", func(t *txn) (struct{}, error) { return struct{}{}, remember(t, facts) })
	return err
}

func remember(t *txn, facts Facts) error {
	const first = ` ON CONFLICT DO NOTHING`
	for _, r := range facts.Reviews {
		if _, err := t.exec(`INSERT INTO review_seen
			(repository, review, pull, person, base_ref, commit_sha, state, submitted, body, seen)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`+first, r.Repository, r.ID, r.Pull, r.Person,
			short(r.BaseRef), short(r.Commit), short(r.State), r.Submitted, long(r.Body), t.now); err != nil {
			return err
		}
	}
	for _, h := range facts.Heads {
		if _, err := t.exec(`INSERT INTO head_seen (repository, pull, sha, before_sha, sender, at, seen)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`+first, h.Repository, h.Pull, short(h.SHA), short(h.Before),
			h.Sender, h.At, t.now); err != nil {
			return err
		}
	}
	for _, c := range facts.Comments {
		if _, err := t.exec(`INSERT INTO comment_seen
			(repository, comment, pull, person, app, edited, created, body, seen)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`+first, c.Repository, c.ID, c.Pull, c.Person, c.App,
			c.Edited, c.Created, long(c.Body), t.now); err != nil {
			return err
		}
	}
	for _, d := range facts.Dismissals {
		if _, err := t.exec(`INSERT INTO dismissal_seen (repository, review, pull, sender, at, seen)
			VALUES ($1, $2, $3, $4, $5, $6)`+first, d.Repository, d.Review, d.Pull, d.Sender, d.At, t.now); err != nil {
			return err
		}
	}
	for _, h := range facts.Hands {
		if _, err := t.exec(`INSERT INTO hand_seen (repository, pull, commit_sha, person, how, seen)
			VALUES ($1, $2, $3, $4, $5, $6)`+first, h.Repository, h.Pull, short(h.Commit), h.Person, short(h.How),
			t.now); err != nil {
			return err
		}
	}
	return rememberRefs(t, facts, first)
}

func rememberRefs(t *txn, facts Facts, first string) error {
	for _, tip := range facts.Tips {
		if _, err := t.exec(`INSERT INTO tip_seen (repository, ref, sha, at, seen) VALUES ($1, $2, $3, $4, $5)`+first,
			tip.Repository, short(tip.Ref), short(tip.SHA), tip.At, t.now); err != nil {
			return err
		}
	}
	for _, p := range facts.Pushes {
		if _, err := t.exec(`INSERT INTO push_seen
			(repository, ref, after_sha, before_sha, sender, forced, at, seen)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`+first, p.Repository, short(p.Ref), short(p.After),
			short(p.Before), p.Sender, p.Forced, p.At, t.now); err != nil {
			return err
		}
	}
	return nil
}

// Reviews lists the reviews of a pull request as first seen, by time and id.
func (s *Store) Reviews(ctx context.Context, repository, pull int64) ([]ReviewSeen, error) {
	return view(ctx, s, "reviews seen", func(t *txn) ([]ReviewSeen, error) {
		return all(t, func(r *ReviewSeen) []any {
			return []any{&r.Repository, &r.ID, &r.Pull, &r.Person, &r.BaseRef, &r.Commit, &r.State,
				moment{&r.Submitted}, &r.Body, moment{&r.Seen}}
		}, `SELECT repository, review, pull, person, base_ref, commit_sha, state, submitted, body, seen
			FROM review_seen WHERE repository = $1 AND pull = $2 ORDER BY submitted, review`, repository, pull)
	})
}

// Heads lists the heads that a pull request had, by when we first saw them.
func (s *Store) Heads(ctx context.Context, repository, pull int64) ([]HeadSeen, error) {
	return view(ctx, s, "heads seen", func(t *txn) ([]HeadSeen, error) {
		return all(t, func(h *HeadSeen) []any {
			return []any{&h.Repository, &h.Pull, &h.SHA, &h.Before, &h.Sender, moment{&h.At}, moment{&h.Seen}}
		}, `SELECT repository, pull, sha, before_sha, sender, at, seen FROM head_seen
			WHERE repository = $1 AND pull = $2 ORDER BY at, seen, sha, before_sha, sender`, repository, pull)
	})
}

// Comments lists the comments of a pull request as first seen, by time and id.
func (s *Store) Comments(ctx context.Context, repository, pull int64) ([]CommentSeen, error) {
	return view(ctx, s, "comments seen", func(t *txn) ([]CommentSeen, error) {
		return all(t, func(c *CommentSeen) []any {
			return []any{&c.Repository, &c.ID, &c.Pull, &c.Person, &c.App, &c.Edited, moment{&c.Created}, &c.Body,
				moment{&c.Seen}}
		}, `SELECT repository, comment, pull, person, app, edited, created, body, seen FROM comment_seen
			WHERE repository = $1 AND pull = $2 ORDER BY created, comment`, repository, pull)
	})
}

// Dismissals lists who dismissed reviews of a pull request, by time and review.
func (s *Store) Dismissals(ctx context.Context, repository, pull int64) ([]DismissalSeen, error) {
	return view(ctx, s, "dismissals seen", func(t *txn) ([]DismissalSeen, error) {
		return all(t, func(d *DismissalSeen) []any {
			return []any{&d.Repository, &d.Review, &d.Pull, &d.Sender, moment{&d.At}, moment{&d.Seen}}
		}, `SELECT repository, review, pull, sender, at, seen FROM dismissal_seen
			WHERE repository = $1 AND pull = $2 ORDER BY at, review`, repository, pull)
	})
}

// Hands lists who had a hand in which commits of a pull request, by when we first saw it.
func (s *Store) Hands(ctx context.Context, repository, pull int64) ([]HandSeen, error) {
	return view(ctx, s, "hands seen", func(t *txn) ([]HandSeen, error) {
		return all(t, func(h *HandSeen) []any {
			return []any{&h.Repository, &h.Pull, &h.Commit, &h.Person, &h.How, moment{&h.Seen}}
		}, `SELECT repository, pull, commit_sha, person, how, seen FROM hand_seen
			WHERE repository = $1 AND pull = $2 ORDER BY seen, commit_sha, how, person`, repository, pull)
	})
}

// Tips lists the tips that a base had, newest first, at most most.
func (s *Store) Tips(ctx context.Context, repository int64, ref string, most int) ([]TipSeen, error) {
	return view(ctx, s, "tips seen", func(t *txn) ([]TipSeen, error) {
		return all(t, func(tip *TipSeen) []any {
			return []any{&tip.Repository, &tip.Ref, &tip.SHA, moment{&tip.At}, moment{&tip.Seen}}
		}, `SELECT repository, ref, sha, at, seen FROM tip_seen
			WHERE repository = $1 AND ref = $2 ORDER BY at DESC, seen DESC, sha LIMIT $3`, repository, short(ref), most)
	})
}

// Pushes lists the pushes to a branch, newest first, at most most.
func (s *Store) Pushes(ctx context.Context, repository int64, ref string, most int) ([]PushSeen, error) {
	return view(ctx, s, "pushes seen", func(t *txn) ([]PushSeen, error) {
		return all(t, func(p *PushSeen) []any {
			return []any{&p.Repository, &p.Ref, &p.After, &p.Before, &p.Sender, &p.Forced, moment{&p.At},
				moment{&p.Seen}}
		}, `SELECT repository, ref, after_sha, before_sha, sender, forced, at, seen FROM push_seen
			WHERE repository = $1 AND ref = $2 ORDER BY at DESC, seen DESC, after_sha, before_sha, sender LIMIT $3`,
			repository, short(ref), most)
	})
}

// PushedRefs lists the refs of a repository that were pushed to since a moment,
// as far as we heard of it, sorted.
func (s *Store) PushedRefs(ctx context.Context, repository int64, since time.Time) ([]string, error) {
	refs, err := view(ctx, s, "refs pushed to", func(t *txn) ([]string, error) {
		return all(t, func(ref *string) []any { return []any{ref} },
			`SELECT DISTINCT ref FROM push_seen WHERE repository = $1 AND seen >= $2`, repository, since)
	})
	slices.Sort(refs)
	return refs, err
}
