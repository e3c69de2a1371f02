package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/rego"
)

func loadRules() (*engine.Engine, error) {
	rules, err := engine.New(rego.FS)
	if err != nil {
		return nil, fmt.Errorf("load the rules: %w", err)
	}
	return rules, nil
}

func (p *program) rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Show, test and start rules",
		Example: `  countersign rules list
  countersign rules show CS-SSH-001
  countersign rules test rego
  countersign rules new ssh host_keys`,
		RunE: onlyHelp, Args: cobra.ArbitraryArgs,
	}
	c.AddCommand(
		&cobra.Command{Use: "list", Short: "List every rule", Args: exactly(0, "no arguments"),
			RunE: func(*cobra.Command, []string) error { return p.listRules() }},
		&cobra.Command{Use: "show ID", Short: "Print what a rule asks for, why, and how to fix it",
			Example: "  countersign rules show CS-SSH-001", Args: exactly(1, "one rule id"),
			RunE: func(_ *cobra.Command, args []string) error { return p.showRule(args[0]) }},
		&cobra.Command{Use: "test DIR", Short: "Run the tests and examples of a folder of rules",
			Example: "  countersign rules test rego/ssh", Args: exactly(1, "one folder"),
			RunE: func(c *cobra.Command, args []string) error { return p.testRules(c.Context(), args[0]) }},
		&cobra.Command{Use: "new SECTION NAME", Short: "Write the files of a new rule into this folder",
			Long: `New writes rule, test and examples under SECTION/NAME in the current folder. The rule
passes its tests as it is; change both.`,
			Example: "  cd rego && countersign rules new ssh host_keys", Args: exactly(2, "a section and a name"),
			RunE: func(_ *cobra.Command, args []string) error { return p.newRule(args[0], args[1]) }},
	)
	return c
}

func (p *program) listRules() error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, rule := range rules.Rules() {
		effect := string(rule.Effect)
		if rule.Kind != engine.KindFinding {
			effect = string(rule.Kind)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", rule.ID, rule.Severity, effect, rule.Title)
	}
	return w.Flush()
}

func (p *program) showRule(id string) error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	rule, ok := rules.Rule(engine.RuleID(strings.ToUpper(id)))
	if !ok {
		return usagef("there is no rule %q; countersign rules list shows every rule", id)
	}
	_, err = fmt.Fprint(p.stdout, describe(rule))
	return err
}

// describe is a rule in full, for a terminal.
func describe(rule engine.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n%s\n\n", rule.ID, rule.Title, strings.TrimSpace(rule.Description))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	line("severity", string(rule.Severity))
	if rule.Kind == engine.KindFinding {
		line("effect", string(rule.Effect))
	} else {
		line("kind", string(rule.Kind))
	}
	line("guideline", rule.Guideline)
	line("judges", cmp.Or(strings.Join(rule.Kinds, ", "), "every kind"))
	line("providers", strings.Join(rule.Providers, ", "))
	for _, name := range slices.Sorted(maps.Keys(rule.Params)) {
		line("parameter", fmt.Sprintf("%s (default %v)", name, rule.Params[name]))
	}
	line("since", rule.Since)
	if rule.Kind == engine.KindFinding {
		line("waivable", map[bool]string{true: "yes", false: "no"}[rule.Waivable])
	}
	if rule.Remediation != "" {
		fmt.Fprintf(&b, "\nTo fix it: %s\n", strings.TrimSpace(rule.Remediation))
	}
	return b.String()
}

func (p *program) testRules(ctx context.Context, dir string) error {
	if at, err := os.Stat(dir); err != nil || !at.IsDir() {
		return usagef("%s is no folder; name one of rules, such as rego/ssh", dir)
	}
	result, err := engine.Test(ctx, dir, enginetest.Plain{})
	if err != nil {
		return usageError{err} // the folder holds no rules
	}
	failed := 0
	for _, rule := range result.Rules {
		word := "ok  "
		if len(rule.Problems) > 0 {
			word, failed = "FAIL", failed+1
		}
		fmt.Fprintf(
			p.stdout,
			"%s  %s  %s  %d tests, %d examples, %.0f %% covered\n",
			word,
			cmp.Or(string(rule.ID), "-"),
			rule.Slug,
			rule.Tests,
			rule.Examples,
			rule.Coverage,
		)
		for _, problem := range rule.Problems {
			fmt.Fprintf(p.stdout, "      %s\n", problem)
		}
	}
	if failed > 0 {
		p.exit = exitBlocked
	}
	return nil
}

func (p *program) newRule(section, name string) error {
	rules, err := loadRules()
	if err != nil {
		return err
	}
	var taken []engine.RuleID
	for _, rule := range rules.Rules() {
		taken = append(taken, rule.ID)
	}
	files, err := engine.Scaffold(section, name, taken)
	if err != nil {
		return usageError{err}
	}
	dir := filepath.Join(section, name)
	if _, err := os.Lstat(dir); err == nil {
		return usagef("%s is there already", dir)
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write the rule: %w", err)
		}
		if err := os.WriteFile(file, files[file], 0o644); err != nil {
			return fmt.Errorf("write the rule: %w", err)
		}
		fmt.Fprintln(p.stdout, file)
	}
	return nil
}
