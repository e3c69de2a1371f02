package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
			} else if !sameShape(wanted, params[id][name]) {
				wrong = append(wrong, fmt.Errorf("rules.%s.params.%s: want a %s, as the default %v",
					id, name, shapeOf(wanted), wanted))
			}
		}
	}
	return errors.Join(wrong...)
}

// merged returns every rule's parameters, overrides over defaults.
func (e *Engine) merged(params Params) map[string]any {
	all := make(map[string]any, len(e.rules))
	for _, rule := range e.rules {
		if len(rule.Params) == 0 {
			continue
		}
		values := maps.Clone(rule.Params)
		maps.Copy(values, params[rule.ID])
		all[string(rule.ID)] = values
	}
	return all
}

// shapeOf names a parameter's type; "" for what no parameter may be.
func shapeOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number, float64, int, int64:
		return "number"
	case []any:
		return "list"
	case map[string]any:
		return "mapping"
	}
	return ""
}

// sameShape reports whether a value may stand in for a default: the same type,
// and in a list or a mapping elements of the type of the default's. Where the
// default has none to go by, elements are strings.
func sameShape(wanted, value any) bool {
	if shapeOf(wanted) == "" || shapeOf(wanted) != shapeOf(value) {
		return false
	}
	switch value := value.(type) {
	case []any:
		element := any("")
		if list := wanted.([]any); len(list) > 0 {
			element = list[0]
		}
		return !slices.ContainsFunc(value, func(v any) bool { return !sameShape(element, v) })
	case map[string]any:
		known := wanted.(map[string]any)
		for key, v := range value {
			element, ok := known[key]
			if !ok {
				element = any("")
				for _, first := range slices.Sorted(maps.Keys(known))[:min(1, len(known))] {
					element = known[first]
				}
			}
			if !sameShape(element, v) {
				return false
			}
		}
	}
	return true
}
