package engine

import "github.com/countersign-dev/countersign/policy/engine/ruleset"

// What a rule's metadata says of it; package ruleset reads it.
type (
	RuleID   = ruleset.RuleID   // a rule's name for ever, such as CS-SSH-001
	Kind     = ruleset.Kind     // what a rule's hit means
	Scope    = ruleset.Scope    // what a rule is asked about
	Severity = ruleset.Severity // orders findings
	Effect   = ruleset.Effect   // what a finding does to the verdict
	Rule     = ruleset.Rule     // all of it
)

// The kinds of rules.
const (
	KindFinding   = ruleset.KindFinding   // to be fixed or waived
	KindPrivilege = ruleset.KindPrivilege // why a change needs two people
	KindHarmless  = ruleset.KindHarmless  // why a change does not
)

// The scopes.
const (
	ScopeObject = ruleset.ScopeObject // one resource at a time
	ScopeChange = ruleset.ScopeChange // one change at a time
	ScopeFleet  = ruleset.ScopeFleet  // all clusters of a side at once
)

// The severities, worst first.
const (
	Critical = ruleset.Critical
	High     = ruleset.High
	Medium   = ruleset.Medium
	Low      = ruleset.Low
)

// The effects.
const (
	Block = ruleset.Block
	Warn  = ruleset.Warn
	Info  = ruleset.Info
)
