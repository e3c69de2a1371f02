package settings_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/settings"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// parsed stands in for the child's parser: it answers with one document.
type parsed struct{ value any }

func (p parsed) Parse(context.Context, string, []byte) (render.Document, *render.Problem, error) {
	return render.Document{Value: p.value, Positions: []render.Position{
		{Path: render.Path{"rules", "CS-INP-003"}, Source: render.Source{Line: 7}}}}, nil, nil
}

// What must hold cannot be talked down, neither by its effect nor by a severity
// that the effect would follow.
func TestRulesThatMustHold(t *testing.T) {
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		id, key, value, want string
	}{
		{"CS-INP-003", "effect", "info", "its effect cannot be changed"},
		{"CS-INP-003", "severity", "low", "its severity cannot be changed"},
		{"CS-INP-003", "effect", "block", ""},
		{"CS-INP-003", "severity", "high", ""},
		{"CS-SSH-001", "severity", "low", ""},
		{"CS-CHG-028", "severity", "low", "is about privileges"},
		{"CS-SSH-999", "effect", "warn", "is no rule"},
	}
	for _, test := range tests {
		reader := settings.Reader{Rules: rules, Parser: parsed{map[string]any{
			"apiVersion": config.APIVersion, "kind": config.Kind,
			"rules": map[string]any{test.id: map[string]any{test.key: test.value}}}}}
		_, mistakes, err := reader.Read(t.Context(), config.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case test.want == "" && len(mistakes) > 0, test.want != "" && len(mistakes) != 1:
			t.Errorf("%s %s %s: %+v", test.id, test.key, test.value, mistakes)
		case test.want != "" && !strings.Contains(mistakes[0].Message, test.want):
			t.Errorf("%s %s %s: %s", test.id, test.key, test.value, mistakes[0].Message)
		case test.want != "" && test.id == "CS-INP-003" && mistakes[0].Source.Line != 7:
			t.Errorf("line %d", mistakes[0].Source.Line)
		}
	}
}
