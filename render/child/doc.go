// Package child is the render child: the process that runs the author's YAML.
//
// In go the parent's messages (package wire): files to look at, documents to
// parse, roots to build, with the tree itself read through the parent. Out
// come values of package render: the objects that a root becomes, in canonical
// form and with secret values masked, where each field was written, and, for a
// root that cannot be built, one sentence that says why, with file and line.
//
// [Main] is the whole of it. Everything that a kustomization names is looked
// at before kustomize runs (the closure): what leads out of the repository,
// needs Helm or a plugin, goes in a circle or grows without bound is refused
// there with a kind message. The process's own walls (package sandbox) hold
// whatever that look misses. What kustomize cannot be kept from doing to its
// process (a schema that stays, a panic) taints the child, and its parent
// must end it.
//
// With the packages beside it, this is the only importer of kustomize.
package child
