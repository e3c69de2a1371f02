package rego

import "embed"

// FS holds the rules, the library and the input schemas, as folders named as
// in this package's documentation. Tests and examples are not in it.
//
//go:embed lib/*.rego schemas/*.json */*/rule.rego
var FS embed.FS

// IDs is ids.txt: every rule id that ever was, one a line, and lines of
// comment that begin with "#".
//
//go:embed ids.txt
var IDs string
