package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render/git"
)

// goldenCase is what people who read a real manifest say of it.
type goldenCase struct {
	ID       string          `json:"id"`
	Path     string          `json:"path"`
	Expected []goldenFinding `json:"expected"`
	Clean    []string        `json:"clean"` // rules that must be silent
}

type goldenFinding struct {
	Rule, Kind, Name, Path string
	State                  string // whether the field is absent or present
}

// TestGolden judges real manifests and compares with what people found, for
// the rules that there are: COUNTERSIGN_GOLDEN names the file of cases, whose
// paths are relative to the folder above COUNTERSIGN_CORPUS.
func TestGolden(t *testing.T) {
	file := os.Getenv("COUNTERSIGN_GOLDEN")
	if file == "" {
		t.Skip("COUNTERSIGN_GOLDEN names no file of cases")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []goldenCase `json:"cases"`
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	folder, err := git.Folder(filepath.Dir(filepath.Clean(corpus(t))), git.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	l := newLibrary(t)
	expected, clean, unknown := 0, 0, map[string]bool{}
	for _, c := range golden.Cases {
		t.Run(c.ID, func(t *testing.T) {
			a, err := l.assessor.Audit(t.Context(), policy.Revision{Rev: c.Path}, folder, nil, c.Path)
			if err != nil || len(a.Problems) > 0 {
				t.Fatalf("%s: %v %+v", c.Path, err, a.Problems)
			}
			for _, want := range c.Expected {
				if _, known := l.assessor.Rules.Rule(engine.RuleID(want.Rule)); !known {
					unknown[want.Rule] = true
					continue
				}
				expected++
				if !slices.ContainsFunc(a.Findings, want.is) {
					t.Errorf("%s: not found: %+v", c.Path, want)
				}
			}
			for _, f := range a.Findings {
				if slices.Contains(c.Clean, string(f.Rule)) {
					t.Errorf("%s: %s should be silent, says of %s %q at %s: %s", c.Path, f.Rule, f.Object.Kind, f.Object.Name, f.Path,
						f.Message)
				}
			}
			for _, rule := range c.Clean {
				if _, known := l.assessor.Rules.Rule(engine.RuleID(rule)); known {
					clean++
				}
			}
			if t.Failed() {
				for _, f := range a.Findings {
					t.Logf("%s %s %q at %s (%s, %s): %s", f.Rule, f.Object.Kind, f.Object.Name, f.Path, f.Field, f.Confidence, f.Message)
				}
			}
		})
	}
	t.Logf("%d findings expected, %d rules silent; not built in yet: %s", expected, clean, strings.Join(sortedNames(unknown), " "))
}

func (want goldenFinding) is(f policy.Finding) bool {
	return string(f.Rule) == want.Rule && f.Object.Kind == want.Kind && f.Object.Name == want.Name && f.Path == want.Path &&
		f.Field == want.State
}

func sortedNames(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
