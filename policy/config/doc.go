// Package config reads a repository's .countersign.yaml: strictly, with the
// line of each mistake, and with the strict defaults where nothing is said.
//
// In goes a parsed [render.Document] (the bytes come from the base revision
// and were parsed in the child); out comes a [Config] or the list of its
// mistakes. A config that is wrong in any place is not a config: callers must
// treat it as state error, never as the defaults.
package config
