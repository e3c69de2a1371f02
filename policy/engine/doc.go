// Package engine evaluates the Rego rules. It is the only importer of OPA.
//
// In go the rules' files and typed inputs (schema input/v1, written for rule
// authors in rego/schemas); out come hits, keyed by rule id, and each rule's
// outcome. The engine knows a rule by its metadata alone. Rego fails open by
// nature, so everything here fails closed: a rule that is missing from the
// answer, a malformed hit or an unknown key is that rule's error, and an
// error is never a pass.
package engine
