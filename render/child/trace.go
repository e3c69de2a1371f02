package child

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/wire"
)

// trace finds where the objects of a build were written.
type trace struct {
	tree    *closure.Tree
	c       *closure.Closure
	objects []closure.Object            // of all resource files
	byFile  map[string][]closure.Object // the same
	names   *names                      // the same
}

func newTrace(tree *closure.Tree, c *closure.Closure) *trace {
	t := &trace{tree: tree, c: c, byFile: map[string][]closure.Object{}}
	for _, doc := range c.Resources {
		all := closure.Objects(doc)
		t.objects = append(t.objects, all...)
		t.byFile[doc.Name] = append(t.byFile[doc.Name], all...)
	}
	t.names = newNames(c, t.objects)
	return t
}

// written is where an object was written: in a document, or by a generator,
// or, where neither was found, nowhere.
type written struct {
	trace     *trace
	rendered  closure.Object
	document  *closure.Object
	generator *closure.Generator
}

func (w written) source() render.Source {
	switch {
	case w.document != nil:
		return w.document.Source()
	case w.generator != nil:
		return w.generator.At
	}
	return render.Source{}
}

// find looks for what an object was rendered from: in the file that kustomize
// noted, else in all of them.
func (t *trace) find(r *rendition) written {
	w := written{trace: t, rendered: closure.Object{Value: r.object}}
	candidates := t.objects
	noted := ""
	if r.origin != nil {
		if r.origin.ConfiguredIn != "" {
			w.generator = t.generator(r)
			return w
		}
		if file, ok := t.file(r.origin.Path); ok {
			noted, candidates = file, t.byFile[file]
		}
	}
	if w.document = t.named(w.rendered, noted); w.document != nil {
		return w
	}
	w.document = closest(candidates, w.rendered)
	if w.document == nil && r.origin != nil {
		w.document = only(candidates, w.rendered)
	}
	if w.document == nil && r.origin == nil {
		w.generator = t.generator(r)
	}
	return w
}

// named returns the only document, of a file if that is known, whose name
// became the object's; nil where there are several, or where a generator might
// have made the object.
func (t *trace) named(rendered closure.Object, file string) *closure.Object {
	found := t.names.of(titleOf(rendered))
	if file != "" {
		found = slices.DeleteFunc(slices.Clone(found), func(o *closure.Object) bool { return o.File != file })
	}
	if len(found) != 1 || t.names.left < 0 || file == "" && len(t.c.Generators) > 0 {
		return nil
	}
	return found[0]
}

// file resolves a path that kustomize noted, which is relative to the root.
func (t *trace) file(noted string) (string, bool) {
	root := t.c.Top().Dir
	name, err := closure.Inside(path.Join(closure.Outside(root), noted))
	if err != nil {
		return "", false
	}
	kind, real, err := t.tree.Stat(name)
	return real, err == nil && kind == wire.KindFile
}

// only returns the one object of the same kind, whatever its name: a patch may
// have changed that.
func only(candidates []closure.Object, rendered closure.Object) *closure.Object {
	var found *closure.Object
	for i := range candidates {
		o := &candidates[i]
		if o.Text("kind") != rendered.Text("kind") || o.Group() != rendered.Group() {
			continue
		}
		if found != nil {
			return nil
		}
		found = o
	}
	return found
}

// closest returns the one object of the same kind and name. A name that
// kustomize extended contains the one that was written; the longest such name
// counts, if there is only one.
func closest(candidates []closure.Object, rendered closure.Object) *closure.Object {
	var best *closure.Object
	var length int
	unique := false
	name := rendered.Text("metadata", "name")
	for i := range candidates {
		o := &candidates[i]
		if o.Text("kind") != rendered.Text("kind") || o.Group() != rendered.Group() {
			continue
		}
		own := o.Text("metadata", "name")
		score := 2 * len(own)
		if ns := o.Text("metadata", "namespace"); ns == rendered.Text("metadata", "namespace") {
			score++
		}
		switch {
		case own == "" || !strings.Contains(name, own):
		case best == nil || score > length:
			best, length, unique = o, score, true
		case score == length:
			unique = false
		}
	}
	if !unique {
		return nil
	}
	return best
}

// generator returns the entry that generates an object; nil when there are
// several that could.
func (t *trace) generator(r *rendition) *closure.Generator {
	var best *closure.Generator
	rendered := closure.Object{Value: r.object}
	for i := range t.c.Generators {
		g := &t.c.Generators[i]
		if g.Kind != rendered.Text("kind") || !strings.Contains(rendered.Text("metadata", "name"), g.Name) {
			continue
		}
		if best != nil && best.Name == g.Name {
			if g.Behavior == "" || g.Behavior == "create" {
				best = g
			}
			continue
		}
		if best == nil || len(g.Name) > len(best.Name) {
			best = g
		}
	}
	return best
}

// generates reports whether kustomize's books say that it generated an closure.Object
// whose name ends in its hash: by the origin that it noted, or, where a
// generator merges into an object of a file or nothing was noted, by an entry
// of that name while no file has an object under the full name.
func (t *trace) generates(r *rendition) bool {
	if r.origin != nil && (r.origin.ConfiguredBy.Kind == "ConfigMapGenerator" ||
		r.origin.ConfiguredBy.Kind == "SecretGenerator") {
		return true
	}
	g := t.generator(r)
	if g == nil || r.origin != nil && g.Behavior != "merge" && g.Behavior != "replace" {
		return false
	}
	rendered := closure.Object{Value: r.object}
	return !slices.ContainsFunc(t.objects, func(o closure.Object) bool {
		return o.Text("kind") == rendered.Text("kind") &&
			o.Text("metadata", "name") == rendered.Text("metadata", "name")
	})
}

// applies reports whether a patch may have been applied to the object.
func applies(p *closure.Patch, kind string, names []string) bool {
	if p.Target != nil {
		return matches(p.Target, kind, names)
	}
	return true // each document of a merge names its own closure.Object
}

func matches(s *types.Selector, kind string, names []string) bool {
	if s.Kind != "" && !anchored(s.Kind, kind) {
		return false
	}
	return s.Name == "" || slices.ContainsFunc(names, func(name string) bool { return anchored(s.Name, name) })
}

func anchored(pattern, s string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(s)
}
