package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet"
	"github.com/countersign-dev/countersign/render"
)

// Assessor judges what changes between two trees. All fields are needed. It is
// safe for concurrent use when its Builder is.
type Assessor struct {
	Builder render.Builder
	Rules   *engine.Engine
	// Version is the program's; Renderer the renderer's digest; KeyID names the
	// key that secrets are hashed with.
	Version, Renderer, KeyID string
}

// Sides are the two trees of a review.
type Sides struct {
	Base, Head Revision
	// BaseTree is the base's tip; MergedTree what the head merged into it gives,
	// nil when they conflict.
	BaseTree, MergedTree render.Tree
	// Conflicts are the paths that could not be merged, sorted.
	Conflicts []string
	// Config replaces the base tree's own; nil leaves that.
	Config *config.Config
	// Mistakes say why there is no config to go by, wherever it was looked for;
	// none leaves that to Config. Notices are said beside what is found.
	Mistakes, Notices []render.Problem
	// All judges every root, changed or not.
	All bool
}

// Review judges the change from the base to the merged tree. Both come from
// outside and are not trusted, the base's config is. An error means that the
// world failed and the review should be tried again; what is wrong with the
// trees is in the assessment.
func (a *Assessor) Review(ctx context.Context, in Sides) (Assessment, error) {
	out := a.blank(in.Base, in.Head)
	if in.MergedTree != nil {
		out.MergedTree = in.MergedTree.ID()
	}
	out.Notices = append(out.Notices, in.Notices...)
	if len(in.Mistakes) > 0 {
		out.Problems = append(out.Problems, problems("config", in.Mistakes)...)
		return a.close(out), nil
	}
	conf, mistakes, err := a.effective(ctx, in.BaseTree, in.Config)
	if err != nil {
		return a.unjudged(out, err)
	}
	var compared *render.Comparison
	if in.conflict() {
		out.Problems = append(out.Problems, conflict(in.Conflicts))
	} else if len(mistakes) == 0 {
		compared, mistakes, err = a.compare(ctx, in, conf)
	}
	if err == nil && len(mistakes) > 0 {
		if compared, err = a.mend(ctx, in); err == nil && compared == nil {
			out.Problems = append(out.Problems, problems("config", mistakes)...)
			return a.close(out), nil
		}
		conf = config.Strict()
		out.Notices = append(out.Notices, render.Problem{Cause: render.CauseSyntax, Source: mistakes[0].Source,
			Message: "the base's config cannot be read, so this mend of it is judged by the built-in strict settings"})
	}
	if err != nil {
		return a.unjudged(out, err)
	}
	out.Config, out.Engine.Config = &conf, conf.Digest
	if compared == nil {
		return a.close(out), nil
	}
	j := &judge{assessor: a, config: conf, compared: compared, out: out, all: in.All}
	return j.review(ctx)
}

// conflict reports whether there is no tree to judge.
func (in Sides) conflict() bool { return in.MergedTree == nil || len(in.Conflicts) > 0 }

// compare renders what differs. Patterns of the config that are wrong or match
// nothing are mistakes of it.
func (a *Assessor) compare(
	ctx context.Context, in Sides, conf config.Config,
) (*render.Comparison, []render.Problem, error) {
	opts := RenderOptions(conf)
	opts.All = in.All
	compared, err := render.Compare(ctx, a.Builder, in.BaseTree, in.MergedTree, opts)
	if pattern, ok := errors.AsType[*render.PatternError](err); ok {
		return nil, []render.Problem{mistaken(pattern, conf)}, nil
	}
	return compared, nil, err
}

// mend compares by the built-in strict settings where the base's own config is
// wrong and the change touches nothing but our files: else nobody could ever
// mend it. In all other cases the comparison is nil.
func (a *Assessor) mend(ctx context.Context, in Sides) (*render.Comparison, error) {
	if in.Config != nil || in.conflict() {
		return nil, nil
	}
	compared, _, err := a.compare(ctx, in, config.Strict())
	if err != nil || compared == nil || len(compared.Files) == 0 {
		return nil, err
	}
	foreign := func(f render.FileChange) bool { return !strings.HasPrefix(f.Path, ".countersign") }
	if slices.ContainsFunc(compared.Files, foreign) {
		return nil, nil
	}
	return compared, nil
}

// Audit judges one tree as it stands: every finding is an existing one and
// nothing is a change. Paths, when given, are what to judge (folders or
// manifest files); else it is the whole fleet.
func (a *Assessor) Audit(
	ctx context.Context,
	head Revision,
	tree render.Tree,
	given *config.Config,
	paths ...string,
) (Assessment, error) {
	out := a.blank(Revision{}, head)
	out.Audit = true
	conf, mistakes, err := a.effective(ctx, tree, given)
	if err != nil {
		return a.unjudged(out, err)
	}
	var compared *render.Comparison
	switch {
	case len(mistakes) > 0:
	case len(paths) > 0:
		compared, err = render.AuditPaths(ctx, a.Builder, tree, paths)
	default:
		compared, err = render.Audit(ctx, a.Builder, tree, RenderOptions(conf))
	}
	if pattern, ok := errors.AsType[*render.PatternError](err); ok {
		mistakes, err = []render.Problem{mistaken(pattern, conf)}, nil
	}
	if err != nil {
		return a.unjudged(out, err)
	}
	if len(mistakes) > 0 {
		out.Problems = problems("config", mistakes)
		return a.close(out), nil
	}
	out.Config, out.Engine.Config = &conf, conf.Digest
	j := &judge{assessor: a, config: conf, compared: compared, out: out, all: true}
	return j.audit(ctx)
}

func (a *Assessor) blank(base, head Revision) Assessment {
	return Assessment{
		Engine: Engine{Version: a.Version, Renderer: a.Renderer, Rules: a.Rules.Digest(), KeyID: a.KeyID},
		Base:   base, Head: head,
		Roots: []Root{}, Changes: []Change{}, Findings: []Finding{}, Rules: []RuleOutcome{}, Entries: []Entry{},
		Clusters: []string{}, Problems: []Problem{}, Notices: []render.Problem{},
	}
}

// close gives an assessment that ended early the outcome of every rule: none
// was asked, and none passed.
func (a *Assessor) close(out Assessment) Assessment {
	out.Rules = newOutcomes(a.Rules).list(&out)
	return out
}

// unjudged sorts an error of the renderer into what the tree's owner must mend,
// and what is the world's.
func (a *Assessor) unjudged(out Assessment, err error) (Assessment, error) {
	if tree, ok := errors.AsType[*render.TreeError](err); ok {
		out.Problems = append(out.Problems, Problem{Code: "tree", Problem: tree.Problem})
		return a.close(out), nil
	}
	if errors.Is(err, render.ErrMalformed) {
		out.Problems = append(out.Problems, Problem{Code: "tree", Problem: render.Problem{Cause: render.CauseHostile,
			Message: "the tree holds an object that git itself would not write: " + err.Error(),
			Remedy:  "write the commit anew with git itself"}})
		return a.close(out), nil
	}
	return Assessment{}, err
}

// mistaken says what is wrong with one of a config's patterns.
func mistaken(pattern *render.PatternError, conf config.Config) render.Problem {
	return render.Problem{Cause: render.CauseSyntax, Message: pattern.Error(), Source: render.Source{File: conf.Origin}}
}

// RenderOptions is what a config says of which part of the repository is
// governed.
func RenderOptions(c config.Config) render.Options {
	return render.Options{Include: c.Roots.Include, Exclude: c.Roots.Exclude, Ignore: c.Ignore, Protect: c.Protect}
}

func conflict(paths []string) Problem {
	shown := paths[:min(len(paths), 5)]
	message := "head and base conflict"
	if len(shown) > 0 {
		message += " in " + strings.Join(shown, ", ")
	}
	if more := len(paths) - len(shown); more > 0 {
		message += fmt.Sprintf(" and %d more", more)
	}
	return Problem{Code: "conflict", Problem: render.Problem{Cause: render.CauseSyntax, Message: message,
		Remedy: "merge or rebase onto the base, resolve the conflicts and push",
		Source: render.Source{File: strings.Join(paths[:min(len(paths), 1)], "")}}}
}

func problems(code string, of []render.Problem) []Problem {
	list := make([]Problem, 0, len(of))
	for _, p := range of {
		list = append(list, Problem{Code: code, Problem: p})
	}
	return list
}

// judge is one assessment under way.
type judge struct {
	assessor   *Assessor
	config     config.Config
	compared   *render.Comparison
	base, head *fleet.Index
	out        Assessment
	outcomes   *outcomes
	all        bool
	// expanded says that every root was built, so that what is found nowhere is
	// missing indeed.
	expanded bool
	// judged are the paths of the roots whose objects the rules see.
	judged map[string]bool
}

func (j *judge) review(ctx context.Context) (Assessment, error) {
	j.outcomes = newOutcomes(j.assessor.Rules)
	if err := j.widen(ctx); err != nil {
		return Assessment{}, err
	}
	before, err := j.objects(ctx, &j.compared.Base, j.base)
	if err != nil {
		return Assessment{}, err
	}
	after, err := j.objects(ctx, &j.compared.Head, j.head)
	if err != nil {
		return Assessment{}, err
	}
	if err := j.fleet(ctx, before, after); err != nil {
		return Assessment{}, err
	}
	failing := after.newlyFailing(before)
	j.roots()
	if err := j.resulting(ctx, after); err != nil {
		return Assessment{}, err
	}
	if err := j.privileges(ctx, after, failing); err != nil {
		return Assessment{}, err
	}
	j.ratchet(before, after)
	return j.finish(), nil
}

func (j *judge) audit(ctx context.Context) (Assessment, error) {
	j.outcomes = newOutcomes(j.assessor.Rules)
	j.expanded = true
	j.index()
	j.judged = set(j.compared.Affected)
	after, err := j.objects(ctx, &j.compared.Head, j.head)
	if err != nil {
		return Assessment{}, err
	}
	if err := j.fleet(ctx, newSide(true), after); err != nil {
		return Assessment{}, err
	}
	j.roots()
	j.ratchet(after, after)
	return j.finish(), nil
}

// widen decides which roots matter. Those that read what changed do; when what
// they offer to others or newly need from others changed, every root is built,
// and those that depend on what changed are judged as well.
func (j *judge) widen(ctx context.Context) error {
	j.judged = set(j.compared.Affected)
	if j.all || j.payloadsDiffer() || j.factsDiffer() {
		var paths []string
		for _, root := range slices.Concat(j.compared.Base.Roots, j.compared.Head.Roots) {
			paths = append(paths, root.Path)
		}
		slices.Sort(paths)
		if err := j.compared.Expand(ctx, slices.Compact(paths)...); err != nil {
			return fmt.Errorf("build further roots: %w", err)
		}
		j.expanded = len(j.compared.UnknownBase)+len(j.compared.UnknownHead) == 0
		j.addDependents()
	}
	j.index()
	return nil
}

// payloadsDiffer reports whether a ConfigMap changed. What it is for, a payload
// of clusters or a source of substitutes, only those know who refer to it, and
// they may live in any root.
func (j *judge) payloadsDiffer() bool {
	return slices.ContainsFunc(j.compared.Changes, func(c render.Change) bool {
		id := c.Resource().Identity
		return id.Group == "" && id.Kind == "ConfigMap"
	})
}

// factsDiffer reports whether what the roots offer to others or need of them
// changed.
func (j *judge) factsDiffer() bool {
	for _, path := range j.compared.Affected {
		before, after := j.compared.Base.Builds[path], j.compared.Head.Builds[path]
		if fleet.FactsDigest(before) != fleet.FactsDigest(after) {
			return true
		}
		had := fleet.Needs(before)
		for _, need := range fleet.Needs(after) {
			if !slices.Contains(had, need) {
				return true
			}
		}
	}
	return false
}

func (j *judge) addDependents() {
	changed := map[render.Identity]bool{}
	for i := range j.compared.Changes {
		for _, r := range []*render.Resource{j.compared.Changes[i].Before, j.compared.Changes[i].After} {
			if r != nil {
				changed[r.Identity] = true
			}
		}
	}
	for _, side := range []*render.Side{&j.compared.Base, &j.compared.Head} {
		for path, build := range side.Builds {
			if j.all ||
				slices.ContainsFunc(fleet.Needs(build), func(id render.Identity) bool { return changed[id] }) {
				j.judged[path] = true
			}
		}
	}
}

func (j *judge) index() {
	builds := func(side render.Side) []render.Build { return slices.Collect(maps.Values(side.Builds)) }
	j.base = fleet.New(builds(j.compared.Base), j.config)
	j.head = fleet.New(builds(j.compared.Head), j.config)
}

func set(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}
