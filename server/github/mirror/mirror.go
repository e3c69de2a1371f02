package mirror

import (
	"context"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// Options say where mirrors lie.
type Options struct {
	Folder string // holds the mirrors; needed; used by one process at a time
	// Schemes are allowed besides https; tests allow http.
	Schemes []string
	Clock   func() time.Time // nil means the wall clock
	// Timeout bounds one git process; 0 means 2 minutes.
	Timeout time.Duration
}

// Mirrors are all mirrors of this process.
type Mirrors struct{}

// Open opens the folder, locks it, and removes what a crash left.
func Open(ctx context.Context, o Options) (*Mirrors, error) { panic("contract") }

// Remote says where a repository is fetched from.
type Remote struct {
	URL   string // without credentials
	Token func(ctx context.Context) (string, error)
}

// Mirror returns the mirror of a repository, made at first use.
func (m *Mirrors) Mirror(ctx context.Context, repository int64, remote Remote) (*Mirror, error) {
	panic("contract")
}

// Prune removes mirrors that nobody used since a moment and returns how many.
func (m *Mirrors) Prune(ctx context.Context, before time.Time) (int, error) { panic("contract") }

// Close ends all git processes.
func (m *Mirrors) Close() error { panic("contract") }

// Mirror is one repository's mirror.
type Mirror struct{}

// Bring makes sure that commits, all their ancestors, their trees and all
// blobs of their trees (up to the size limit) are here, with as few fetches as
// can be. pull names the namespace that keeps them (0: the bases). What is
// here already costs no request.
func (m *Mirror) Bring(ctx context.Context, pull int, commits ...string) error { panic("contract") }

// Commit, Merge, MergeBase, Tree are those of git.Repo, for full SHAs that
// were brought. Merge fetches what a merge of contents needs, in one batch.
func (m *Mirror) Commit(ctx context.Context, sha string) (git.Commit, error) { panic("contract") }
func (m *Mirror) Merge(ctx context.Context, base, head git.Commit) (git.Merged, error) {
	panic("contract")
}
func (m *Mirror) MergeBase(ctx context.Context, a, b git.Commit) (git.Commit, error) {
	panic("contract")
}
func (m *Mirror) Tree(id string) render.Tree { panic("contract") }

// Range lists the commits of base..head over all parents, oldest first, at
// most most (0: 10,000); more is an error.
func (m *Mirror) Range(ctx context.Context, base, head git.Commit, most int) ([]git.Commit, error) {
	panic("contract")
}

// Contains reports whether ancestor is head or one of its ancestors.
func (m *Mirror) Contains(ctx context.Context, head, ancestor string) (bool, error) {
	panic("contract")
}

// Neutral reports whether a merge commit's tree is the automatic merge of its two parents.
func (m *Mirror) Neutral(ctx context.Context, sha string) (bool, error) { panic("contract") }
