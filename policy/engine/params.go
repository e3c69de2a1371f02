package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/countersign-dev/countersign/policy/engine/ruleset"
)

// Params are a config's overrides of rules' parameters, by rule and name.
// nil leaves every default.
type Params map[RuleID]map[string]any

// CheckParams says which overrides name no rule, no parameter or have another
// type than the default; nil when all are right. The values come from a
// repository's config.
func (e *Engine) CheckParams(params Params) error {
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(params)) {
		rule, ok := e.Rule(id)
		if !ok {
			wrong = append(wrong, fmt.Errorf("rules.%s: no such rule", id))
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(params[id])) {
			wanted, ok := rule.Params[name]
			if !ok {
				wrong = append(wrong, fmt.Errorf("rules.%s.params: no parameter %q; known are %v",
					id, name, slices.Sorted(maps.Keys(rule.Params))))
			} else if !ruleset.SameShape(wanted, params[id][name]) {
				wrong = append(wrong, fmt.Errorf("rules.%s.params.%s: want a %s, as the default %v",
					id, name, ruleset.Shape(wanted), wanted))
			}
		}
	}
	return errors.Join(wrong...)
}

// merged returns every rule's parameters, overrides over defaults.
func (e *Engine) merged(params Params) map[string]any {
	all := make(map[string]any, len(e.set.Rules))
	for _, rule := range e.set.Rules {
		if len(rule.Params) == 0 {
			continue
		}
		values := maps.Clone(rule.Params)
		maps.Copy(values, params[rule.ID])
		all[string(rule.ID)] = values
	}
	return all
}
