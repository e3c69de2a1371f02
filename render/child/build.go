package child

import (
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/manifest"
	"github.com/countersign-dev/countersign/render/wire"
)

// builder builds one root.
type builder struct {
	tree   *closure.Tree
	limits wire.Limits
	key    manifest.Key
	budget budget
	build  render.Build
	taints bool
	entry  string // the file that stands for the root
}

// run makes the root what it becomes; it does not return an error, for all
// that can go wrong here is the root's own.
func (b *builder) run() {
	var problem *render.Problem
	if b.build.Root.Kind == render.RootKustomize {
		problem = b.kustomize()
	} else {
		problem = b.plain()
	}
	if problem == nil {
		b.build.Status = render.StatusBuilt
		slices.SortStableFunc(b.build.Resources, func(x, y render.Resource) int {
			return compareIdentity(x.Identity, y.Identity)
		})
		return
	}
	b.fail(problem)
}

func (b *builder) fail(p *render.Problem) {
	b.build.Status = render.StatusFailed
	if p.Cause == render.CauseRemote || p.Cause == render.CauseFunction {
		b.build.Status = render.StatusUnsupported
	}
	b.build.Problem = p
	b.build.Resources = nil
}

func compareIdentity(x, y render.Identity) int {
	return slices.Compare(
		[]string{x.Group, x.Kind, x.Namespace, x.Name},
		[]string{y.Group, y.Kind, y.Namespace, y.Name})
}

func (b *builder) kustomize() *render.Problem {
	c, problem := closure.Read(b.tree, b.limits, b.build.Root.Path)
	b.taints = c.Tainting
	b.build.Notices = c.Notices
	for feature := range c.Features {
		b.build.Features = append(b.build.Features, feature)
	}
	slices.Sort(b.build.Features)
	if problem != nil {
		return problem
	}
	b.entry = c.Top().File
	results, injection, err := b.results(c)
	if err != nil {
		b.taints = b.taints || errors.As(err, new(panicked))
		return b.explain(c, err)
	}
	return b.collect(c, results, injection)
}

// panicked is a panic of kustomize: sometimes it is how it refuses a root.
type panicked struct{ value any }

// Error shows the panic's value.
func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// runKustomize builds a folder as `kustomize build --load-restrictor
// LoadRestrictionsNone` does, but for the order, which costs as much as all the
// rest and is ours anyway. Nothing outside the tree can be reached because
// there is nothing else.
func runKustomize(t *closure.Tree, dir string) (results resmap.ResMap, err error) {
	defer func() {
		if v := recover(); v != nil {
			results, err = nil, panicked{v}
		}
	}()
	options := &krusty.Options{
		Reorder:          krusty.ReorderOptionNone,
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	return krusty.MakeKustomizer(options).Run(t, closure.Outside(dir))
}

// collect turns kustomize's results into resources.
func (b *builder) collect(c *closure.Closure, results resmap.ResMap, injected injection) *render.Problem {
	rendered := make([]rendition, 0, results.Size())
	scopes := manifest.Scopes{}
	for _, result := range results.Resources() {
		r, problem := b.rendition(c, result, injected)
		if problem != nil {
			return problem
		}
		b.budget.add(r.object)
		if b.budget.over(b.limits) {
			return b.tooLarge()
		}
		scopes.Add(r.object)
		rendered = append(rendered, r)
	}
	trace := newTrace(b.tree, c)
	for i := range rendered {
		if problem := b.add(&rendered[i], scopes, trace); problem != nil {
			return problem
		}
	}
	return b.addLocal(c, scopes)
}

// rendition is one object as kustomize left it.
type rendition struct {
	object    map[string]any
	origin    *resource.Origin // nil where kustomize was not asked
	generated string
}

func (b *builder) rendition(
	c *closure.Closure, result *resource.Resource, injected injection,
) (rendition, *render.Problem) {
	var r rendition
	var err error
	if injected.asked {
		if r.origin, err = result.GetOrigin(); err != nil {
			return r, b.explain(c, err)
		}
	}
	if injected.ours {
		if err := result.SetOrigin(nil); err != nil {
			return r, b.explain(c, err)
		}
	}
	value, problem := manifest.Value(result.YNode())
	r.object = closure.AsMap(value)
	if problem != nil || r.object == nil {
		return r, b.unprintable(c, problem)
	}
	if r.generated, err = nameBeforeHash(result); err != nil {
		return r, b.explain(c, err)
	}
	return r, nil
}

// unprintable is for a result that is not a mapping of plain values.
func (b *builder) unprintable(c *closure.Closure, p *render.Problem) *render.Problem {
	if p == nil {
		p = &render.Problem{Cause: render.CauseSyntax, Message: "an object is not a mapping"}
	}
	p.Source = render.Source{File: c.Top().File}
	return p
}

func (b *builder) add(r *rendition, scopes manifest.Scopes, trace *trace) *render.Problem {
	written := trace.find(r)
	res, problem := manifest.Canonical(r.object, b.key, scopes)
	if problem != nil {
		problem.Source = written.source()
		return problem
	}
	res.Source = written.source()
	res.Positions = written.positions(r.object, res.Object)
	if r.generated != "" && trace.generates(r) {
		res.Generated = r.generated
	}
	b.keep(res)
	return nil
}

// addLocal lists what kustomize reads and drops because it is marked as local.
func (b *builder) addLocal(c *closure.Closure, scopes manifest.Scopes) *render.Problem {
	for _, doc := range c.Resources {
		for _, o := range closure.Objects(doc) {
			if !o.Local() {
				continue
			}
			res, problem := manifest.Canonical(o.Value, b.key, scopes)
			if problem != nil {
				problem.Source = o.Source()
				return problem
			}
			if b.rendered(res.Identity) {
				continue
			}
			res.Source, res.Local = o.Source(), true
			b.keep(res)
		}
	}
	return nil
}

// rendered reports whether an object of this identity is in the result: a
// patch may have taken the mark away.
func (b *builder) rendered(id render.Identity) bool {
	return slices.ContainsFunc(b.build.Resources, func(r render.Resource) bool {
		return r.Group == id.Group && r.Kind == id.Kind && r.Name == id.Name && !r.Local
	})
}

// maxNotices bounds what one root's notices say.
const maxNotices = 200

func (b *builder) keep(res render.Resource) {
	b.build.Resources = append(b.build.Resources, res)
	for _, notice := range manifest.Confusables(res.Identity) {
		if notice.Source = res.Source; len(b.build.Notices) < maxNotices {
			b.build.Notices = append(b.build.Notices, notice)
		}
	}
}

func (b *builder) tooLarge() *render.Problem {
	return &render.Problem{
		Cause: render.CauseLimit, Source: render.Source{File: b.entry},
		Message: fmt.Sprintf("renders more than %d objects or %d bytes", b.limits.Objects, b.limits.Bytes),
		Remedy:  "split the root",
	}
}
