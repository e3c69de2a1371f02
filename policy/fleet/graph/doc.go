// Package graph spreads sets of small numbers along the edges of a graph that
// may hold cycles.
//
// In go vertices, edges and seeds; out comes for each vertex the set of all
// seeds from which it can be reached. Vertices with the same set share it, so
// that the cost follows the graph and not the product of seeds and vertices.
// Past a budget of work a vertex gets the set of all seeds: too many rather
// than too few. A Graph is not safe for concurrent use, its sets are.
package graph
