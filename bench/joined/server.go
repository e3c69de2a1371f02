package joined

import (
	"bytes"
	"context"
	"fmt"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/render/worker"
)

// RenderChild is the argument that makes a program a render child.
const RenderChild = "render-child"

// Server is a repository with all that is needed to judge it. It must be
// closed, and is safe for concurrent use.
type Server struct {
	// Dir is the repository's folder.
	Dir string
	// Rules are those it judges by.
	Rules    *engine.Engine
	pool     *worker.Pool
	repo     *git.Repo
	assessor *policy.Assessor
}

// Open opens the repository at dir. program is run with [RenderChild] to
// render; "" is this program.
func Open(ctx context.Context, dir, program string) (*Server, error) {
	rules, err := engine.New(rego.FS)
	if err != nil {
		return nil, fmt.Errorf("load the rules: %w", err)
	}
	pool, err := worker.New(ctx, worker.Options{Command: program, Args: []string{RenderChild},
		Key: bytes.Repeat([]byte("k"), 32), KeyID: "bench"})
	if err != nil {
		return nil, err
	}
	repo, err := git.Open(ctx, dir, git.Options{})
	if err != nil {
		pool.Close()
		return nil, err
	}
	assessor := &policy.Assessor{Builder: pool, Rules: rules, Version: "bench", Renderer: "bench", KeyID: "bench"}
	return &Server{Dir: dir, Rules: rules, pool: pool, repo: repo, assessor: assessor}, nil
}

// Close ends children and git.
func (s *Server) Close() error {
	s.pool.Close()
	return s.repo.Close()
}

// Review judges a change, with all that a server does for it besides asking
// about people.
func (s *Server) Review(ctx context.Context, base, head string) (policy.Assessment, error) {
	from, err := s.repo.Commit(ctx, base)
	if err != nil {
		return policy.Assessment{}, err
	}
	to, err := s.repo.Commit(ctx, head)
	if err != nil {
		return policy.Assessment{}, err
	}
	merged, err := s.repo.Merge(ctx, from, to)
	if err != nil {
		return policy.Assessment{}, err
	}
	return s.assessor.Review(ctx, policy.Sides{Base: revision(base, from), Head: revision(head, to),
		BaseTree: s.repo.Tree(from.Tree), MergedTree: s.repo.Tree(merged.Tree), Conflicts: merged.Conflicts})
}

// Audit judges a revision as it stands.
func (s *Server) Audit(ctx context.Context, rev string) (policy.Assessment, error) {
	commit, err := s.repo.Commit(ctx, rev)
	if err != nil {
		return policy.Assessment{}, err
	}
	return s.assessor.Audit(ctx, revision(rev, commit), s.repo.Tree(commit.Tree), nil)
}

// Render builds every root of a revision and judges nothing.
func (s *Server) Render(ctx context.Context, rev string) (*render.Comparison, error) {
	commit, err := s.repo.Commit(ctx, rev)
	if err != nil {
		return nil, err
	}
	return render.Audit(ctx, s.pool, s.repo.Tree(commit.Tree), render.Options{})
}

func revision(rev string, c git.Commit) policy.Revision {
	return policy.Revision{Rev: rev, Commit: c.ID, Tree: c.Tree}
}
