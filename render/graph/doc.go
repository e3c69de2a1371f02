// Package graph answers questions about which folders use which: what one
// reaches, which see a changed path, on which way one comes to a path, and
// which names a place inherits from those that name it.
//
// In go nodes with links and looks, as strings; the package knows no files, no
// YAML and no kustomize. Every answer takes time linear in the graph, circles
// included, and is deterministic. A graph is safe for concurrent use once
// nothing is added to it.
package graph
