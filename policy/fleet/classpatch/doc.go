// Package classpatch reads the patches of a ClusterClass.
//
// In goes the class; out come its patches in a form that is compared quickly
// with the templates of the class, with all that does not depend on a template
// worked out. It never fails: what has no known shape selects nothing. The
// values that it returns are immutable and safe for concurrent use.
package classpatch
