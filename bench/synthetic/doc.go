// Package synthetic writes a fleet of made-up clusters as a git repository, to
// measure on and to try things out. In goes a number of clusters, out comes a
// repository with a work tree, branch main and a branch for each kind of
// change. The same number gives the same commits, everywhere and always.
//
// The fleet is built as real ones are: a common base, a base for each
// provider, regions, components, merge and JSON patches, names that follow a
// prefix, and beside the clusters some apps, roles and plain manifests. It is
// clean: no rule has anything to say about main.
package synthetic
