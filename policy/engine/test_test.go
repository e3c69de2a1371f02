package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
)

// scaffold writes a new rule into a folder and returns its folder.
func scaffold(t *testing.T, root string) string {
	t.Helper()
	files, err := engine.Scaffold("tag", "owner_missing", []engine.RuleID{"CS-TAG-001", "CS-TAG-007", "CS-TAGS-009"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(root, name), string(text))
	}
	return filepath.Join(root, "tag", "owner_missing")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func test(t *testing.T, dir string) engine.TestReport {
	t.Helper()
	report, err := engine.Test(t.Context(), dir, enginetest.Plain{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestScaffoldPasses: a new rule is a working rule, found from any folder.
func TestScaffoldPasses(t *testing.T) {
	root := t.TempDir()
	dir := scaffold(t, root)
	for _, dir := range []string{root, filepath.Dir(dir), dir} {
		report := test(t, dir)
		if !report.OK() || len(report.Rules) != 1 {
			t.Fatalf("%s: %+v", dir, report)
		}
		rule := report.Rules[0]
		if rule.Slug != "tag/owner_missing" || rule.ID != "CS-TAG-008" || rule.Tests != 2 || rule.Examples != 2 ||
			rule.Coverage != 100 {
			t.Errorf("%s: %+v", dir, rule)
		}
	}
}

func TestScaffoldRefuses(t *testing.T) {
	for _, name := range [][2]string{{"Tag", "x"}, {"tag", "../x"}, {"tag", ""},
		{"t", "x"}, {"toolong", "x"}, {"a/b", "c"},
		{"tag", "x_test"}} {
		if files, err := engine.Scaffold(name[0], name[1], nil); err == nil {
			t.Errorf("%v: %v", name, slices.Sorted(maps.Keys(files)))
		}
	}
	if _, err := engine.Scaffold("tag", "x", []engine.RuleID{"CS-TAG-999"}); err == nil {
		t.Error("a thousandth id")
	}
	files, err := engine.Scaffold("ssh", "x", nil)
	if err != nil || strings.Contains(string(files["ssh/x/rule.rego"]), "CS-SSH-001") {
		t.Errorf("the id of another rule: %v\n%s", err, files["ssh/x/rule.rego"])
	}
}

// TestHarnessSees breaks the scaffold in one place each; the harness says where.
func TestHarnessSees(t *testing.T) {
	for name, b := range map[string]struct {
		file     string
		old, new string // old "" appends; new "-" removes the file
		want     string
	}{
		"a failing test":    {"rule_test.rego", "== 1 with", "== 2 with", "rule_test.rego:7: test_empty failed"},
		"a failing builtin": {"rule_test.rego", "", "\ntest_error if to_number(\"x\") == 1\n", "test_error"},
		"a skipped test":    {"rule_test.rego", "", "\ntodo_test_more if true\n", "is skipped"},
		"no tests":          {"rule_test.rego", "test_", "tost_", "no tests"},
		"no test file":      {"rule_test.rego", "", "-", "rule_test.rego: "},
		"a test elsewhere": {
			"rule_test.rego", "owner_missing_test", "other_test",
			"package must be countersign.rules.tag.owner_missing_test",
		},
		"uncovered lines": {
			"rule.rego", "",
			"\nfindings contains {\"path\": [], \"message\": \"m\"} if {\n" +
				"\tinput.resource.name == \"x\"\n\tinput.resource.kind == \"y\"\n}\n",
			"tests reach",
		},
		"format": {
			"rule.rego", "\"absent\": owner == null", "\"absent\":  owner == null",
			"rule.rego:27: not formatted",
		},
		"length":          {"rule.rego", "", strings.Repeat("\n# more", 100) + "\n", "a rule has at most 120"},
		"a long line":     {"rule.rego", "", "\n# " + strings.Repeat("x", 120) + "\n", "a line has at most 120"},
		"a typo":          {"rule.rego", "resource.name", "resource.nmae", "undefined ref: input.resource.nmae"},
		"metadata":        {"rule.rego", "# title: One line that says what must be\n", "", "title is missing"},
		"no good example": {"good/set.yaml", "", "-", "tag/owner_missing/good: no examples"},
		"no bad example":  {"bad/absent.yaml", "", "-", "tag/owner_missing/bad: no examples"},
		"a silent example": {
			"bad/absent.yaml", "data: {}", "data: {owner: bob}",
			"missing: # want: ConfigMap/orphan data.owner",
		},
		"a wrong path": {
			"bad/absent.yaml", "data.owner", "data.ower", "unexpected: # want: ConfigMap/orphan data.owner",
		},
		"wants nothing": {"bad/absent.yaml", "# want:", "# hopes:", "a bad example begins with"},
		"a good one wants": {
			"good/set.yaml", "apiVersion", "# want: ConfigMap/owned x\napiVersion",
			"a good example wants nothing",
		},
		"a good one speaks": {
			"good/set.yaml", "owner: alice", "owner: \"\"", "unexpected: # want: ConfigMap/owned data.owner",
		},
		"unreadable example": {"good/set.yaml", "data:", "data: [", "good/set.yaml: "},
		"a full stop":        {"rule.rego", "has no owner", "has no owner.", "without a full stop"},
		"a malformed hit":    {"rule.rego", "\"message\":", "\"massage\":", "unknown key \"massage\""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := scaffold(t, t.TempDir())
			file := filepath.Join(dir, b.file)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case b.new == "-":
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			case b.old == "":
				write(t, file, string(text)+b.new)
			default:
				if !strings.Contains(string(text), b.old) {
					t.Fatalf("%s has no %q", b.file, b.old)
				}
				write(t, file, strings.ReplaceAll(string(text), b.old, b.new))
			}
			report := test(t, dir)
			if report.OK() {
				t.Fatal("passes")
			}
			var problems []string
			for _, problem := range report.Rules[0].Problems {
				problems = append(problems, problem.String())
			}
			if all := strings.Join(problems, "\n"); !strings.Contains(all, b.want) {
				t.Errorf("got %s\nwant %s", all, b.want)
			}
		})
	}
}

func TestOtherScopesHaveExamples(t *testing.T) {
	root := t.TempDir()
	meta := func(scope, kind, id string) string {
		return "# METADATA\n# scope: package\n# title: t\n# description: d\n# schemas:\n#   - input: schema." + scope +
			"\n# custom:\n#   id: " + id + "\n#   kind: " + kind + "\n#   scope: " + scope +
			"\n#   severity: low\n#   guideline: a/b\n#   remediation: r\n#   since: 0.1.0\n"
	}
	write(t, filepath.Join(root, "tag/gone/rule.rego"), meta("change", "privilege", "CS-TAG-001")+
		"package countersign.rules.tag.gone\n\n"+
		"reasons contains {\"message\": \"is deleted\"} if input.change.action == \"delete\"\n")
	write(t, filepath.Join(root, "tag/gone/rule_test.rego"), "package countersign.rules.tag.gone_test\n\n"+
		"import data.countersign.rules.tag.gone\n\n"+
		"test_gone if count(gone.reasons) == 1 with input as {\"change\": {\"action\": \"delete\"}}\n")
	config := func(name, value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {a: " + value + "}\n"
	}
	write(t, filepath.Join(root, "tag/gone/bad/removed/base.yaml"), "# want: ConfigMap/x\n"+config("x", "1"))
	write(t, filepath.Join(root, "tag/gone/bad/renamed/base.yaml"), config("x", "1"))
	write(t, filepath.Join(root, "tag/gone/bad/renamed/head.yaml"), "# want: ConfigMap/x\n"+config("y", "1"))
	write(t, filepath.Join(root, "tag/gone/good/edited/base.yaml"), config("x", "1"))
	write(t, filepath.Join(root, "tag/gone/good/edited/head.yaml"), config("x", "2"))
	write(t, filepath.Join(root, "tag/many/rule.rego"), meta("fleet", "finding", "CS-TAG-002")+
		"package countersign.rules.tag.many\n\n"+
		"findings contains {\"path\": [], \"message\": \"is there\", \"object\": c.object} if {\n"+
		"\tsome c in input.clusters\n\tc.new\n}\n")
	write(t, filepath.Join(root, "tag/many/rule_test.rego"), "package countersign.rules.tag.many_test\n\n"+
		"import data.countersign.rules.tag.many\n\n"+
		"test_many if count(many.findings) == 1 with input as {\"clusters\": [{\"object\": {}, \"new\": true}]}\n")
	cluster := func(name string) string {
		return "---\napiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: " + name + "}\nspec: {}\n"
	}
	write(t, filepath.Join(root, "tag/many/good/same/base.yaml"), cluster("eu"))
	write(t, filepath.Join(root, "tag/many/good/same/head.yaml"), cluster("eu"))
	write(t, filepath.Join(root, "tag/many/bad/more/base.yaml"), cluster("eu"))
	write(t, filepath.Join(root, "tag/many/bad/more/head.yaml"), "# want: Cluster/us\n"+cluster("eu")+cluster("us"))
	write(t, filepath.Join(root, "tag/many/bad/new.yaml"),
		"# want: Cluster/eu\n# limits: {clusters: 3}\n"+cluster("eu"))
	report := test(t, root)
	if !report.OK() || len(report.Rules) != 2 || report.Rules[0].Examples != 3 {
		t.Errorf("%+v", report)
	}
}

func TestNoRulesIsAnError(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := engine.Test(t.Context(), dir, enginetest.Plain{}); err == nil {
			t.Errorf("%s: no error", dir)
		}
	}
}

// TestLibraryIsTested: by its own tests and by those of the rules.
func TestLibraryIsTested(t *testing.T) {
	root := t.TempDir()
	dir := scaffold(t, root)
	write(t, filepath.Join(root, "lib/value.rego"), "# METADATA\n# title: v\npackage countersign.lib.value\n\n"+
		"empty(x) if x == null\n\nempty(x) if x == \"\"\n")
	report := test(t, root)
	if !report.OK() || len(report.Rules) != 2 || report.Rules[0].Slug != "lib" || report.Rules[0].Coverage != 100 {
		t.Errorf("%+v", report)
	}
	for want, text := range map[string]string{
		"extra.rego:5: tests reach 0.0 %": "\nf(x) := x + 1\n",
		"extra.rego:5: not formatted":     "\nf(x) :=  x + 1\n",
		"undefined ref: input.resorce":    "\nf := input.resorce\n",
	} {
		write(t, filepath.Join(root, "lib/extra.rego"), "# METADATA\n# title: v\npackage countersign.lib.extra\n"+text)
		library := engine.TestLibrary(t.Context(), root)
		var problems []string
		for _, problem := range library.Problems {
			problems = append(problems, problem.String())
		}
		if all := strings.Join(problems, "\n"); !strings.Contains(all, want) {
			t.Errorf("got %s, want %s", all, want)
		}
	}
	if len(test(t, dir).Rules) != 1 {
		t.Error("a rule's folder has no library to test")
	}
}
