// Package render turns a repository's files at two commits into what changes
// in the clusters that they describe.
//
// In go a [Tree] for each side and a [Builder] that runs the author's YAML in
// a child process. Out comes a [Comparison]: the kustomization roots of both
// sides, what each of them becomes ([Build]), and what differs between them
// ([Change], from objects, never from text lines).
//
// The package refuses to guess: a root that cannot be built is a value that
// says why, a path that is missing is recorded like one that was read, and
// nothing outside the tree can be reached. It knows no policy, no people and
// no network, and performs no I/O of its own: files come from the Tree,
// parsing is the Builder's.
//
// Its rooms: render/git (trees of commits through the git binary),
// render/worker (the pool of render children, the parent's side),
// render/child (the child's side: kustomize, YAML and the walls),
// render/wire (the bounded encoding between the two); and the pure cores
// render/glob (patterns), render/scope (what is governed), render/graph (who
// uses and sees what) and render/diff (two values compared).
package render
