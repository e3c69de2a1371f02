// Package engine evaluates the Rego rules. It is the only importer of OPA.
//
// In go the rules' files ([New]) and typed inputs (schema input/v1, written for
// rule authors in rego/schemas); out come hits by rule ([Engine.Objects],
// [Engine.Changes], [Engine.Fleet]), and for each rule that was asked either
// its answer or its error. The engine knows a rule by its metadata alone, which
// package ruleset reads. The inputs of a batch are judged at the same time.
// [Test] and [Scaffold] are for those who write rules.
//
// Rego fails open by nature, so everything here fails closed. What must stay
// true:
//
//   - A rule whose metadata, input paths, references or builtins are not known
//     does not load; the error names file and line.
//   - The answer's keys are the rules that were asked. A rule that is missing
//     from it, that fails, that runs out of time or whose hit has an unknown
//     key is that rule's error for that input, and the others still answer.
//   - An error is never a pass.
//   - Inputs are never serialised: values go to OPA as they are. A keyed hash
//     of a secret never reaches a message or an error.
//   - The same rules and inputs give the same report, in any order and batch;
//     the clock decides only whether a rule answers in time.
package engine
