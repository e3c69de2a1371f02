package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/countersign-dev/countersign/policy/engine/ruleset"
	"github.com/countersign-dev/countersign/rego"
)

// What a rule must keep to.
const (
	maxRuleLines   = 120
	maxLineLength  = 120
	wantedCoverage = 95 // percent of the rule's lines, by its own tests
)

// Examples turns a rule's example files into inputs. Contents are YAML, one or
// more documents; an error says what is wrong with them.
type Examples interface {
	// Objects returns the objects of a file.
	Objects(ctx context.Context, content []byte) ([]Object, error)
	// Changes compares two sides; a missing side is nil.
	Changes(ctx context.Context, base, head []byte) ([]Change, error)
	// Fleet compares two sides of a fleet; a missing side is nil.
	Fleet(ctx context.Context, base, head []byte) (Fleet, error)
}

// TestReport is how a folder of rules fared.
type TestReport struct {
	// Rules are sorted by slug; the library, where it was tested, is the first
	// one and has the slug "lib" and no id.
	Rules []RuleTest
}

// OK reports whether every rule is without problems. No rule is not OK.
func (r TestReport) OK() bool {
	return len(r.Rules) > 0 && !slices.ContainsFunc(r.Rules, func(t RuleTest) bool { return len(t.Problems) > 0 })
}

// RuleTest is how one rule fared.
type RuleTest struct {
	Slug     string // section/name
	ID       RuleID // "" when its metadata could not be read
	Tests    int    // tests that ran
	Examples int    // example files or folders that were judged
	// Coverage is the percentage of the rule's lines that its tests reach.
	Coverage float64
	Problems []TestProblem // in the order of the checks; empty means that it passed
}

// TestProblem is one thing that is wrong with a rule.
type TestProblem struct {
	File    string // relative to the folder of all rules
	Line    int    // 0 when the whole file is meant
	Message string
}

// String is the problem as FILE:LINE: MESSAGE.
func (p TestProblem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Test checks the rules in a folder: all of them and their library, a
// section's or one rule's.
// Each is loaded alone with the library and the schemas of the folder above
// its section, or the built-in ones where that has none, so that a broken
// rule breaks no other. Metadata, format, length, tests, coverage and examples
// are checked. The error says that the folder cannot be read; what is wrong
// with rules is in the report.
func Test(ctx context.Context, dir string, examples Examples) (TestReport, error) {
	root, slugs, err := findRules(dir)
	if err != nil {
		return TestReport{}, err
	}
	var report TestReport
	if library := filepath.Join(root, "lib"); sameDir(root, dir) && isDir(library) {
		report.Rules = append(report.Rules, TestLibrary(ctx, root))
	}
	for _, slug := range slugs {
		trial := &trial{root: os.DirFS(root), slug: slug, examples: examples, result: RuleTest{Slug: slug}}
		trial.run(ctx)
		report.Rules = append(report.Rules, trial.result)
	}
	return report, nil
}

// TestLibrary checks the library of the folder of all rules: its format, its
// own tests, and that they and the rules' tests together reach each file's lines.
func TestLibrary(ctx context.Context, root string) RuleTest {
	trial := &trial{root: os.DirFS(root), result: RuleTest{Slug: "lib"}}
	trial.runLibrary(ctx)
	return trial.result
}

// findRules returns the folder of all rules and the rules in dir as slugs.
func findRules(dir string) (root string, slugs []string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	for _, up := range []string{".", "..", "../.."} {
		pattern := map[string]string{".": "*/*/rule.rego", "..": "*/rule.rego", "../..": "rule.rego"}[up]
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", nil, err
		}
		root = filepath.Join(dir, up)
		for _, file := range files {
			slug, err := filepath.Rel(root, filepath.Dir(file))
			if err != nil {
				return "", nil, err
			}
			slugs = append(slugs, filepath.ToSlash(slug))
		}
		if len(slugs) > 0 {
			return root, slugs, nil
		}
	}
	return "", nil, fmt.Errorf("%s: no rules; want rule.rego, NAME/rule.rego or SECTION/NAME/rule.rego in it", dir)
}

func sameDir(a, b string) bool {
	absolute, err := filepath.Abs(b)
	return err == nil && filepath.Clean(a) == absolute
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// trial is the test of one rule, or of the library.
type trial struct {
	root     fs.FS
	slug     string
	examples Examples
	files    fs.FS // the rule alone, with library and schemas
	result   RuleTest
}

func (t *trial) fail(file string, line int, text string, args ...any) {
	t.result.Problems = append(t.result.Problems, TestProblem{file, line, fmt.Sprintf(text, args...)})
}

func (t *trial) run(ctx context.Context) {
	t.files = soloFS{t.root, t.slug}
	engine, err := New(t.files)
	if err != nil {
		t.failAll(err)
		return
	}
	t.result.ID = engine.set.Rules[0].ID
	for _, name := range []string{"rule.rego", "rule_test.rego"} {
		t.checkText(path.Join(t.slug, name))
	}
	if err := t.runTests(ctx); err != nil {
		t.failAll(err)
	}
	t.runExamples(ctx, engine)
}

// failAll adds every error of a load.
func (t *trial) failAll(err error) {
	var syntax ast.Errors
	if errors.As(err, &syntax) {
		for _, e := range syntax {
			if e.Location == nil {
				t.fail(path.Join(t.slug, "rule.rego"), 0, "%s", e.Message)
				continue
			}
			t.fail(e.Location.File, e.Location.Row, "%s", e.Message)
		}
		return
	}
	for line := range strings.Lines(err.Error()) {
		t.fail(path.Join(t.slug, "rule.rego"), 0, "%s", strings.TrimSpace(line))
	}
}

// checkText checks a file's format and size.
func (t *trial) checkText(name string) {
	text, err := fs.ReadFile(t.root, name)
	if err != nil {
		t.fail(name, 0, "%v", err)
		return
	}
	formatted, err := format.SourceWithOpts(name, text, format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		t.fail(name, 0, "%v", err)
	} else if !bytes.Equal(formatted, text) {
		t.fail(name, firstDifference(text, formatted), "not formatted as opa fmt does")
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if path.Base(name) == "rule.rego" && len(lines) > maxRuleLines {
		t.fail(name, maxRuleLines+1, "%d lines; a rule has at most %d", len(lines), maxRuleLines)
	}
	for i, line := range lines {
		if len(line) > maxLineLength {
			t.fail(name, i+1, "%d bytes; a line has at most %d", len(line), maxLineLength)
		}
	}
}

func firstDifference(a, b []byte) int {
	left, right := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(left), len(right)) {
		if !bytes.Equal(left[i], right[i]) {
			return i + 1
		}
	}
	return min(len(left), len(right))
}

// soloFS shows one rule, all of them where slug is "", with library and
// schemas: the folder's own, else the built-in ones.
type soloFS struct {
	root fs.FS
	slug string
}

// Open opens what belongs to the rule.
func (s soloFS) Open(name string) (fs.File, error) {
	first, _, _ := strings.Cut(name, "/")
	if first == "lib" || first == "schemas" {
		return s.home(first).Open(name)
	}
	if s.slug == "" || strings.HasPrefix(name, s.slug+"/") {
		return s.root.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Glob finds the library's files or the rules; the patterns are our own.
func (s soloFS) Glob(pattern string) ([]string, error) {
	switch {
	case pattern == ruleset.LibraryGlob:
		return fs.Glob(s.home("lib"), pattern)
	case pattern == ruleset.RuleGlob && s.slug != "":
		return []string{path.Join(s.slug, "rule.rego")}, nil
	}
	return fs.Glob(s.root, pattern)
}

// home is where the library or the schemas are.
func (s soloFS) home(dir string) fs.FS {
	if _, err := fs.Stat(s.root, dir); err != nil {
		return rego.FS
	}
	return s.root
}
