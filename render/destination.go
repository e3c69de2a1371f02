package render

import (
	"maps"
	"slices"
	"strings"
)

// Bounds of naming: a root that is named for more clusters, or through a longer
// chain of names, is taken as a destination of its own.
const (
	maxDestinations = 16
	maxDestination  = 1024 // bytes
)

// naming is a GitOps object that names a folder which exists.
type naming struct {
	folder string // without symlinks
	file   string // that holds the object
	object GitOps
}

// named lists the folders that Flux and Argo CD objects name. Whether such an
// object means this repository or another is not known; a folder that exists
// here is taken as meant.
func (g *graph) named() []naming {
	var all []naming
	for _, file := range slices.Sorted(maps.Keys(g.facts)) {
		for _, object := range g.facts[file].GitOps {
			if at, ok := g.catalog.resolve(object.Path); ok && g.catalog.isDir(at.Path) {
				all = append(all, naming{at.Path, file, object})
			}
		}
	}
	return all
}

// applied lists the roots that an object applies, as indices. Flux makes a
// kustomization of a folder that has none, out of all manifests and
// kustomizations below: those stay roots of their own here, so that one broken
// file fails its folder and no more, but they share the object's destination.
// The top of a repository is not taken so: it is the path of every object that
// means another repository and does not say a path.
func (g *graph) applied(name naming, roots []Root) []int {
	at, found := slices.BinarySearchFunc(roots, name.folder, func(r Root, dir string) int { return strings.Compare(r.Path, dir) })
	var applied []int
	if found {
		applied = append(applied, at)
	}
	if name.object.Kind != "flux" || name.folder == "" || g.nodes[name.folder] != nil {
		return applied
	}
	for i := at; i < len(roots) && strings.HasPrefix(roots[i].Path, name.folder); i++ {
		if strings.HasPrefix(roots[i].Path, name.folder+"/") && !g.covers(name.folder, roots[i].Path) {
			applied = append(applied, i)
		}
	}
	return applied
}

// covers reports whether a kustomization lies between a folder and a root
// below it: Flux takes the outer one and looks no further.
func (g *graph) covers(folder, root string) bool {
	for at := parent(root); at != folder; at = parent(at) {
		if g.nodes[at] != nil {
			return true
		}
	}
	return false
}

// destine sets where roots go: the cluster of the root that holds the GitOps
// object which names them, and in turn of who names that one; with a
// kubeconfig, server or cluster name of the object's, that name as seen from
// there. What nothing names, and what only names itself, goes to a destination
// of its own name.
func (g *graph) destine(roots []Root, named []naming) {
	if len(named) == 0 {
		return
	}
	d := destiner{graph: g, roots: roots, namers: make([][]namer, len(roots)), known: make([][]string, len(roots))}
	holders := d.holders(named)
	for _, name := range named {
		for _, i := range g.applied(name, roots) {
			for _, holder := range holders[name.file] {
				if holder != i {
					d.namers[i] = append(d.namers[i], namer{holder, name.object.Destination})
				}
			}
		}
	}
	d.open = make([]bool, len(roots))
	for i := range roots {
		roots[i].Destination = strings.Join(d.of(i), " + ")
	}
}

// namer is a root whose object names another, and the name that it gives.
type namer struct {
	holder int
	name   string
}

type destiner struct {
	graph  *graph
	roots  []Root
	namers [][]namer
	known  [][]string
	open   []bool // being worked out: naming that comes back here says nothing
}

// holders lists, for each file with a GitOps object, the roots that render it.
func (d *destiner) holders(named []naming) map[string][]int {
	wanted := map[string]bool{}
	for _, name := range named {
		wanted[name.file] = true
	}
	holders := map[string][]int{}
	for i, root := range d.roots {
		for _, file := range d.graph.renders(root) {
			if wanted[file] && !slices.Contains(holders[file], i) {
				holders[file] = append(holders[file], i)
			}
		}
	}
	return holders
}

// renders lists the files whose objects may come out of a root.
func (g *graph) renders(root Root) []string {
	if root.Kind != RootKustomize {
		return root.Files
	}
	var files []string
	for _, dir := range g.reach(root.Path) {
		for _, link := range g.nodes[dir].links {
			files = append(files, link.to)
		}
	}
	return files
}

// of is the sorted set of destinations of one root.
func (d *destiner) of(i int) []string {
	if d.known[i] != nil {
		return d.known[i]
	}
	d.open[i] = true
	var set []string
	for _, namer := range d.namers[i] {
		if d.open[namer.holder] {
			continue
		}
		for _, destination := range d.of(namer.holder) {
			if namer.name != "" {
				destination += " → " + namer.name
			}
			if len(destination) <= maxDestination {
				set = append(set, destination)
			}
		}
	}
	d.open[i] = false
	slices.Sort(set)
	set = slices.Compact(set)
	if len(set) == 0 || len(set) > maxDestinations {
		set = []string{d.roots[i].Path}
	}
	d.known[i] = set
	return set
}
