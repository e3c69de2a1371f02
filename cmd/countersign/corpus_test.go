package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// corpus names the folder of real repositories; without one the test is skipped.
func corpus(t *testing.T) string {
	t.Helper()
	top := os.Getenv("COUNTERSIGN_CORPUS")
	if top == "" {
		t.Skip("COUNTERSIGN_CORPUS names no folder of repositories with real manifests")
	}
	return top
}

// tally is how judging many inputs went.
type tally struct {
	judged, findings int
	causes, rules    map[string]int
	slowest          time.Duration
	slow             string
}

// TestCorpus judges every root and every YAML file of real repositories, each
// alone, as "countersign audit PATH" does: nothing may crash, take long, come
// to an error of ours or of a rule, or be reported without words.
func TestCorpus(t *testing.T) {
	top := corpus(t)
	repositories, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	l := newLibrary(t)
	all := tally{causes: map[string]int{}, rules: map[string]int{}}
	for _, repository := range repositories {
		if !repository.IsDir() {
			continue
		}
		t.Run(repository.Name(), func(t *testing.T) {
			dir := filepath.Join(top, repository.Name())
			folder, err := git.Folder(dir, git.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			for _, name := range inputs(t, dir) {
				all.audit(t, l, folder, name)
			}
		})
	}
	failed := 0
	for _, cause := range slices.Sorted(maps.Keys(all.causes)) {
		failed += all.causes[cause]
		t.Logf("%5d not judged: %s", all.causes[cause], cause)
	}
	for _, rule := range slices.Sorted(maps.Keys(all.rules)) {
		t.Logf("%5d findings: %s", all.rules[rule], rule)
	}
	t.Logf("%d judged, %d not, %d findings; the slowest took %v: %s", all.judged, failed, all.findings,
		all.slowest.Round(time.Millisecond), all.slow)
	if all.judged < 100 {
		t.Errorf("only %d were judged: the test looks in the wrong place", all.judged)
	}
}

// inputs lists the folders with a kustomization and the YAML files below dir.
func inputs(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch base := entry.Name(); {
		case slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, base):
			names = append(names, strings.TrimPrefix(path.Dir(name), "."))
		case strings.HasSuffix(base, ".yaml"), strings.HasSuffix(base, ".yml"):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// audit judges one input and looks for what may never be.
func (c *tally) audit(t *testing.T, l *library, tree render.Tree, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	a, err := l.assessor.Audit(ctx, policy.Revision{Rev: name}, tree, nil, name)
	took := time.Since(start)
	if err != nil {
		t.Errorf("%s: after %v: %v", name, took, err)
		return
	}
	if took > c.slowest {
		c.slowest, c.slow = took, name
	}
	for _, wrong := range suspicious(a) {
		t.Errorf("%s: %s", name, wrong)
	}
	for _, problem := range a.Problems {
		c.causes[problem.Code+" "+string(problem.Cause)]++
		t.Logf("%s:%d: %s", problem.Source.File, problem.Source.Line, problem.Message)
	}
	if len(a.Problems) == 0 {
		c.judged++
	}
	c.findings += len(a.Findings)
	for _, f := range a.Findings {
		c.rules[string(f.Rule)]++
	}
	r := report.New(a, policy.Decide(a, policy.PullRequest{}), true)
	for format, text := range map[string]string{"markdown": r.Markdown(), "text": r.Text(false)} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) || len(text) == 0 {
			t.Errorf("%s: the %s is not fit to be shown", name, format)
		}
	}
	if _, err := r.JSON(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if _, err := r.SARIF(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// suspicious says what in an assessment can only be a mistake of ours.
func suspicious(a policy.Assessment) []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	ours := []render.Cause{render.CauseCrash, render.CauseMemory, render.CauseDeadline}
	for _, p := range a.Problems {
		if p.Code == "rule" || slices.Contains(ours, p.Cause) || p.Message == "" || p.Source.File == "" {
			say("problem %s %s at %q: %q", p.Code, p.Cause, p.Source.File, p.Message)
		}
	}
	for _, n := range a.Notices {
		if n.Message == "" {
			say("a notice without words at %s:%d", n.Source.File, n.Source.Line)
		}
	}
	for _, f := range a.Findings {
		if f.Message == "" || f.Title == "" || f.Remediation == "" || f.Fingerprint == "" || f.Object.Kind == "" || f.Source.File == "" {
			say("finding %s of %s %q at %s:%d says %q", f.Rule, f.Object.Kind, f.Object.Name, f.Source.File, f.Source.Line, f.Message)
		}
	}
	for _, r := range a.Rules {
		if r.Outcome == "error" {
			say("%s could not be evaluated", r.ID)
		}
	}
	return wrong
}
