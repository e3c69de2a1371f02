package render

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/scope"
)

// PatternError says that a glob of the [Options] is wrong or, for an include,
// matches nothing.
type PatternError = scope.PatternError

func (o Options) globs() scope.Globs {
	return scope.Globs{Include: o.Include, Exclude: o.Exclude, Ignore: o.Ignore, Protect: o.Protect}
}

// RootSet is the roots of one tree and what each may read. It is read-only and
// safe for concurrent use.
type RootSet struct {
	// Roots are those that are judged, sorted by path.
	Roots []Root
	// Notices are files that could not be parsed and that no judged root
	// reads, sorted by file.
	Notices []Problem
	graph   *references
	found   []string // the paths of all roots, judged or not
}

// Roots finds the entry points of a tree: folders with a kustomization that no
// other one uses, folders whose manifests no kustomization covers, and what
// Flux and Argo CD objects name. A component is none. A plain root holds a
// folder's own manifests, not those below, and neither those of a Helm chart.
//
// Errors: [*PatternError] for the options, [*TreeError] for the tree, else the
// world's. An unparsable file is no error: it makes a root that fails to
// build, or a notice.
func Roots(ctx context.Context, builder Builder, tree Tree, opts Options) (*RootSet, error) {
	s, err := scope.New(opts.globs())
	if err != nil {
		return nil, err
	}
	set, err := findRoots(ctx, builder, tree, search{scope: s, known: facts{}})
	if err != nil {
		return nil, err
	}
	return set, s.Unmatched(set.found)
}

// Root returns the judged root of that path.
func (s *RootSet) Root(name string) (Root, bool) {
	if i, ok := findRoot(s.Roots, name); ok {
		return s.Roots[i], true
	}
	return Root{}, false
}

func findRoot(roots []Root, name string) (int, bool) {
	return slices.BinarySearchFunc(roots, name, func(r Root, name string) int { return strings.Compare(r.Path, name) })
}

// Closure lists the files that a root may read, sorted: every file in its
// reference graph and every symlink on the way. It is never less than what a
// build reads.
func (s *RootSet) Closure(root Root) []string {
	sees := s.graph.looksOf(root)
	var files []string
	for name, entry := range s.graph.catalog.entries {
		if entry.Mode != ModeDir && sees.See(name) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// search is how a tree is searched for roots.
type search struct {
	scope *scope.Scope
	known facts  // filled; shared by the two sides of a comparison
	start string // the folder below which roots are looked for; "" for all
}

func findRoots(ctx context.Context, builder Builder, tree Tree, how search) (*RootSet, error) {
	c, err := readCatalog(ctx, tree, how.start)
	if err != nil {
		return nil, err
	}
	found, err := c.scan(ctx, builder, how.known)
	if err != nil {
		return nil, err
	}
	g := newReferences(c, found)
	named := g.named()
	roots := g.kustomizeRoots(named)
	roots = append(roots, g.plainRoots()...)
	slices.SortFunc(roots, func(a, b Root) int { return strings.Compare(a.Path, b.Path) })
	g.destine(roots, named)
	set := &RootSet{graph: g}
	for _, root := range roots {
		set.found = append(set.found, root.Path)
		if how.scope.Judged(root.Path) {
			set.Roots = append(set.Roots, root)
		}
	}
	set.Notices = set.unread()
	return set, nil
}

// kustomizeRoots are the kustomizations that nothing uses and those that a
// deployer is told to apply; after them one of each circle of kustomizations
// that use only each other, so that it fails instead of being unseen.
func (g *references) kustomizeRoots(named []naming) []Root {
	used := map[string]bool{}
	for _, n := range g.nodes {
		for _, link := range n.Links {
			used[link.To] = used[link.To] || link.Uses
		}
	}
	for _, name := range named {
		used[name.folder] = false
	}
	reached := map[string]bool{}
	var roots []Root
	add := func(dir string) {
		roots = append(roots, Root{Path: dir, Kind: RootKustomize, Destination: dir})
		for _, part := range g.nodes.Reach(dir) {
			reached[part] = true
		}
	}
	dirs := slices.Sorted(maps.Keys(g.nodes))
	for _, dir := range dirs {
		if !g.components[dir] && !used[dir] {
			add(dir)
		}
	}
	for _, dir := range dirs {
		if !g.components[dir] && !reached[dir] {
			add(dir)
		}
	}
	return roots
}

// plainRoots are the folders with manifests that no kustomization covers.
func (g *references) plainRoots() []Root {
	covered := map[string]bool{}
	for _, n := range g.nodes {
		for _, link := range n.Links {
			covered[link.To] = true
		}
	}
	loose := map[string][]string{}
	for name, fact := range g.facts {
		dir := parent(name)
		if g.nodes[dir] == nil && !covered[name] && fact.manifestLike(name) && !g.inChart(dir) {
			loose[dir] = append(loose[dir], name)
		}
	}
	var roots []Root
	for dir, files := range loose {
		slices.Sort(files)
		roots = append(roots, Root{Path: dir, Kind: RootPlain, Files: files, Destination: dir})
	}
	return roots
}

// inChart reports whether a folder belongs to a Helm chart: it is one, or it
// is the chart's templates, CRDs or charts, or below.
func (g *references) inChart(dir string) bool {
	if g.isChart(dir) {
		return true
	}
	for at := dir; at != ""; at = parent(at) {
		switch path.Base(at) {
		case "templates", "crds", "charts":
			if g.isChart(parent(at)) {
				return true
			}
		}
	}
	return false
}

func (g *references) isChart(dir string) bool {
	_, ok := g.catalog.entries[path.Join(dir, "Chart.yaml")]
	return ok
}

// unread are the problems of files that no judged root would meet.
func (s *RootSet) unread() []Problem {
	met := map[string]bool{}
	for _, root := range s.Roots {
		for _, name := range s.graph.renders(root) {
			met[name] = true
		}
	}
	var notices []Problem
	for _, name := range slices.Sorted(maps.Keys(s.graph.facts)) {
		problem := s.graph.facts[name].Problem
		if problem != nil && !met[name] && isYAML(name) && !s.graph.inChart(parent(name)) {
			notices = append(notices, *problem)
		}
	}
	return notices
}
