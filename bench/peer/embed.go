package peer

import "embed"

// FS holds the policies, one file a rule.
//
//go:embed *.rego
var FS embed.FS
