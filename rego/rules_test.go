package rego_test

import (
	"path"
	"path/filepath"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
)

// TestRules tests every rule by its folder: go test ./rego/ -run 'Rules/ssh/node_key'.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("*/*/rule.rego")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	for _, file := range files {
		slug := path.Dir(filepath.ToSlash(file))
		t.Run(slug, func(t *testing.T) {
			report, err := engine.Test(t.Context(), filepath.FromSlash(slug), enginetest.Plain{})
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range report.Rules {
				t.Logf("%s: %d tests, %.1f %% covered, %d examples", rule.ID, rule.Tests, rule.Coverage, rule.Examples)
				for _, problem := range rule.Problems {
					t.Error(problem)
				}
			}
		})
	}
}
