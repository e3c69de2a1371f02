package report

import (
	"encoding/json"
	"fmt"
)

// SARIF is the report in SARIF 2.1.0.
func (r Report) SARIF() ([]byte, error) {
	log := map[string]any{"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"runs": []any{map[string]any{"tool": map[string]any{"driver": map[string]any{"name": "countersign"}},
			"results": r.results()}}}
	out, err := json.MarshalIndent(log, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode SARIF: %w", err)
	}
	return append(out, '\n'), nil
}

func (r Report) results() []any {
	results := []any{}
	for _, f := range r.assessment.Findings {
		results = append(results, map[string]any{"ruleId": string(f.Rule), "message": map[string]any{"text": visible(f.Message)}})
	}
	return results
}
