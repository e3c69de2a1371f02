package engine

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/countersign-dev/countersign/policy/engine/ruleset"
)

// runTests runs rule_test.rego and measures what it covers. The error is a load error.
func (t *trial) runTests(ctx context.Context) error {
	set, err := ruleset.Parse(t.files)
	if err != nil {
		return err
	}
	name, testName := path.Join(t.slug, "rule.rego"), path.Join(t.slug, "rule_test.rego")
	if err := t.addTests(set, name, testName); err != nil {
		return err
	}
	coverage, err := t.runTester(ctx, set)
	if err != nil {
		return err
	}
	if t.result.Tests == 0 {
		t.fail(testName, 0, "no tests")
	}
	t.result.Coverage = t.checkCoverage(coverage, name)
	return nil
}

// runLibrary tests the library's files by their own NAME_test.rego and by the
// tests of all rules, which together must reach its lines.
func (t *trial) runLibrary(ctx context.Context) {
	t.files = soloFS{t.root, ""}
	set, err := ruleset.Parse(t.files)
	if err != nil {
		t.failAll(err)
		return
	}
	names, err := ruleset.Files(t.files)
	if err != nil {
		t.failAll(err)
		return
	}
	for _, name := range names {
		testName := strings.TrimSuffix(name, ".rego") + "_test.rego"
		_, err := fs.Stat(t.root, testName)
		tested := err == nil
		if path.Dir(name) == "lib" {
			t.checkText(name)
		}
		if path.Dir(name) == "lib" && tested {
			t.checkText(testName)
		}
		if !tested {
			continue
		}
		if err := t.addTests(set, name, testName); err != nil {
			t.failAll(err)
		}
	}
	coverage, err := t.runTester(ctx, set)
	if err != nil {
		t.failAll(err)
		return
	}
	t.result.Coverage = 100
	for _, name := range names {
		if path.Dir(name) == "lib" {
			t.result.Coverage = min(t.result.Coverage, t.checkCoverage(coverage, name))
		}
	}
}

// addTests adds the tests of one file to the modules.
func (t *trial) addTests(set *ruleset.Set, name, testName string) error {
	test, err := ruleset.ParseFile(t.root, testName)
	if err != nil {
		return err
	}
	if want := set.Modules[name].Package.Path.String() + "_test"; test.Package.Path.String() != want {
		t.fail(testName, test.Package.Location.Row, "package must be %s", strings.TrimPrefix(want, "data."))
	}
	set.Modules[testName] = test
	return nil
}

// runTester runs all tests in the modules and tells what failed.
func (t *trial) runTester(ctx context.Context, set *ruleset.Set) (cover.Report, error) {
	compiler, err := set.Compiler("internal.test_case")
	if err != nil {
		return cover.Report{}, err
	}
	coverage := cover.New()
	channel, err := tester.NewRunner().SetCompiler(compiler.WithEnablePrintStatements(true)).
		SetModules(set.Modules).SetDefaultRegoVersion(ast.RegoV1).CapturePrintOutput(true).
		RaiseBuiltinErrors(true).SetCoverageQueryTracer(coverage).SetParallel(1).RunTests(ctx, nil)
	if err != nil {
		return cover.Report{}, err
	}
	var results []*tester.Result
	for result := range channel {
		results = append(results, result)
	}
	slices.SortFunc(results, func(a, b *tester.Result) int {
		return cmp.Or(strings.Compare(a.Location.File, b.Location.File), a.Location.Row-b.Location.Row,
			strings.Compare(a.Name, b.Name))
	})
	for _, result := range results {
		t.result.Tests++
		switch at := result.Location; {
		case result.Error != nil:
			t.fail(at.File, at.Row, "%s: %v", result.Name, result.Error)
		case result.Fail:
			t.fail(at.File, at.Row, "%s failed%s", result.Name, printed(result.Output))
		case result.Skip:
			t.fail(at.File, at.Row, "%s is skipped", result.Name)
		}
	}
	return coverage.Report(set.Modules), ctx.Err()
}

// checkCoverage returns the percentage of a file's lines that were reached.
func (t *trial) checkCoverage(coverage cover.Report, name string) float64 {
	file := coverage.Files[name]
	if file == nil {
		t.fail(name, 0, "its tests reach no line")
		return 0
	}
	if file.Coverage < wantedCoverage {
		line := 0
		if len(file.NotCovered) > 0 {
			line = file.NotCovered[0].Start.Row
		}
		t.fail(name, line, "tests reach %.1f %% of the lines, want %d %%; not reached: %s",
			file.Coverage, wantedCoverage, rows(file.NotCovered))
	}
	return file.Coverage
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
	return strings.Join(slices.Compact(texts), ", ")
}
