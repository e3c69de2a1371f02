// Package closure reads all that a root's kustomization names, directly or
// through other folders, before kustomize runs.
//
// In go the tree, as the parent serves it, and the root's folder; out come a
// [Closure], or one problem with file and line. Refused here are what leads
// out of the repository, what needs Helm, a plugin or a function, circles,
// aliases that lead in a circle or expand beyond a budget, and what kustomize
// would load more often, or deeper, than the limits allow: it counts without
// expanding.
//
// Every byte comes from a pull request. What must stay true: names are taken
// for remote ones, for text and for paths as kustomize takes them, by its own
// parsers where they can be reached; each kustomization is decoded by
// kustomize's own types; and this look is kind, not the wall: what it misses
// still finds no network, no program and no file outside the tree.
//
// [Tree] is the file system that kustomize is given: the same tree, read-only.
package closure
