package rego_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// TestOddChanges puts each oddity at each place of each bad example of a change
// rule, on either side: a change rule that fails to answer makes nothing harmless, but
// the review an error.
func TestOddChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of inputs")
	}
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("*/*/bad/*")
	folders = slices.DeleteFunc(folders, func(name string) bool { return filepath.Ext(name) == ".yaml" })
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, folder := range folders {
		changes, err := enginetest.Plain{}.Changes(t.Context(), side(t, folder, "base.yaml"), side(t, folder, "head.yaml"))
		if err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, change := range changes {
			oddChange(t.Context(), t, rules, change)
		}
	}
}

func side(t *testing.T, folder, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return text
}

func oddChange(ctx context.Context, t *testing.T, rules *engine.Engine, change engine.Change) {
	t.Helper()
	odd := []engine.Change{}
	for before := range replacements(change.Before, false) {
		mutant := change
		mutant.Before, _ = before.(map[string]any)
		odd = append(odd, mutant)
	}
	for after := range replacements(change.After, false) {
		mutant := change
		mutant.After, _ = after.(map[string]any)
		odd = append(odd, mutant)
	}
	for i, field := range change.Change.Fields {
		for _, oddity := range oddities {
			mutant, copied := change, *change.Change
			copied.Fields = append([]render.Field{}, change.Change.Fields...)
			copied.Fields[i] = render.Field{Path: field.Path, Before: field.Before, After: oddity}
			mutant.Change = &copied
			odd = append(odd, mutant)
		}
	}
	reports, err := rules.Changes(ctx, odd, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range reports {
		for _, e := range report.Errors {
			t.Errorf("%s on %s %s: %s", e.Rule, e.Object.Kind, e.Object.Name, e.Message)
		}
	}
}
