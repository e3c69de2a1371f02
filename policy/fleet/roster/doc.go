// Package roster keeps lists of what is known of clusters sorted and without
// duplicates.
//
// In go clusters, or two lists that the package made; out comes one sorted
// list in which no two say the same, as two copies of a cluster do. Nothing
// fails and no cluster is changed.
package roster
