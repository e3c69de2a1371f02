// Package fleet knows Cluster API: it resolves the objects of all roots into
// clusters and says what belongs to which.
//
// In go the builds of one side; out come, for each resource, the input of the
// object rules ([Index.Object]), for each change that of the change rules
// ([Index.Change]), and the records that fleet rules compare ([Index.Fleet]).
// References are matched by group, kind, namespace and name, never by
// version. It judges nothing: that is Rego's.
package fleet
