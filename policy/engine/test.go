package engine

import (
	"bytes"
	"cmp"
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
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/countersign-dev/countersign/rego"
)

// What a rule must keep to.
const (
	maxRuleLines   = 120
	maxLineLength  = 120
	wantedCoverage = 95 // percent of the rule's lines, by its own tests
)

// Examples turns a rule's example files into inputs. file is the example's
// path, for errors; content is YAML, one or more documents.
type Examples interface {
	// Objects returns the objects of a file.
	Objects(ctx context.Context, file string, content []byte) ([]Object, error)
	// Changes compares two sides; a missing side is nil.
	Changes(ctx context.Context, base, head []byte) ([]Change, error)
	// Fleet returns the fleet that a file describes.
	Fleet(ctx context.Context, file string, content []byte) (Fleet, error)
}

// TestReport is how a folder of rules fared.
type TestReport struct {
	Rules []RuleTest // sorted by slug
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

// Test checks the rules in a folder: all of them, a section's or one rule's.
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
	for _, slug := range slugs {
		trial := &trial{root: os.DirFS(root), slug: slug, examples: examples, result: RuleTest{Slug: slug}}
		trial.run(ctx)
		report.Rules = append(report.Rules, trial.result)
	}
	return report, nil
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

// trial is the test of one rule.
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
	t.result.ID = engine.rules[0].ID
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

// runTests runs rule_test.rego and measures what it covers. The error is a load error.
func (t *trial) runTests(ctx context.Context) error {
	parts, err := parse(t.files)
	if err != nil {
		return err
	}
	name, testName := path.Join(t.slug, "rule.rego"), path.Join(t.slug, "rule_test.rego")
	test, err := parseFile(t.root, testName)
	if err != nil {
		return err
	}
	if want := parts.modules[name].Package.Path.String() + "_test"; test.module.Package.Path.String() != want {
		t.fail(testName, test.module.Package.Location.Row, "package must be %s", strings.TrimPrefix(want, "data."))
	}
	parts.modules[testName] = test.module
	results, coverage, err := runTester(ctx, parts)
	if err != nil {
		return err
	}
	for _, result := range results {
		t.result.Tests++
		switch {
		case result.Error != nil:
			t.fail(testName, result.Location.Row, "%s: %v", result.Name, result.Error)
		case result.Fail:
			t.fail(testName, result.Location.Row, "%s failed%s", result.Name, printed(result.Output))
		case result.Skip:
			t.fail(testName, result.Location.Row, "%s is skipped", result.Name)
		}
	}
	if t.result.Tests == 0 {
		t.fail(testName, 0, "no tests")
	}
	file := coverage.Files[name]
	if file == nil {
		t.fail(name, 0, "no line is covered by its tests")
		return nil
	}
	if t.result.Coverage = file.Coverage; file.Coverage < wantedCoverage {
		line := 0
		if len(file.NotCovered) > 0 {
			line = file.NotCovered[0].Start.Row
		}
		t.fail(name, line, "tests cover %.1f %%, want %d %%; not covered: %s",
			file.Coverage, wantedCoverage, rows(file.NotCovered))
	}
	return nil
}

func runTester(ctx context.Context, parts *parts) ([]*tester.Result, cover.Report, error) {
	caps, err := capabilities("internal.test_case")
	if err != nil {
		return nil, cover.Report{}, err
	}
	coverage := cover.New()
	runner := tester.NewRunner().SetCompiler(parts.compiler(caps).WithEnablePrintStatements(true)).
		SetModules(parts.modules).SetDefaultRegoVersion(ast.RegoV1).CapturePrintOutput(true).
		RaiseBuiltinErrors(true).SetCoverageQueryTracer(coverage).SetParallel(1)
	channel, err := runner.RunTests(ctx, nil)
	if err != nil {
		return nil, cover.Report{}, err
	}
	var results []*tester.Result
	for result := range channel {
		results = append(results, result)
	}
	slices.SortFunc(results, func(a, b *tester.Result) int {
		return cmp.Or(a.Location.Row-b.Location.Row, strings.Compare(a.Name, b.Name))
	})
	return results, coverage.Report(parts.modules), ctx.Err()
}

func printed(output []byte) string {
	if len(output) == 0 {
		return ""
	}
	return "; it printed: " + strings.TrimSpace(string(output))
}

func rows(ranges []cover.Range) string {
	var texts []string
	for _, r := range ranges {
		if r.Start.Row == r.End.Row {
			texts = append(texts, fmt.Sprint(r.Start.Row))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", r.Start.Row, r.End.Row))
		}
	}
	return strings.Join(texts, ", ")
}

// soloFS shows one rule with library and schemas: the folder's own, else the
// built-in ones.
type soloFS struct {
	root fs.FS
	slug string
}

// Open opens what belongs to the rule.
func (s soloFS) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, s.slug+"/") || name == s.slug {
		return s.root.Open(name)
	}
	first, _, _ := strings.Cut(name, "/")
	if first != "lib" && first != "schemas" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if _, err := fs.Stat(s.root, first); err != nil {
		return rego.FS.Open(name)
	}
	return s.root.Open(name)
}

// Glob finds the library's files or the one rule; the patterns are our own.
func (s soloFS) Glob(pattern string) ([]string, error) {
	switch {
	case pattern == "*/*/rule.rego":
		return []string{path.Join(s.slug, "rule.rego")}, nil
	case strings.HasPrefix(pattern, "lib/"):
		if _, err := fs.Stat(s.root, "lib"); err != nil {
			return fs.Glob(rego.FS, pattern)
		}
		return fs.Glob(s.root, pattern)
	}
	return nil, nil
}
