package policy

import (
	"github.com/countersign-dev/countersign/policy/engine"
)

// outcomes gathers how each rule fared.
type outcomes struct {
	rules   []engine.Rule
	inputs  map[engine.RuleID]int
	failed  map[engine.RuleID]bool // could not be evaluated
	unknown map[engine.RuleID]bool // met a value that it could not judge
	reasons map[engine.RuleID]int  // of privileges and harmless rules
}

func newOutcomes(rules *engine.Engine) *outcomes {
	return &outcomes{rules: rules.Rules(), inputs: map[engine.RuleID]int{}, failed: map[engine.RuleID]bool{},
		unknown: map[engine.RuleID]bool{}, reasons: map[engine.RuleID]int{}}
}

func (o *outcomes) asked(evaluated map[engine.RuleID]int) {
	for id, n := range evaluated {
		o.inputs[id] += n
	}
}

// list is the outcome of every rule, sorted by id.
func (o *outcomes) list(a *Assessment) []RuleOutcome {
	count, blocks := map[engine.RuleID]int{}, map[engine.RuleID]bool{}
	for _, f := range a.Findings {
		if f.State != Fixed {
			count[f.Rule]++
			blocks[f.Rule] = blocks[f.Rule] || f.Effect == engine.Block
		}
	}
	list := make([]RuleOutcome, 0, len(o.rules))
	for _, rule := range o.rules {
		list = append(list, o.outcome(rule, count[rule.ID], blocks[rule.ID]))
	}
	return list
}

func (o *outcomes) outcome(rule engine.Rule, findings int, blocks bool) RuleOutcome {
	out := RuleOutcome{ID: rule.ID, Findings: findings, Outcome: "passed"}
	switch {
	case o.failed[rule.ID]:
		out.Outcome = "error"
	case blocks:
		out.Outcome = "failed"
	case findings > 0:
		out.Outcome = "warned"
	case o.reasons[rule.ID] > 0 && rule.Kind == engine.KindPrivilege:
		out.Outcome, out.Findings = "privileged", o.reasons[rule.ID]
	case o.unknown[rule.ID]:
		out.Outcome = "unknown"
	case o.inputs[rule.ID] == 0:
		out.Outcome = "not_applicable"
	}
	return out
}
