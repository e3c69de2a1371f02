package worker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

const maxMessage = 2 << 10

// check holds a child to the contract of [render.Build]: hostile input may
// have taken it over. What can be put right without believing it is; the rest
// is an error that ends the child.
func (f *files) check(b *render.Build, root render.Root) error {
	switch {
	case b.Status != render.StatusBuilt && b.Status != render.StatusFailed && b.Status != render.StatusUnsupported:
		return nonsense("status %q", b.Status)
	case (b.Problem == nil) != (b.Status == render.StatusBuilt):
		return nonsense("status %q does not go with its problem", b.Status)
	case len(b.Resources) > 0 && b.Status != render.StatusBuilt:
		return nonsense("%d resources in a build that failed", len(b.Resources))
	case len(b.Resources) > f.limits.Objects:
		return nonsense("%d resources", len(b.Resources))
	}
	for _, name := range root.Files {
		f.seen[name] = true
	}
	if b.Problem != nil {
		b.Problem = cleaned(b.Problem)
		f.place(&b.Problem.Source)
	}
	for i := range b.Notices {
		b.Notices[i] = *cleaned(&b.Notices[i])
		f.place(&b.Notices[i].Source)
	}
	slices.Sort(b.Features)
	b.Features = slices.Compact(b.Features)
	for i := range b.Resources {
		if err := f.resource(&b.Resources[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(b.Resources, byIdentity)
	return nil
}

func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{wire.ErrMalformed}, args...)...)
}

func (f *files) resource(r *render.Resource) error {
	if r.Kind == "" || r.Object == nil {
		return nonsense("a resource without kind or object")
	}
	if !hexDigest(r.Digest) {
		return nonsense("digest %q", r.Digest)
	}
	f.place(&r.Source)
	for i := range r.Positions {
		f.place(&r.Positions[i].Source)
	}
	sortPaths(r.Positions, func(p render.Position) render.Path { return p.Path })
	sortPaths(r.Masked, func(m render.Masked) render.Path { return m.Path })
	sortPaths(r.Nested, func(n render.Nested) render.Path { return n.Path })
	return nil
}

// place forgets a source whose file the build did not read.
func (f *files) place(s *render.Source) {
	if !f.seen[s.File] && f.probes[s.File].ID == "" {
		*s = render.Source{}
	}
}

func sortPaths[T any](items []T, path func(T) render.Path) {
	order := func(a, b T) int { return path(a).Compare(path(b)) }
	if !slices.IsSortedFunc(items, order) {
		slices.SortStableFunc(items, order)
	}
}

func byIdentity(a, b render.Resource) int {
	return cmp.Or(
		cmp.Compare(a.Group, b.Group),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Version, b.Version),
	)
}

func hexDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// cleaned returns a copy of a child's problem that is fit to be shown.
func cleaned(p *render.Problem) *render.Problem {
	c := *p
	c.Message, c.Remedy = clean(c.Message, maxMessage), clean(c.Remedy, maxMessage)
	if c.Message == "" {
		c.Message = "the renderer gave no reason"
	}
	switch c.Cause {
	case render.CauseSyntax, render.CauseMissing, render.CauseRemote, render.CauseFunction, render.CauseLimit,
		render.CauseUnreadable, render.CauseHostile, render.CauseDeadline, render.CauseMemory:
	default:
		c.Cause = render.CauseCrash
	}
	return &c
}
