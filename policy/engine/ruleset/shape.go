package ruleset

import (
	"encoding/json"
	"maps"
	"slices"
)

// Shape names a parameter's type; "" for what no parameter may be.
func Shape(value any) string {
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

// SameShape reports whether a value may stand in for a default: the same type,
// and in a list or a mapping elements of the type of the default's. Where the
// default has none to go by, elements are strings.
func SameShape(wanted, value any) bool {
	if Shape(wanted) == "" || Shape(wanted) != Shape(value) {
		return false
	}
	switch value := value.(type) {
	case []any:
		element := any("")
		if list := wanted.([]any); len(list) > 0 {
			element = list[0]
		}
		return !slices.ContainsFunc(value, func(v any) bool { return !SameShape(element, v) })
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
			if !SameShape(element, v) {
				return false
			}
		}
	}
	return true
}
