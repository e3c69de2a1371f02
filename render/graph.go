package render

import (
	"path"
	"slices"
	"strings"
)

// graph says which kustomizations use which, and what each may read. It is
// lexical: it holds what a build can look at, which is never less than what a
// build does look at. Where that cannot be known from the files (a folder of
// generators or transformers, which may be patched before they run), it says
// that anything may be read.
type graph struct {
	catalog *catalog
	facts   map[string]FileFacts
	nodes   map[string]*node // by folder
}

// node is a folder with a kustomization.
type node struct {
	dir       string
	component bool
	links     []link
	looks     looks
}

// link is a reference that leads to something.
type link struct {
	to     string // a path without symlinks
	dir    bool   // it leads to a folder with a kustomization
	uses   bool   // it makes that folder part of this one
	field  string
	text   string // as written
	source Source
}

// looks is what a root or a kustomization looks at.
type looks struct {
	// exact are files, symlinks and names that would be taken if they existed.
	exact map[string]bool
	// below are folders read as a whole, and missing places.
	below map[string]bool
	// anything says that there is no telling.
	anything bool
}

func newLooks() looks { return looks{exact: map[string]bool{}, below: map[string]bool{}} }

// sees reports whether a change to a path can be seen.
func (l looks) sees(name string) bool {
	if l.anything || l.exact[name] || l.below[""] {
		return true
	}
	for at := name; at != ""; at = parent(at) {
		if l.below[at] {
			return true
		}
	}
	return false
}

func (l *looks) add(m looks) {
	for name := range m.exact {
		l.exact[name] = true
	}
	for name := range m.below {
		l.below[name] = true
	}
	l.anything = l.anything || m.anything
}

func newGraph(c *catalog, found map[string]FileFacts) *graph {
	g := &graph{catalog: c, facts: found, nodes: map[string]*node{}}
	for name, fact := range found {
		if fact.Kustomization {
			dir := parent(name)
			if g.nodes[dir] == nil {
				g.nodes[dir] = &node{dir: dir, looks: newLooks()}
			}
			g.nodes[dir].component = g.nodes[dir].component || fact.Component
		}
	}
	for _, n := range g.nodes {
		for _, name := range kustomizationNames {
			g.look(n, path.Join(n.dir, name))
			g.follow(n, path.Join(n.dir, name))
		}
	}
	return g
}

// follow adds what one kustomization file refers to.
func (g *graph) follow(n *node, file string) {
	for _, reference := range g.facts[file].References {
		if strings.HasPrefix(reference.Field, "helm") {
			n.looks.below[path.Join(n.dir, "charts")] = true
		}
		l := g.refer(n, reference, file)
		if !runs(reference.Field) {
			continue
		}
		// What generators and transformers read is relative to this folder.
		fact, scanned := g.facts[l.to]
		n.looks.anything = n.looks.anything || l.dir || scanned && fact.Problem != nil
		for _, inner := range fact.References {
			g.refer(n, inner, l.to)
		}
	}
}

// refer adds one reference: where it leads, or where it would. Nothing outside
// the tree can be read, so that what points there cannot matter.
func (g *graph) refer(n *node, reference Reference, file string) link {
	l := link{field: reference.Field, text: reference.Path, source: Source{File: file, Line: reference.Line}}
	if strings.HasPrefix(l.text, "/") {
		return l
	}
	target := path.Join(n.dir, l.text)
	if fixed, _, found := strings.Cut(target, "*"); found {
		n.looks.below[parent(fixed+"x")] = true
	}
	l.to = target
	at, ok := g.look(n, target)
	if ok {
		l.to = at.Path
	}
	if ok && g.catalog.isDir(l.to) {
		l.dir = g.nodes[l.to] != nil
		l.uses = l.dir && l.to != n.dir && usesFolder(l.field)
		if !l.dir {
			n.looks.below[l.to] = true
		}
	}
	n.links = append(n.links, l)
	return l
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
func (g *graph) look(n *node, name string) (at Resolution, ok bool) {
	at, ok = g.catalog.resolve(name)
	for _, probe := range at.Probes {
		n.looks.exact[probe.Path] = true
		if probe.ID == "" {
			n.looks.below[probe.Path] = true
		}
	}
	return at, ok
}

// reach lists the kustomization folders that one uses, itself first.
func (g *graph) reach(dir string) []string {
	seen := map[string]bool{dir: true}
	reached := []string{dir}
	for i := 0; i < len(reached); i++ {
		for _, link := range g.nodes[reached[i]].links {
			if link.dir && !seen[link.to] {
				seen[link.to] = true
				reached = append(reached, link.to)
			}
		}
	}
	return reached
}

// looksOf is everything that a root may look at.
func (g *graph) looksOf(root Root) looks {
	all := newLooks()
	if root.Kind == RootKustomize {
		for _, dir := range g.reach(root.Path) {
			all.add(g.nodes[dir].looks)
		}
		return all
	}
	files := node{looks: all}
	for _, name := range root.Files {
		g.look(&files, name)
	}
	return files.looks
}

// touched lists the kustomization folders that can see one of the changes,
// directly or through what they use.
func (g *graph) touched(changed []FileChange) map[string]bool {
	users := map[string][]string{}
	touched := map[string]bool{}
	var pending []string
	for dir, n := range g.nodes {
		for _, link := range n.links {
			if link.dir {
				users[link.to] = append(users[link.to], dir)
			}
		}
		sees := func(f FileChange) bool { return n.looks.sees(f.Path) }
		if slices.ContainsFunc(changed, sees) {
			touched[dir] = true
			pending = append(pending, dir)
		}
	}
	for len(pending) > 0 {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, user := range users[dir] {
			if !touched[user] {
				touched[user] = true
				pending = append(pending, user)
			}
		}
	}
	return touched
}
