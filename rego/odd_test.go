package rego_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/rego"
)

// oddities are values of types that a field was not made for. An author can
// write any of them anywhere, and a rule that stumbles judges nothing.
var oddities = []any{nil, "${X}", "a\nb masked:token:x", true, []any{nil, []any{}, map[string]any{}},
	map[string]any{"name": []any{}}}

// TestOddTypes puts each oddity at each place of each bad example of an object
// rule: no rule may fail to answer. Facts that Go makes are of their types.
func TestOddTypes(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of inputs")
	}
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*/*/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := enginetest.Plain{}.Objects(t.Context(), content)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var odd []engine.Object
		for _, object := range objects {
			if object.Resource.Group == "countersign.dev" {
				continue
			}
			odd = append(odd, mutants(object)...)
		}
		report, err := rules.Objects(t.Context(), odd, nil)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, e := range report.Errors {
			t.Errorf("%s: %s on %s %s: %s", file, e.Rule, e.Object.Kind, e.Object.Name, e.Message)
		}
	}
}

// mutants are the object with one place made odd, or one of its nested
// documents.
func mutants(object engine.Object) []engine.Object {
	var out []engine.Object
	for odd := range replacements(object.Resolved, false) {
		mutant := object
		mutant.Resolved, _ = odd.(map[string]any)
		out = append(out, mutant)
	}
	for i, nested := range object.Resource.Nested {
		for j := range nested.Documents {
			for odd := range replacements(nested.Documents[j], true) {
				mutant, resource := object, *object.Resource
				resource.Nested = slices.Clone(resource.Nested)
				resource.Nested[i].Documents = slices.Clone(nested.Documents)
				resource.Nested[i].Documents[j] = odd
				mutant.Resource = &resource
				out = append(out, mutant)
			}
		}
	}
	return out
}

// replacements yields a value with one place in it replaced by each oddity in
// turn; whole says that the value itself is a place.
func replacements(value any, whole bool) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		if whole {
			for _, odd := range oddities {
				if !yield(odd) {
					return
				}
			}
		}
		switch value := value.(type) {
		case map[string]any:
			for key, child := range value {
				for odd := range replacements(child, true) {
					copied := map[string]any{}
					for k, v := range value {
						copied[k] = v
					}
					if copied[key] = odd; !yield(copied) {
						return
					}
				}
			}
		case []any:
			for i, child := range value {
				for odd := range replacements(child, true) {
					copied := slices.Clone(value)
					if copied[i] = odd; !yield(copied) {
						return
					}
				}
			}
		}
	}
}
