package report

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
)

// Title is the one line that the merge box shows.
func (r Report) Title() string { return visible(r.verdict.Title) }

// Markdown is byte for byte what a check run shows: summary, a line feed, text.
func (r Report) Markdown() string { return r.Summary() + "\n" + r.Body() }

// Summary leads with the verdict.
func (r Report) Summary() string { return "**" + prose(r.verdict.Title) + "**\n" }

// Body holds what was found.
func (r Report) Body() string {
	var b strings.Builder
	for _, f := range policy.Blocking(r.assessment) {
		fmt.Fprintf(&b, "- %s %s %s\n", f.Rule, code(place(f.Source)), prose(f.Message))
	}
	return b.String()
}
