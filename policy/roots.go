package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fact"
	"github.com/countersign-dev/countersign/policy/fleet"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/glob"
)

// fleet asks the fleet rules about the head and, to know what stood already,
// about the base. Limits count what the change brings, so the base has none.
func (j *judge) fleet(ctx context.Context, before, after *side) error {
	ask := func(of *side, input engine.Fleet) error {
		report, err := j.assessor.Rules.Fleet(ctx, input, params(j.config))
		if err != nil {
			return fmt.Errorf("judge the fleet: %w", err)
		}
		j.file(of, report)
		return nil
	}
	roots := slices.Sorted(maps.Keys(j.judged))
	question := fleet.Question{Limits: j.config.Limits, Roots: roots, All: j.out.Audit}
	if err := ask(after, j.head.Fleet(j.base, question)); err != nil || j.out.Audit {
		return err
	}
	stood := j.base.Fleet(j.head, fleet.Question{Roots: roots})
	stood.ClustersAdded, stood.ClustersDeleted, stood.NodesAdded, stood.NodesUnknown = 0, 0, 0, 0
	return ask(before, stood)
}

// roots lists the roots that were judged, and turns those that could not be
// built at the head into problems.
func (j *judge) roots() {
	paths := slices.Concat(j.compared.Affected, j.compared.UnknownHead)
	if j.all {
		for _, side := range []render.Side{j.compared.Base, j.compared.Head} {
			for path := range side.Builds {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		j.out.Roots = append(j.out.Roots, j.root(path))
	}
	j.out.Unaffected = len(j.compared.Head.Roots) - len(j.compared.Affected)
	for _, path := range j.compared.Affected {
		if !j.out.Audit &&
			!slices.ContainsFunc(j.compared.Head.Roots, func(r render.Root) bool { return r.Path == path }) {
			j.out.Unaffected++ // it is gone from the head, so it was not among those
		}
	}
}

func (j *judge) root(path string) Root {
	before, had := j.compared.Base.Builds[path]
	after, has := j.compared.Head.Builds[path]
	out := Root{Path: path, Side: "both", Status: string(after.Status), Destination: after.Root.Destination,
		Error: after.Problem, Objects: len(after.Resources)}
	switch {
	case !has:
		out.Side, out.Status, out.Destination = "base", string(before.Status), before.Root.Destination
		out.Error, out.Objects = before.Problem, len(before.Resources)
	case !had:
		out.Side = "head"
	}
	affected := slices.Contains(j.compared.Affected, path)
	switch {
	case has && after.Status != render.StatusBuilt && affected && j.listedOpaque(path):
		out.Status = "opaque"
	case has && after.Status != render.StatusBuilt && affected:
		j.out.Problems = append(j.out.Problems, Problem{Code: "render", Root: path, Problem: *after.Problem})
	case has && after.Status != render.StatusBuilt:
		j.out.Notices = append(j.out.Notices, *after.Problem)
	case out.Status == string(render.StatusBuilt) && !affected:
		out.Status = "unchanged"
	}
	return out
}

// listedOpaque reports whether the config says that nobody need render a root.
func (j *judge) listedOpaque(path string) bool {
	return slices.ContainsFunc(j.config.Roots.Opaque, func(text string) bool {
		pattern, err := glob.Compile(text)
		return err == nil && pattern.Match(path)
	})
}

// rootSubjects are the affected roots that a side cannot render and that are
// therefore judged by their files: those that the config lists as opaque, and
// those that only the head can render.
func (j *judge) rootSubjects(ctx context.Context) ([]subject, error) {
	var subjects []subject
	for _, path := range j.compared.Affected {
		before, had := j.compared.Base.Builds[path]
		after, has := j.compared.Head.Builds[path]
		unknownBase := had && before.Status != render.StatusBuilt
		unknownHead := has && after.Status != render.StatusBuilt
		if !unknownBase && (!unknownHead || !j.listedOpaque(path)) {
			continue
		}
		ch := &render.Change{
			Action:      render.ActionUpdate,
			Destination: cmp.Or(after.Root.Destination, before.Root.Destination),
			Roots:       []string{path},
		}
		if had {
			ch.Before = fact.Root(before, j.listedOpaque(path))
		} else {
			ch.Action = render.ActionCreate
		}
		if has {
			ch.After = fact.Root(after, j.listedOpaque(path))
		} else {
			ch.Action = render.ActionDelete
		}
		parts, err := j.closure(ctx, path)
		if err != nil {
			return nil, err
		}
		entry := newEntry(EntryRoot, path, parts...)
		subjects = append(subjects, subject{input: factChange(ch), entry: entry, shown: true})
	}
	return subjects, nil
}

// closure is every file that an opaque root may read, with its content on both
// sides.
func (j *judge) closure(ctx context.Context, path string) ([]string, error) {
	var parts []string
	for _, file := range j.compared.Closure(path) {
		parts = append(parts, file)
		for _, tree := range []render.Tree{j.compared.Base.Tree, j.compared.Head.Tree} {
			at, err := render.Resolve(ctx, tree, file)
			switch {
			case err == nil:
				parts = append(parts, fact.Mode(at.Entry.Mode), at.Entry.ID)
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, render.ErrNotFile),
				errors.Is(err, render.ErrOutside), errors.Is(err, render.ErrLoop):
				parts = append(parts, "", "")
			default:
				return nil, fmt.Errorf("look up %s: %w", file, err)
			}
		}
	}
	return parts, nil
}

// finish sorts what was gathered and seals it.
func (j *judge) finish() Assessment {
	out := j.out
	out.Notices = append(out.Notices, j.compared.Head.Notices...)
	if j.config.Roots.Renderer != "kustomize" {
		out.Notices = append(out.Notices, render.Problem{
			Cause: render.CauseSyntax, Source: render.Source{File: j.config.Origin},
			Message: "roots.renderer is " + j.config.Roots.Renderer +
				", but values that only the deployer substitutes are not known here: they stay as written"})
	}
	slices.SortStableFunc(out.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Destination, b.Destination),
			cmp.Compare(objectKey(a.Object), objectKey(b.Object)), cmp.Compare(a.Action, b.Action))
	})
	slices.Sort(out.Clusters)
	out.Clusters = slices.Compact(out.Clusters)
	out.Rules = j.outcomes.list(&out)
	out.seal()
	return out
}
