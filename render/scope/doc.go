// Package scope says which paths of a repository are governed, judged, ignored
// and protected, from the globs of its config and from what deployers, GitHub
// and we ourselves obey.
//
// In go globs, out comes a [Scope], immutable and safe for concurrent use. A
// glob that cannot be read is a [PatternError] for the config's owner. Paths
// are not trusted.
package scope
