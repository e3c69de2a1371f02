package report

import (
	"fmt"

	"github.com/countersign-dev/countersign/policy"
)

// approvalLines say who counted, who did not and why, and what else is known
// of the approvals. What stands in the way is said by [Report.next].
func (r Report) approvalLines() []string {
	a := r.verdict.Approvals
	lines := []string{r.statusLine()}
	for _, c := range a.Counted[:min(len(a.Counted), maxPeople)] {
		lines = append(lines, "Counts: "+clip(c.Login, 60))
	}
	lines = more(lines, len(a.Counted))
	for _, i := range a.Ignored[:min(len(a.Ignored), maxPeople)] {
		lines = append(lines, "Does not count: "+ignored(i))
	}
	lines = more(lines, len(a.Ignored))
	if a.Override != nil {
		lines = append(lines, overrideLine(r.verdict))
	}
	for _, note := range a.Audit[:min(len(a.Audit), maxPeople)] {
		lines = append(lines, "To note: "+audited(note))
	}
	return more(lines, len(a.Audit))
}

func more(lines []string, n int) []string {
	if n > maxPeople {
		lines = append(lines, "and "+thousands(n-maxPeople)+" more")
	}
	return lines
}

func (r Report) statusLine() string {
	a := r.verdict.Approvals
	needed, counted := people(a.Required), thousands(len(a.Counted))
	switch a.Status {
	case policy.StatusNotRequired:
		if len(r.assessment.Problems) > 0 {
			return "None needed by what could be judged; the rest is not known."
		}
		return "None needed: nothing here is privileged."
	case policy.StatusError:
		return fmt.Sprintf("Cannot be decided; %s needed, %s counted so far.", needed, counted)
	case policy.StatusBlocked:
		return fmt.Sprintf("Blocked; %s needed, %s counted.", needed, counted)
	}
	if a.Override != nil && len(a.Override.By) > 0 {
		return fmt.Sprintf("%s needed, %s counted; an emergency override stands for the rest.", needed, counted)
	}
	return fmt.Sprintf("%s needed, %s counted, %s missing.", needed, counted, thousands(a.Missing))
}

func overrideLine(v policy.Verdict) string {
	over := v.Approvals.Override
	if len(over.By) > 0 {
		line := "EMERGENCY OVERRIDE by " + enumerate(clipped(over.By))
		line += ": " + clip(over.Reason, 300)
		if !v.Changes.IsZero() {
			line += "; it lapses at " + v.Changes.UTC().Format("2006-01-02 15:04 MST")
		}
		return line
	}
	return fmt.Sprintf("An emergency override was asked for by %s; it takes %s.",
		enumerate(clipped(over.RequestedBy)), people(over.Required))
}

func clipped(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, clip(name, 60))
	}
	return list
}
