package render

import (
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/graph"
)

// references says which kustomizations use which, and what each may read. It
// is lexical: it holds what a build can look at, which is never less than what
// a build does look at. Where that cannot be known from the files (a folder of
// generators or transformers, which may be patched before they run), it says
// that anything may be read.
type references struct {
	catalog *catalog
	facts   map[string]FileFacts
	// nodes are the folders with a kustomization.
	nodes      graph.Graph
	components map[string]bool
}

func newReferences(c *catalog, found map[string]FileFacts) *references {
	g := &references{catalog: c, facts: found, nodes: graph.Graph{}, components: map[string]bool{}}
	for name, fact := range found {
		if fact.Kustomization {
			g.nodes[parent(name)] = &graph.Node{}
			g.components[parent(name)] = g.components[parent(name)] || fact.Component
		}
	}
	for dir, node := range g.nodes {
		for _, name := range kustomizationNames {
			g.look(&node.Looks, path.Join(dir, name))
			g.follow(dir, path.Join(dir, name))
		}
	}
	return g
}

// follow adds what one kustomization file refers to.
func (g *references) follow(dir, file string) {
	looks := &g.nodes[dir].Looks
	for _, reference := range g.facts[file].References {
		if strings.HasPrefix(reference.Field, "helm") {
			looks.Below(path.Join(dir, "charts"))
		}
		link := g.refer(dir, reference, file)
		if !runs(reference.Field) {
			continue
		}
		// What generators and transformers read is relative to this folder.
		fact, scanned := g.facts[link.To]
		if link.Node || scanned && fact.Problem != nil {
			looks.Anything()
		}
		for _, inner := range fact.References {
			g.refer(dir, inner, link.To)
		}
	}
}

// refer adds one reference: where it leads, or where it would. Nothing outside
// the tree can be read, so that what points there cannot matter.
func (g *references) refer(dir string, reference Reference, file string) graph.Link {
	link := graph.Link{Field: reference.Field, Text: reference.Path, File: file, Line: reference.Line}
	if strings.HasPrefix(link.Text, "/") {
		return link
	}
	node := g.nodes[dir]
	link.To = path.Join(dir, link.Text)
	if fixed, _, found := strings.Cut(link.To, "*"); found {
		node.Looks.Below(parent(fixed + "x"))
	}
	at, ok := g.look(&node.Looks, link.To)
	if ok {
		link.To = at.Path
	}
	if ok && g.catalog.isDir(link.To) {
		link.Node = g.nodes[link.To] != nil
		link.Uses = link.Node && link.To != dir && usesFolder(link.Field)
		if !link.Node {
			node.Looks.Below(link.To)
		}
	}
	node.Links = append(node.Links, link)
	return link
}

// runs reports whether what a field names is configuration that runs.
func runs(field string) bool {
	return field == "generators" || field == "transformers" || field == "validators"
}

// usesFolder reports whether a field makes another folder part of this one.
func usesFolder(field string) bool {
	return field == "resources" || field == "bases" || field == "components" || runs(field)
}

// look records a look at a path and at the symlinks on its way. Where
// something is missed, whatever may appear there or below counts.
func (g *references) look(looks *graph.Looks, name string) (at Resolution, ok bool) {
	at, ok = g.catalog.resolve(name)
	for _, probe := range at.Probes {
		looks.At(probe.Path)
		if probe.ID == "" {
			looks.Below(probe.Path)
		}
	}
	return at, ok
}

// looksOf is everything that a root may look at.
func (g *references) looksOf(root Root) graph.Looks {
	if root.Kind == RootKustomize {
		return g.nodes.LooksOf(root.Path)
	}
	var looks graph.Looks
	for _, name := range root.Files {
		g.look(&looks, name)
	}
	return looks
}

// affected are the judged roots that may come out differently: those that look
// at a changed path on either side, and those that are not the same root on
// both.
func affected(base, head *RootSet, files []FileChange) map[string]bool {
	var names []string
	for _, file := range files {
		names = append(names, file.Path)
	}
	changed := graph.NewChanges(names)
	paths := map[string]bool{}
	for _, side := range []struct{ set, other *RootSet }{{base, head}, {head, base}} {
		touched := side.set.graph.nodes.Touched(changed)
		for _, root := range side.set.Roots {
			other, ok := side.other.Root(root.Path)
			if !ok || !root.equal(other) || touched[root.Path] || side.set.graph.sees(root, changed) {
				paths[root.Path] = true
			}
		}
	}
	return paths
}

func (r Root) equal(other Root) bool {
	return r.Kind == other.Kind && r.Destination == other.Destination && slices.Equal(r.Files, other.Files)
}

// sees reports whether a plain root can see one of the changes.
func (g *references) sees(root Root, changed graph.Changes) bool {
	looks := g.looksOf(Root{Kind: RootPlain, Files: root.Files})
	return looks.SeeAny(changed)
}
