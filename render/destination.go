package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/graph"
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
func (g *references) named() []naming {
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
func (g *references) applied(name naming, roots []Root) []int {
	at, found := findRoot(roots, name.folder)
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
func (g *references) covers(folder, root string) bool {
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
func (g *references) destine(roots []Root, named []naming) {
	if len(named) == 0 {
		return
	}
	holders := g.holders(roots, named)
	own, namers := make([]string, len(roots)), make([][]graph.Namer, len(roots))
	for i, root := range roots {
		own[i] = root.Path
	}
	for _, name := range named {
		for _, i := range g.applied(name, roots) {
			for _, holder := range holders[name.file] {
				namers[i] = append(namers[i], graph.Namer{By: holder, Name: name.object.Destination})
			}
		}
	}
	for i, names := range graph.Names(own, namers) {
		roots[i].Destination = strings.Join(names, " + ")
	}
}

// holders lists, for each file with a GitOps object, the roots that render it.
func (g *references) holders(roots []Root, named []naming) map[string][]int {
	wanted := map[string]bool{}
	for _, name := range named {
		wanted[name.file] = true
	}
	holders := map[string][]int{}
	for i, root := range roots {
		for _, file := range g.renders(root) {
			if wanted[file] && !slices.Contains(holders[file], i) {
				holders[file] = append(holders[file], i)
			}
		}
	}
	return holders
}

// renders lists the files that a root parses: what its objects come from, and
// the kustomizations themselves.
func (g *references) renders(root Root) []string {
	if root.Kind != RootKustomize {
		return root.Files
	}
	var files []string
	for _, dir := range g.nodes.Reach(root.Path) {
		for _, name := range kustomizationNames {
			files = append(files, path.Join(dir, name))
		}
		for _, link := range g.nodes[dir].Links {
			files = append(files, link.To)
		}
	}
	return files
}
