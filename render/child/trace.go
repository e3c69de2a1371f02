package child

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// generator is one entry of a built-in generator.
type generator struct {
	kind, name, behavior string
	literals             []string
	files                []string
	k                    *kustomization
	steps                []any         // the entry's path in k; nil for a plugin
	at                   render.Source // the entry itself
}

// trace finds where the objects of a build were written.
type trace struct {
	c       *closure
	objects []object            // of all resource files
	byFile  map[string][]object // the same
}

func newTrace(c *closure) *trace {
	t := &trace{c: c, byFile: map[string][]object{}}
	for _, doc := range c.resources {
		all := objects(doc)
		t.objects = append(t.objects, all...)
		t.byFile[doc.Name] = append(t.byFile[doc.Name], all...)
	}
	return t
}

// written is where an object was written: in a document, or by a generator,
// or, where neither was found, nowhere.
type written struct {
	trace     *trace
	rendered  object
	document  *object
	generator *generator
}

func (w written) source() render.Source {
	switch {
	case w.document != nil:
		return w.document.source()
	case w.generator != nil:
		return w.generator.at
	}
	return render.Source{}
}

// find looks for what an object was rendered from: in the file that kustomize
// noted, else in all of them.
func (t *trace) find(r *rendition) written {
	w := written{trace: t, rendered: object{value: r.object}}
	candidates := t.objects
	if r.origin != nil {
		if r.origin.ConfiguredIn != "" {
			w.generator = t.generator(r)
			return w
		}
		if file, ok := t.file(r.origin.Path); ok {
			candidates = t.byFile[file]
		}
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

// file resolves a path that kustomize noted, which is relative to the root.
func (t *trace) file(noted string) (string, bool) {
	root := t.c.kustomizations[len(t.c.kustomizations)-1].dir
	name, err := inside(path.Join(outside(root), noted))
	if err != nil {
		return "", false
	}
	kind, real, err := t.c.tree.stat(name)
	return real, err == nil && kind == wire.KindFile
}

// only returns the one object of the same kind, whatever its name: a patch may
// have changed that.
func only(candidates []object, rendered object) *object {
	var found *object
	for i := range candidates {
		o := &candidates[i]
		if o.text("kind") != rendered.text("kind") || o.group() != rendered.group() {
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
func closest(candidates []object, rendered object) *object {
	var best *object
	var length int
	unique := false
	name := rendered.text("metadata", "name")
	for i := range candidates {
		o := &candidates[i]
		if o.text("kind") != rendered.text("kind") || o.group() != rendered.group() {
			continue
		}
		own := o.text("metadata", "name")
		score := 2 * len(own)
		if ns := o.text("metadata", "namespace"); ns == rendered.text("metadata", "namespace") {
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
func (t *trace) generator(r *rendition) *generator {
	var best *generator
	rendered := object{value: r.object}
	for i := range t.c.generators {
		g := &t.c.generators[i]
		if g.kind != rendered.text("kind") || !strings.Contains(rendered.text("metadata", "name"), g.name) {
			continue
		}
		if best != nil && best.name == g.name {
			if g.behavior == "" || g.behavior == "create" {
				best = g
			}
			continue
		}
		if best == nil || len(g.name) > len(best.name) {
			best = g
		}
	}
	return best
}

// generates reports whether kustomize's books say that it generated an object
// whose name ends in its hash: by the origin that it noted, or, where a
// generator merges into an object of a file or nothing was noted, by an entry
// of that name while no file has an object under the full name.
func (t *trace) generates(r *rendition) bool {
	if r.origin != nil && (r.origin.ConfiguredBy.Kind == "ConfigMapGenerator" ||
		r.origin.ConfiguredBy.Kind == "SecretGenerator") {
		return true
	}
	g := t.generator(r)
	if g == nil || r.origin != nil && g.behavior != "merge" && g.behavior != "replace" {
		return false
	}
	rendered := object{value: r.object}
	return !slices.ContainsFunc(t.objects, func(o object) bool {
		return o.text("kind") == rendered.text("kind") && o.text("metadata", "name") == rendered.text("metadata", "name")
	})
}

// applies reports whether a patch may have been applied to the object.
func (p *patch) applies(kind string, names ...string) bool {
	if p.target != nil {
		return matches(p.target, kind, names)
	}
	return true // each document of a merge names its own object
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
