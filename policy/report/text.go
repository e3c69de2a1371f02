package report

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
)

// Text is the report for people in a terminal. Colour is used when asked for.
func (r Report) Text(color bool) string {
	var b strings.Builder
	title := visible(r.verdict.Title)
	if color {
		title = "\x1b[1m" + title + "\x1b[0m"
	}
	fmt.Fprintln(&b, title)
	for _, p := range r.assessment.Problems {
		fmt.Fprintf(&b, "\ncould not judge: %s %s\n  %s\n", place(p.Source), visible(p.Message), visible(p.Remedy))
	}
	for _, f := range policy.Blocking(r.assessment) {
		fmt.Fprintf(&b, "\n%s %s\n  %s\n  %s\n", place(f.Source), f.Rule, visible(f.Message), visible(f.Remediation))
	}
	for _, c := range r.assessment.Changes {
		fmt.Fprintf(&b, "\n%s %s %s\n", c.Action, visible(objectName(c.Object)), place(c.Source))
	}
	return b.String()
}
