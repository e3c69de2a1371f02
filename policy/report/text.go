package report

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/policy"
)

// width is where running text breaks; names and paths never do.
const width = 96

// The colours, by what they say.
const (
	red, yellow, green, bold, faint = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[2m"
	plain                           = "\x1b[0m"
)

// page is a text under way.
type page struct {
	strings.Builder
	color bool
}

func (p *page) paint(color, text string) string {
	if !p.color {
		return text
	}
	return color + text + plain
}

// heading begins a part.
func (p *page) heading(text string) {
	fmt.Fprintf(p, "\n%s\n", p.paint(bold, visible(text)))
}

// say writes running text, broken at width and indented.
func (p *page) say(indent int, text string) {
	margin := strings.Repeat(" ", indent)
	p.wrap(margin, margin, text)
}

// item writes running text behind a dash.
func (p *page) item(text string) { p.wrap("  - ", "    ", text) }

// wrap writes running text, broken at width, behind first and then rest.
func (p *page) wrap(first, rest, text string) {
	line, length := first, len(first)
	empty := true
	for word := range strings.FieldsSeq(visible(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case empty:
		case length+1+n > width:
			fmt.Fprintln(p, line)
			line, length = rest, len(rest)
		default:
			line, length = line+" ", length+1
		}
		line, length, empty = line+word, length+n, false
	}
	if !empty {
		fmt.Fprintln(p, line)
	}
}

var stateColors = map[string]string{policy.StatePass: green, policy.StateNeedsApproval: yellow}

// Text is the report for people in a terminal, in colour when asked for. It
// holds no control characters of the input; what cannot be seen is escaped.
func (r Report) Text(color bool) string {
	p := &page{color: color}
	s := r.sorted()
	fmt.Fprintln(p, p.paint(bold+cmp.Or(stateColors[r.verdict.State], red), r.Title()))
	p.heading("What to do next")
	for _, step := range r.next() {
		p.item(step)
	}
	r.problemText(p)
	p.findings("Must be fixed", s.blocking, red)
	p.findings("Warnings", s.warnings, yellow)
	p.findings("Waived", s.waived, faint)
	r.changeText(p)
	if !r.assessment.Audit {
		p.heading("Approvals")
		for _, line := range r.approvalLines() {
			p.item(line)
		}
	}
	before := "There before, not caused by this change"
	if r.assessment.Audit {
		before = "Found"
	}
	p.counted(before, s.existing, r.all || r.assessment.Audit)
	p.counted(sentenceCase(r.fixedWords()), s.fixed, r.all)
	p.list("After merging, the settings would change", r.assessment.Preview)
	r.noticeText(p)
	p.list("Facts not given (the server knows them and decides)", r.verdict.NotGiven)
	r.rootText(p)
	fmt.Fprintln(p)
	p.say(0, sentence(r.counts()))
	p.say(0, stop(r.judgedBy()))
	return p.String()
}

func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.heading(title)
	for _, line := range lines {
		p.item(line)
	}
}

func (r Report) problemText(p *page) {
	if len(r.assessment.Problems) == 0 {
		return
	}
	p.heading("Could not be judged")
	for _, problem := range r.assessment.Problems {
		p.headed(problemPlace(problem), problem.Message, red)
		p.say(4, stop(problem.Remedy))
	}
}

func (r Report) noticeText(p *page) {
	if len(r.assessment.Notices) == 0 {
		return
	}
	p.heading("Notices")
	for _, notice := range r.assessment.Notices {
		p.headed(place(notice.Source), notice.Message, faint)
		p.say(4, stop(notice.Remedy))
	}
}

// headed writes a place on a line of its own, so that a terminal can open it,
// and what is said of it below.
func (p *page) headed(at, message, color string) {
	if at == "" {
		p.item(stop(message))
		return
	}
	fmt.Fprintln(p, "  "+p.paint(color, at))
	p.say(4, stop(message))
}

// findings writes findings in full.
func (p *page) findings(title string, findings []policy.Finding, color string) {
	if len(findings) == 0 {
		return
	}
	p.heading(title + ": " + plural(len(findings), "finding"))
	for _, f := range findings {
		fmt.Fprintf(p, "  %s  %s\n", p.paint(color, visible(string(f.Rule))), cmp.Or(place(f.Source), label(f.Object)))
		p.say(4, fmt.Sprintf("%s (%s, %s)", f.Title, f.Severity, cmp.Or(stateWords[f.State], string(f.State))))
		p.say(4, label(f.Object)+fieldOf(f))
		p.say(4, stop(f.Message))
		if f.Remediation != "" {
			p.say(4, "To fix it: "+stop(f.Remediation))
		}
		if f.Waiver != nil {
			p.say(4, "Waived until "+f.Waiver.Expires+" by "+f.Waiver.File)
		}
	}
}

func fieldOf(f policy.Finding) string {
	switch {
	case f.Path == "":
		return ""
	case f.Field == "absent":
		return ", " + f.Path + " (not set)"
	}
	return ", " + f.Path
}

// counted writes findings that ask for nothing now: a line a rule, and with
// full each place.
func (p *page) counted(title string, findings []policy.Finding, full bool) {
	if len(findings) == 0 {
		return
	}
	p.heading(title + ": " + plural(len(findings), "finding"))
	for _, g := range byRule(findings) {
		p.say(2, fmt.Sprintf("%s %s: %s", g.rule, g.title, plural(len(g.findings), string(g.severity)+" finding")))
		if !full {
			continue
		}
		for _, f := range g.findings {
			p.say(4, cmp.Or(place(f.Source), label(f.Object))+": "+f.Message)
		}
	}
}

func (r Report) rootText(p *page) {
	var lines []string
	for _, root := range r.assessment.Roots {
		if r.all || root.Status != "unchanged" {
			lines = append(lines, rootName(root.Path)+": "+r.rootWords(root))
		}
	}
	p.list("Roots", lines)
}
