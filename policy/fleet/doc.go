// Package fleet knows Cluster API: it resolves the objects of all roots into
// clusters and says what belongs to which.
//
// In go the builds of one side; out come, for each resource, the input of the
// object rules ([Index.Object]), for each change that of the change rules
// ([Index.Change]), and the records that fleet rules compare ([Index.Fleet]).
// References are matched by group, kind, namespace and name, never by
// version: first in the destination of the one who refers, then in the rest
// of the tree. It judges nothing: that is Rego's.
//
// Nothing here fails: objects come from pull requests and may hold anything,
// so what does not have the shape that Cluster API gives it refers to nothing.
// Where a bound on work is reached, the answer is the larger one: an object
// then reaches every cluster, a patch may write everything.
package fleet
