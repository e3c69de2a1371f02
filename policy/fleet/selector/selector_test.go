package selector

import "testing"

func TestMatch(t *testing.T) {
	labels := map[string]string{"env": "prod", "empty": ""}
	expression := func(key, operator string, values ...any) map[string]any {
		return map[string]any{"matchExpressions": []any{
			map[string]any{"key": key, "operator": operator, "values": values}}}
	}
	tests := []struct {
		name     string
		selector map[string]any
		want     bool
	}{
		{"nothing asked", nil, true},
		{"label", map[string]any{"matchLabels": map[string]any{"env": "prod"}}, true},
		{"other label", map[string]any{"matchLabels": map[string]any{"env": "dev"}}, false},
		{"absent label", map[string]any{"matchLabels": map[string]any{"x": ""}}, false},
		{"In", expression("env", "In", "dev", "prod"), true},
		{"In, other values", expression("env", "In", "dev"), false},
		{"In, absent", expression("x", "In", ""), false},
		{"NotIn", expression("env", "NotIn", "dev"), true},
		{"NotIn, one of them", expression("env", "NotIn", "prod"), false},
		{"NotIn, absent", expression("x", "NotIn", "prod"), true},
		{"Exists", expression("empty", "Exists"), true},
		{"Exists, absent", expression("x", "Exists"), false},
		{"DoesNotExist", expression("x", "DoesNotExist"), true},
		{"DoesNotExist, there", expression("empty", "DoesNotExist"), false},
		{"no such operator", expression("env", "Near", "dev"), true},
		{"of no shape", map[string]any{"matchLabels": 1, "matchExpressions": "x"}, true},
	}
	for _, test := range tests {
		if got := Read(test.selector).Match(labels); got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}
