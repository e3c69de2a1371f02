package report

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
)

// Title is the one line that the merge box shows.
func (r Report) Title() string { return clip(r.verdict.Title, 240) }

// Markdown is byte for byte what a check run shows: summary, a line feed, text.
func (r Report) Markdown() string { return r.Summary() + "\n" + r.Body() }

// marks lead the verdict, so that its colour is seen before it is read.
var marks = map[string]string{
	policy.StateError: "⚠️", policy.StateBlocked: "⛔", policy.StateViolation: "❌",
	policy.StateNeedsApproval: "⏳", policy.StatePass: "✅",
}

// Summary leads with the verdict, what is to be done and by whom, and who
// counted. It has at most 65,535 bytes.
func (r Report) Summary() string { return layout(r.summary(), maxBytes) }

func (r Report) summary() []section {
	head := strings.TrimSpace(marks[r.verdict.State] + " " + prose(r.Title()))
	steps := []entry{}
	for _, step := range r.next() {
		steps = append(steps, entry{text: "- " + prose(step) + "\n", must: true, key: "steps"})
	}
	sections := []section{
		{open: "## " + head + "\n\n**What to do next**\n\n", forms: [][]entry{steps}, floor: 30000, rank: 0},
		r.mustFix(),
	}
	if !r.assessment.Audit {
		sections = append(sections, section{open: "\n**Approvals**\n\n", forms: [][]entry{r.approvals()},
			floor: 20000, rank: 1})
	}
	counts := "\n" + prose(sentence(r.counts())) + "\n"
	return append(sections, section{open: counts, forms: [][]entry{nil}, floor: 2000})
}

// mustFix counts what blocks, by rule, so that nothing of it can be missed.
func (r Report) mustFix() section {
	s := section{forms: [][]entry{nil}, floor: 8000, rank: 2}
	groups := byRule(policy.Blocking(r.assessment))
	if len(groups) == 0 {
		return s
	}
	var entries []entry
	for _, g := range groups {
		text := fmt.Sprintf("- %s %s: %s\n", code(clip(string(g.rule), 40)), prose(clip(g.title, 200)),
			plural(len(g.findings), string(g.severity)+" finding"))
		entries = append(entries, entry{text: text, must: true, key: "rules"})
	}
	s.open, s.forms = "\n**What blocks**\n\n", [][]entry{entries}
	return s
}

// approvals says who counted, who did not and why.
func (r Report) approvals() []entry {
	var entries []entry
	for _, line := range r.approvalLines() {
		entries = append(entries, entry{text: "- " + prose(line) + "\n", must: true, key: "people"})
	}
	return entries
}

// Body holds what was found, what changes in which cluster, and the rest of
// what somebody who decides wants to know. It has at most 65,535 bytes.
func (r Report) Body() string { return layout(r.body(), maxBytes) }

func (r Report) body() []section {
	s := r.sorted()
	var sections []section
	add := func(title string, sec section) {
		if len(sec.forms) > 0 && len(sec.forms[0]) > 0 {
			if sec.forms[0][0].under == "" {
				sec.open = "\n" + sec.open // headings bring their own
			}
			sec.open = "### " + title + "\n" + sec.open
			sec.close += "\n"
			sections = append(sections, sec)
		}
	}
	add("Could not be judged", section{forms: r.problems(), floor: 6000, rank: 1})
	add("Must be fixed: "+plural(len(s.blocking), "finding"),
		section{forms: findingForms(s.blocking), floor: 22000, rank: 0})
	add("Changes: "+thousands(len(r.assessment.Changes)), section{forms: r.changes(), floor: 16000, rank: 2})
	add("Privileged files", section{forms: r.files(), floor: 4000, rank: 3})
	add("After merging, the settings would change",
		section{forms: lines(r.assessment.Preview, "settings"), floor: 2000, rank: 4})
	add("Warnings: "+plural(len(s.warnings), "finding"), section{forms: findingForms(s.warnings), floor: 2000, rank: 5})
	add("Waived: "+plural(len(s.waived), "finding"), section{forms: findingForms(s.waived), floor: 2000, rank: 6})
	add("Notices", section{forms: r.notices(), floor: 2000, rank: 7})
	add("Facts not given", section{forms: lines(r.verdict.NotGiven, "facts"), floor: 1500, rank: 8,
		open: "The server knows these and decides; this answer is without them.\n\n"})
	before := " there before, not caused by this change"
	if r.assessment.Audit {
		before = ""
	}
	return append(sections, folded(plural(len(s.existing), "finding")+before, s.existing, 9),
		folded(plural(len(s.fixed), "finding")+" "+r.fixedWords(), s.fixed, 10), r.judged(), r.engine())
}

func lines(list []string, key string) [][]entry {
	var entries []entry
	for _, line := range list {
		entries = append(entries, entry{text: "- " + prose(clip(line, maxWords)) + "\n", key: key})
	}
	return [][]entry{entries}
}

// folded lists findings that ask for nothing now, behind a line that counts them.
func folded(summary string, findings []policy.Finding, rank int) section {
	s := section{forms: [][]entry{nil}, floor: 2000, rank: rank}
	if len(findings) == 0 {
		return s
	}
	s.open = "<details>\n<summary>" + summary + "</summary>\n"
	s.close = "\n</details>\n\n"
	var entries []entry
	for _, g := range byRule(findings) {
		under := fmt.Sprintf("\n**%s** %s (%s)\n\n", code(clip(string(g.rule), 40)), prose(clip(g.title, 200)),
			prose(string(g.severity)))
		for _, f := range g.findings {
			text := "- " + where(f) + ": " + prose(clip(f.Message, 300)) + "\n"
			entries = append(entries, entry{under: under, text: text, key: string(f.Rule)})
		}
	}
	s.forms = [][]entry{entries}
	return s
}

// judged folds the roots that were judged.
func (r Report) judged() section {
	s := section{forms: [][]entry{nil}, floor: 2000, rank: 11}
	if len(r.assessment.Roots) == 0 {
		return s
	}
	s.open = "<details>\n<summary>" + plural(len(r.assessment.Roots), "root") + " judged</summary>\n\n"
	s.close = "\n</details>\n"
	var entries []entry
	for _, root := range r.assessment.Roots {
		text := "- " + code(clip(rootName(root.Path), maxPlace)) + ": " + prose(r.rootWords(root)) + "\n"
		entries = append(entries, entry{text: text, key: "roots"})
	}
	s.forms = [][]entry{entries}
	return s
}

// engine names what judged, so that the answer can be had again.
func (r Report) engine() section {
	return section{open: "\n" + prose(r.judgedBy()) + "\n", forms: [][]entry{nil}, floor: 1500}
}
