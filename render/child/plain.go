package child

import (
	"fmt"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/manifest"
)

// plain reads the files of a root without kustomization: the objects as they
// are, in order, the same one twice if it is there twice.
func (b *builder) plain() *render.Problem {
	files := b.build.Root.Files
	if b.build.Root.Kind == render.RootFile {
		files = []string{b.build.Root.Path}
	}
	var all []closure.Object
	scopes := manifest.Scopes{}
	for _, file := range files {
		found, problem := b.plainFile(file)
		if problem != nil {
			return problem
		}
		for _, o := range found {
			scopes.Add(o.Value)
			b.budget.add(o.Value)
		}
		if b.budget.over(b.limits) {
			return b.tooLarge()
		}
		all = append(all, found...)
	}
	for _, o := range all {
		res, problem := manifest.Canonical(o.Value, b.key, scopes)
		if problem != nil {
			problem.Source = o.Source()
			return problem
		}
		res.Source = o.Source()
		w := written{trace: &trace{c: &closure.Closure{}}, rendered: o, document: &o}
		res.Positions = w.positions(o.Value, res.Object)
		b.keep(res)
	}
	if b.build.Root.Kind == render.RootPlain {
		b.build.Notices = append(b.build.Notices, closure.Collisions(b.tree, b.build.Root.Path)...)
	}
	return nil
}

// plainFile reads the objects of one file. A document that is no object is
// applied by nobody: it is said.
func (b *builder) plainFile(file string) ([]closure.Object, *render.Problem) {
	content, err := b.tree.Read(file)
	if err != nil {
		return nil, closure.Unreadable(err, render.Source{File: file}, closure.Quoted(file))
	}
	docs, problem := manifest.Decode(file, content, manifest.Limits{Bytes: int(b.limits.File)})
	if problem != nil {
		return nil, problem
	}
	var found []closure.Object
	for i, doc := range docs {
		if doc.Value == nil {
			continue
		}
		inside := closure.Objects(doc)
		if len(inside) == 0 && doc.Node != nil {
			inside = []closure.Object{{Node: doc.Node, File: file}}
		}
		for _, o := range inside {
			if o.Text("apiVersion") != "" && o.Text("kind") != "" {
				found = append(found, o)
				continue
			}
			b.build.Notices = append(b.build.Notices, render.Problem{
				Cause: render.CauseSyntax, Source: o.Source(),
				Message: fmt.Sprintf("document %d of the file is no object: it lacks apiVersion or kind", i+1),
				Remedy:  "complete it, or move it to a file of another kind",
			})
		}
	}
	return found, nil
}
