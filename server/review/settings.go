package review

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/settings"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/glob"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/store"
)

// UnreadableError says that there is no config to go by.
type UnreadableError struct {
	Mistakes []render.Problem // at least one
}

// Error implements error.
func (e *UnreadableError) Error() string {
	return "the config cannot be read: " + e.Mistakes[0].Message
}

// Governed reports whether a branch is governed: the default branch, and what
// bases in the default branch's config names (D29).
func Governed(c config.Config, r github.Repository, branch string) bool {
	if branch == r.DefaultBranch {
		return true
	}
	for _, text := range c.Bases {
		if pattern, err := glob.Compile(text); err == nil && pattern.Match(branch) {
			return true
		}
	}
	return false
}

// disguised is the governed branch that another one's name folds onto, so that
// people could take one's check for the other's; "" when there is none.
func disguised(c config.Config, r github.Repository, branch string) string {
	fold := func(s string) string { return strings.ToLower(norm.NFKC.String(s)) }
	for _, other := range append([]string{r.DefaultBranch}, c.Bases...) {
		if other != branch && fold(other) == fold(branch) {
			return other
		}
	}
	return ""
}

// Settings is the config that holds for a base: the default branch's own,
// tightened by the governed base's. Commits are brought as needed; base is the
// base's tip. A config with mistakes is an *UnreadableError.
func (r *Reviewer) Settings(
	ctx context.Context, m *mirror.Mirror, repository github.Repository, defaultTip, base string,
) (config.Config, error) {
	s, err := r.settled(ctx, m, repository, tips{base: base, main: defaultTip})
	switch {
	case err != nil:
		return config.Config{}, err
	case len(s.mistakes) > 0:
		return config.Config{}, &UnreadableError{s.mistakes}
	}
	return s.config, nil
}

// settled is the config of a base, or why there is none.
type settled struct {
	config   config.Config
	mistakes []render.Problem
	notices  []render.Problem
	// own says that it is the base tree's own, mistakes included: the assessor
	// reads it there, and lets a change mend it.
	own bool
}

func (r *Reviewer) settled(
	ctx context.Context, m *mirror.Mirror, repository github.Repository, t tips,
) (settled, error) {
	main, err := r.ownConfig(ctx, m, repository.ID, t.main)
	if err != nil || t.base == t.main {
		main.own = true
		return main, err
	}
	if len(main.mistakes) > 0 {
		return main, nil
	}
	base, err := r.ownConfig(ctx, m, repository.ID, t.base)
	switch {
	case err != nil:
		return settled{}, err
	case len(base.mistakes) > 0:
		base.own = true
		return base, nil
	case base.config.Origin == config.Strict().Origin:
		return main, nil
	}
	tight, notices := r.reader().Tighten(main.config, base.config)
	return settled{config: tight, notices: notices}, nil
}

func (r *Reviewer) reader() settings.Reader {
	return settings.Reader{Parser: r.Assessor.Builder, Rules: r.Assessor.Rules}
}

// ownConfig reads the config of a commit's tree, once.
func (r *Reviewer) ownConfig(ctx context.Context, m *mirror.Mirror, repository int64, tip string) (settled, error) {
	key := configKey{repository, tip}
	if known, ok := r.memory.configs.get(key); ok {
		return known, nil
	}
	if err := m.Bring(ctx, 0, tip); err != nil {
		return settled{}, err
	}
	commit, err := m.Commit(ctx, tip)
	if err != nil {
		return settled{}, fmt.Errorf("read %.12s: %w", tip, err)
	}
	c, mistakes, err := r.reader().Of(ctx, m.Tree(commit.Tree))
	if err != nil {
		return settled{}, err
	}
	own := settled{config: c, mistakes: mistakes}
	if !passing(mistakes) {
		r.memory.configs.put(key, own, 1)
	}
	return own, nil
}

// governs reports whether a base is governed. While the default branch's config
// cannot be read, nobody can tell which others are: those that we gave checks
// before stay so, for they must not turn green unseen.
func (n *run) governs(ctx context.Context, base string, t tips) (bool, error) {
	if base == n.repository.DefaultBranch {
		return true, nil
	}
	m, err := n.mirror(ctx)
	if err != nil {
		return false, err
	}
	main, err := n.ownConfig(ctx, m, n.repository.ID, t.main)
	if err != nil {
		return false, err
	}
	if len(main.mistakes) == 0 {
		return Governed(main.config, n.repository, base), nil
	}
	return n.known(ctx, base)
}

// known reports whether a branch had a check of ours before.
func (n *run) known(ctx context.Context, base string) (bool, error) {
	before, err := n.Store.Publications(ctx,
		store.PublicationQuery{Repository: n.repository.ID, BaseRef: base, Most: 1})
	return len(before) > 0, err
}

func (n *run) mirror(ctx context.Context) (*mirror.Mirror, error) {
	return n.Mirrors.Mirror(ctx, n.repository.ID, mirror.Remote{URL: n.repository.CloneURL, Token: n.client.Token})
}
