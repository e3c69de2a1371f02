package policy

import (
	"context"
	"errors"
	"slices"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fact"
	"github.com/countersign-dev/countersign/policy/settings"
	"github.com/countersign-dev/countersign/render"
)

// settings reads configs for this assessor.
func (a *Assessor) settings() settings.Reader {
	return settings.Reader{Parser: a.Builder, Rules: a.Rules}
}

// effective returns the config that holds: the one given, else the tree's own,
// else the strict defaults. Mistakes mean that there is none to go by.
func (a *Assessor) effective(
	ctx context.Context, tree render.Tree, given *config.Config,
) (config.Config, []render.Problem, error) {
	if given != nil {
		return *given, a.settings().Check(*given), nil
	}
	return a.settings().Of(ctx, tree)
}

func params(c config.Config) engine.Params {
	p := engine.Params{}
	for id, rule := range c.Rules {
		if len(rule.Params) > 0 {
			p[engine.RuleID(id)] = rule.Params
		}
	}
	return p
}

// resulting looks at the config as it would be after merging: a wrong one is a
// finding, and what a right one changes is said in advance.
func (j *judge) resulting(ctx context.Context, after *side) error {
	if !slices.ContainsFunc(j.compared.Files, func(f render.FileChange) bool { return f.Path == config.Path }) {
		return nil
	}
	next, mistakes, err := j.assessor.settings().Of(ctx, j.compared.Head.Tree)
	if err == nil && len(mistakes) == 0 {
		mistakes, err = j.unfit(ctx, next)
	}
	if err != nil {
		return err
	}
	if len(mistakes) == 0 {
		j.out.Preview = settings.Preview(j.config, next)
		return nil
	}
	resource := fact.Config(config.Path, mistakes)
	return j.ask(ctx, after, []engine.Object{factObject(resource, "", "")})
}

// unfit says which patterns of the config to come match nothing in the tree to
// come: with them nothing after this change could be judged.
func (j *judge) unfit(ctx context.Context, next config.Config) ([]render.Problem, error) {
	_, err := render.Roots(ctx, j.assessor.Builder, j.compared.Head.Tree, RenderOptions(next))
	if pattern, ok := errors.AsType[*render.PatternError](err); ok {
		return []render.Problem{mistaken(pattern, next)}, nil
	}
	return nil, err
}
