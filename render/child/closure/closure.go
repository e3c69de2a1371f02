package closure

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
	"github.com/countersign-dev/countersign/render/wire"
)

// The bounds of a closure, counted before anything is built.
const (
	maxAccumulations = 2000 // folders and files that kustomize would load, each time it would
	maxDepth         = 32   // folders that lead to one another
)

// Kustomization is one kustomization file of a closure.
type Kustomization struct {
	types.Kustomization
	File string       // its path in the tree
	Dir  string       // the folder that its references are relative to
	Doc  manifest.Doc // for lines
}

// Source is the place of a field in the file.
func (k *Kustomization) Source(steps ...any) render.Source {
	return render.Source{File: k.File, Line: k.Doc.Line(steps)}
}

// Closure is what a root names, directly or through other folders, found by
// our own reading before kustomize runs.
type Closure struct {
	tree   *Tree
	limits wire.Limits

	// Kustomizations are in the order in which kustomize finishes them:
	// those that a later one builds on come first.
	Kustomizations []*Kustomization
	// Resources are the documents of files that are named as resources, once
	// each.
	Resources []manifest.Doc
	// Patches are in the order in which they are applied.
	Patches    []Patch
	Generators []Generator
	// Notices are oddities that a reviewer must see.
	Notices []render.Problem
	// Features are what [render.Build.Features] lists.
	Features map[string]bool
	// Tainting says that building changes kustomize's process-wide schema.
	Tainting bool
	// Watchful says that something reads or tests annotations, so that
	// kustomize's own origin annotations might be seen.
	Watchful bool
	// selfReplaced counts the replacements that copy a field into itself.
	selfReplaced int

	folders    map[string]load
	files      map[string][]manifest.Doc
	remembered map[string]bool // files whose documents are in resources
	chain      []string        // the folders that lead to the current one
}

// Top is the root's own kustomization. There is one after a [Read] without
// problem.
func (c *Closure) Top() *Kustomization { return c.Kustomizations[len(c.Kustomizations)-1] }

// load is what it costs to load something once: all that kustomize would load
// below it, as often as it would.
type load struct {
	accumulations, objects, bytes, depth int
}

// saturated is more than any limit, and small enough to be added and
// multiplied without overflow.
const saturated = 1 << 40

func (l load) plus(m load) load {
	return load{
		accumulations: min(l.accumulations+m.accumulations, saturated),
		objects:       min(l.objects+m.objects, saturated),
		bytes:         min(l.bytes+m.bytes, saturated),
		depth:         max(l.depth, m.depth),
	}
}

// role says what a folder's or a file's objects are for.
type role string

const (
	asResource  role = "resource"
	asComponent role = "component"
	asPlugin    role = "plugin" // the configuration of a generator or transformer
)

func newClosure(t *Tree, limits wire.Limits) *Closure {
	return &Closure{
		tree: t, limits: limits, Features: map[string]bool{},
		folders: map[string]load{}, files: map[string][]manifest.Doc{}, remembered: map[string]bool{},
	}
}

// Read reads all that a root's kustomization names. The root comes
// from the pull request.
func Read(t *Tree, limits wire.Limits, root string) (*Closure, *render.Problem) {
	c := newClosure(t, limits)
	kind, real, err := t.Stat(root)
	if err != nil || kind != wire.KindDir {
		return c, Unreadable(err, render.Source{}, fmt.Sprintf("the root %s", Quoted(root)))
	}
	if _, problem := c.folder(real, asResource, naming{}); problem != nil {
		return c, problem
	}
	return c, nil
}

// naming is the place that names a file or folder; zero for the root itself.
type naming struct {
	k     *Kustomization
	field string
	steps []any // the path of the entry in the kustomization
	value string
}

func (n naming) source() render.Source {
	if n.k == nil {
		return render.Source{}
	}
	return n.k.Source(n.steps...)
}

// says begins a sentence about the entry: resources names "../base".
func (n naming) says() string {
	if n.k == nil {
		return "the root"
	}
	return fmt.Sprintf("%s names %s", n.field, Quoted(n.value))
}

// folder reads the kustomization of a folder, real path, and all below it.
func (c *Closure) folder(dir string, as role, by naming) (load, *render.Problem) {
	if problem := c.circle(dir, by); problem != nil {
		return load{}, problem
	}
	key := string(as) + " " + dir
	if known, ok := c.folders[key]; ok {
		return known, nil
	}
	k, problem := c.kustomization(dir, as, by)
	if problem != nil {
		return load{}, problem
	}
	c.chain = append(c.chain, dir)
	below, problem := c.entries(k, as)
	c.chain = c.chain[:len(c.chain)-1]
	if problem != nil {
		return load{}, problem
	}
	c.Kustomizations = append(c.Kustomizations, k)
	c.Notices = append(c.Notices, Collisions(c.tree, dir)...)
	total := below.plus(load{accumulations: 1})
	total.depth++
	c.folders[key] = total
	return total, c.bounded(total, k)
}

// circle refuses a folder that contains one of those that lead to it, as
// kustomize does; it also ends the walk.
func (c *Closure) circle(dir string, by naming) *render.Problem {
	if len(c.chain) >= maxDepth {
		return &render.Problem{
			Cause: render.CauseLimit, Source: by.source(),
			Message: fmt.Sprintf("more than %d folders lead to one another", maxDepth),
			Remedy:  "build on fewer layers",
		}
	}
	for _, visited := range c.chain {
		if dir == visited || dir == "" || strings.HasPrefix(visited, dir+"/") {
			return &render.Problem{
				Cause: render.CauseSyntax, Source: by.source(),
				Message: fmt.Sprintf("%s, which leads back to %s: a circle", by.says(), Quoted(visited)),
				Remedy:  "name folders beside or below this one, not one that contains it",
			}
		}
	}
	return nil
}

func (c *Closure) bounded(l load, k *Kustomization) *render.Problem {
	limit := func(what string, limit int) *render.Problem {
		return &render.Problem{
			Cause: render.CauseLimit, Source: render.Source{File: k.File},
			Message: fmt.Sprintf("builds on more than %d %s, counting each as often as it is loaded", limit, what),
			Remedy:  "split the root, or name each base once",
		}
	}
	switch {
	case l.accumulations > maxAccumulations:
		return limit("files and folders", maxAccumulations)
	case l.objects > c.limits.Objects:
		return limit("objects", c.limits.Objects)
	case int64(l.bytes) > c.limits.Bytes:
		return limit("bytes", int(c.limits.Bytes))
	case l.depth > maxDepth:
		return limit("layers of folders", maxDepth)
	}
	return nil
}

// kustomization reads the kustomization file of a folder.
func (c *Closure) kustomization(dir string, as role, by naming) (*Kustomization, *render.Problem) {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		_, err := c.tree.Read(file)
		if err == nil {
			found = append(found, file)
		} else if !missing(err) && !isFolder(err) {
			return nil, Unreadable(err, render.Source{File: file}, "the kustomization")
		}
	}
	switch len(found) {
	case 0:
		return nil, &render.Problem{
			Cause: render.CauseMissing, Source: by.source(),
			Message: fmt.Sprintf("%s, a folder without a kustomization.yaml", by.says()),
			Remedy:  "add a kustomization.yaml there, or name its files",
		}
	case 1:
		return c.parse(found[0], dir, as, by)
	}
	return nil, &render.Problem{
		Cause: render.CauseSyntax, Source: render.Source{File: found[1]},
		Message: fmt.Sprintf("one folder holds several kustomizations: %s", QuotedAll(found)),
		Remedy:  "keep one of them",
	}
}

func (c *Closure) parse(file, dir string, as role, by naming) (*Kustomization, *render.Problem) {
	k := &Kustomization{File: file, Dir: dir}
	bytes, err := c.tree.Read(file)
	if err != nil {
		return nil, Unreadable(err, render.Source{File: file}, "the kustomization")
	}
	docs, problem := c.decode(file, bytes)
	if problem != nil {
		return nil, problem
	}
	if i := slices.IndexFunc(docs, func(d manifest.Doc) bool { return d.Node != nil }); i >= 0 {
		k.Doc = docs[i]
	}
	if err := k.Unmarshal(bytes); err != nil {
		return nil, k.invalid(err)
	}
	fixed := k.Kustomization
	fixed.FixKustomization()
	if fixed.CheckEmpty() != nil {
		return nil, &render.Problem{
			Cause: render.CauseSyntax, Source: k.Source(), Message: "the kustomization is empty",
			Remedy: "name resources in it, or remove it",
		}
	}
	if wrong := fixed.EnforceFields(); len(wrong) > 0 {
		return nil, &render.Problem{
			Cause: render.CauseSyntax, Source: k.Source("apiVersion"), Message: strings.Join(wrong, ", "),
		}
	}
	if component := fixed.Kind == types.ComponentKind; component != (as == asComponent) {
		return nil, wrongKind(component, k, by)
	}
	return k, nil
}

func wrongKind(component bool, k *Kustomization, by naming) *render.Problem {
	p := &render.Problem{Cause: render.CauseSyntax, Source: by.source()}
	switch {
	case component && by.k == nil:
		p.Source = k.Source("kind")
		p.Message = "the root is a Component, which is nothing by itself"
		p.Remedy = "build a kustomization that names it under components"
	case component:
		p.Message = by.says() + ", which is a Component"
		p.Remedy = "name it under components"
	default:
		p.Message = by.says() + ", which is no Component"
		p.Remedy = "name it under resources, or set its kind to Component"
	}
	return p
}

// decode reads YAML that kustomize will read, with all budgets.
func (c *Closure) decode(file string, bytes []byte) ([]manifest.Doc, *render.Problem) {
	if known, ok := c.files[file]; ok {
		return known, nil
	}
	docs, problem := manifest.Decode(file, bytes, manifest.Limits{Bytes: int(c.limits.File)})
	if problem != nil {
		return nil, problem
	}
	c.files[file] = docs
	return docs, nil
}
