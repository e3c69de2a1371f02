package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

// Everything that decides is in the text of a terminal, with all or without.
func TestTextHoldsWhatDecides(t *testing.T) {
	for name, r := range fixtures() {
		text := r.Text(false)
		if first, _, _ := strings.Cut(text, "\n"); first != r.Title() {
			t.Errorf("%s: the first line is %q", name, first)
		}
		for _, f := range policy.Blocking(r.assessment) {
			if !strings.Contains(text, string(f.Rule)+"  "+place(f.Source)+"\n") {
				t.Errorf("%s: %s at %s is not there", name, f.Rule, place(f.Source))
			}
		}
		for _, c := range r.assessment.Changes {
			if !strings.Contains(text, c.Action+" "+label(c.Object)) {
				t.Errorf("%s: %s of %s is not there", name, c.Action, label(c.Object))
			}
		}
		for _, p := range r.assessment.Problems {
			if !strings.Contains(text, problemPlace(p)) {
				t.Errorf("%s: the problem at %s is not there", name, problemPlace(p))
			}
		}
		if plainly := strings.NewReplacer(red, "", yellow, "", green, "", bold, "", faint, "", plain, "").Replace(r.Text(true)); plainly != text {
			t.Errorf("%s: colour changes more than colour", name)
		}
	}
}

// Existing findings are counted; all of them are listed when asked for.
func TestAllListsExistingFindings(t *testing.T) {
	a := violation()
	v := policy.Decide(a, policy.PullRequest{})
	brief, full := New(a, v, false).Text(false), New(a, v, true).Text(false)
	existing := "clusters/eu-1/machines.yaml:99"
	if strings.Contains(brief, existing) || !strings.Contains(full, existing) {
		t.Error("all does not decide whether existing findings are listed")
	}
	for i := range 12 {
		a.Changes[0].Fields = append(a.Changes[0].Fields, policy.Field{Path: fmt.Sprintf("spec.field%02d", i), After: i})
	}
	brief, full = New(a, v, false).Text(false), New(a, v, true).Text(false)
	if !strings.Contains(brief, "and 7 more fields") || !strings.Contains(full, "spec.field11") {
		t.Error("fields are not cut and counted")
	}
}

// A value that is too long is shown where it differs; one that looks the same
// is said to differ.
func TestValuesShowTheirDifference(t *testing.T) {
	long := strings.Repeat("x", 500)
	for want, f := range map[string]policy.Field{
		"a: 1 → 2":         {Path: "a", Before: 1, After: 2},
		"a set to x":       {Path: "a", After: "x"},
		"a removed, was x": {Path: "a", Before: "x"},
		`a: "" → x`:        {Path: "a", Before: "", After: "x"},
		"a changed: (secret: token), another value than before":                    {Path: "a", Before: "(secret: token)", After: "(secret: token)"},
		"a: …" + strings.Repeat("x", 30) + "1 → …" + strings.Repeat("x", 30) + "2": {Path: "a", Before: long + "1", After: long + "2"},
	} {
		if got := fieldLine(f); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
