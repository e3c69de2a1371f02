package rego_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/rego"
)

// TestRules tests every rule by its folder: go test ./rego/ -run 'Rules/ssh/node_key'.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("*/*/rule.rego")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	for _, file := range files {
		slug := path.Dir(filepath.ToSlash(file))
		t.Run(slug, func(t *testing.T) { check(t, filepath.FromSlash(slug)) })
	}
}

// TestLibrary tests the library alone, without any rule.
func TestLibrary(t *testing.T) {
	result := engine.TestLibrary(t.Context(), ".")
	t.Logf("%d tests, at least %.1f %% of each file reached", result.Tests, result.Coverage)
	for _, problem := range result.Problems {
		t.Error(problem)
	}
}

func check(t *testing.T, dir string) {
	t.Helper()
	report, err := engine.Test(t.Context(), dir, enginetest.Plain{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range report.Rules {
		t.Logf("%s: %d tests reach %.1f %%, %d examples", rule.ID, rule.Tests, rule.Coverage, rule.Examples)
		for _, problem := range rule.Problems {
			t.Error(problem)
		}
	}
}

// catalogue is the digest of the first ids: the catalogue's, which never die.
const (
	catalogue       = "8cff1e7974a9f34fa063e3f41a460755b8cff5dc75c177e4eb69ccc7ae17b8c2"
	catalogueLength = 124
)

// TestIDs holds the ids: each is known, none is used twice, none disappears.
func TestIDs(t *testing.T) {
	text, err := os.ReadFile("ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(string(text)) {
		if id := strings.TrimSpace(line); !strings.HasPrefix(id, "#") {
			ids = append(ids, id)
		}
	}
	form := regexp.MustCompile(`^CS-[A-Z]{2,5}-[0-9]{3}$`)
	for i, id := range ids {
		if !form.MatchString(id) {
			t.Errorf("ids.txt: %q is no id", id)
		}
		if slices.Contains(ids[:i], id) {
			t.Errorf("ids.txt: %s is there twice", id)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(ids[:min(catalogueLength, len(ids))], "\n")))
	if got := hex.EncodeToString(sum[:]); got != catalogue {
		t.Errorf("ids.txt: the first %d ids are for ever; their digest is %s", catalogueLength, got)
	}
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatalf("the rules do not load together:\n%v", err)
	}
	for _, rule := range rules.Rules() {
		if !slices.Contains(ids, string(rule.ID)) {
			t.Errorf("%s (%s) is not in ids.txt; append it", rule.ID, rule.Slug)
		}
	}
}
