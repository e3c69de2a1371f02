package report

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// anyAssessment draws reviews from tiny to far beyond every limit, with texts
// from anywhere.
func anyAssessment(t *rapid.T) policy.Assessment {
	a := upgrade()
	words := rapid.OneOf(rapid.SampledFrom(evil), rapid.StringN(0, 40, 200),
		rapid.Map(rapid.IntRange(0, 3000), func(n int) string { return strings.Repeat("ü`", n) }))
	many := rapid.SampledFrom([]int{0, 1, 3, 40, 700})
	pool := rapid.SliceOfN(words, 4, 12).Draw(t, "words")
	word := func(i int) string { return pool[i%len(pool)] }
	rules := rapid.IntRange(1, 60).Draw(t, "rules")
	findings := many.Draw(t, "findings")
	for i := range findings {
		f := finding(fmt.Sprintf("CS-SSH-%03d", i%rules), policy.New, engine.Block, i)
		f.Message, f.Remediation, f.Title, f.Source.File = word(i), word(i+1), word(i/7), word(i/3)
		f.State = []policy.State{policy.New, policy.Worsened, policy.Existing, policy.Fixed}[i%4]
		f.Effect = []engine.Effect{engine.Block, engine.Warn, engine.Info}[i%3]
		a.Findings = append(a.Findings, f)
	}
	for i := range many.Draw(t, "changes") {
		c := a.Changes[i%5]
		c.Object.Name, c.Destination, c.Cluster, c.Clusters = word(i), word(i/2), word(i/9), []string{word(i / 9), word(i)}
		c.Fields = []policy.Field{{Path: word(i), Before: word(i + 1), After: word(i + 2)}}
		a.Changes = append(a.Changes, c)
	}
	for i := range many.Draw(t, "others") {
		problem := render.Problem{Cause: render.CauseSyntax, Message: word(i), Remedy: word(i + 1), Source: render.Source{File: word(i)}}
		a.Notices = append(a.Notices, problem)
		a.Preview = append(a.Preview, word(i))
		a.Roots = append(a.Roots, policy.Root{Path: word(i), Status: "built"})
		a.Entries = append(a.Entries, policy.Entry{Kind: "file", Name: word(i)})
		if i < findings {
			a.Problems = append(a.Problems, policy.Problem{Code: word(i), Problem: problem})
		}
	}
	return a
}

func anyFacts(t *rapid.T, a policy.Assessment) policy.PullRequest {
	pr := asked(a)
	n := rapid.SampledFrom([]int{0, 2, 120}).Draw(t, "reviewers")
	for i := range n {
		u := user(int64(1000+i), evil[i%len(evil)])
		pr.People[u.ID] = policy.Person{User: u, Role: "write", OrgMember: true, Teams: []string{"acme/platform"}}
		pr.Reviews = append(pr.Reviews, policy.Review{ID: int64(1000 + i), User: &u, Submitted: noon,
			State: []string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}[i%3], Bound: a.Digest, BoundKnown: true, BoundBase: "main"})
		pr.Audit = append(pr.Audit, evil[i%len(evil)])
		pr.NotGiven = append(pr.NotGiven, evil[i%len(evil)])
	}
	return pr
}

var (
	cutLines = regexp.MustCompile(`\*\*… and ([0-9,]+) more, cut`)
	cutRule  = regexp.MustCompile("`(CS-[A-Z]+-[0-9]+)` × ([0-9,]+)")
)

func number(t *rapid.T, text string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// AC-073: whatever the review, both parts keep GitHub's limits in bytes, whole
// runes, and the verdict and what to do are there. Every finding that blocks is
// there by rule and place, or counted in a number.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAssessment(t)
		r := New(a, policy.Decide(a, anyFacts(t, a)), false)
		summary, body := r.Summary(), r.Body()
		for name, text := range map[string]string{"summary": summary, "text": body} {
			if len(text) > maxBytes || !utf8.ValidString(text) {
				t.Errorf("%s has %d bytes (valid %v)", name, len(text), utf8.ValidString(text))
			}
			if opened, closed := strings.Count(text, "<details>\n"), strings.Count(text, "</details>\n"); opened != closed {
				t.Errorf("%s opens %d folds and closes %d", name, opened, closed)
			}
			if found := active(text); len(found) > 0 {
				t.Errorf("%s is active: %q", name, found[0])
			}
		}
		if !strings.Contains(summary, strings.TrimSpace(prose(r.Title()))) || !strings.Contains(summary, prose(r.next()[0])) {
			t.Errorf("no verdict or no step: %.300s", summary)
		}
		blockingIsThere(t, policy.Blocking(a), body)
	})
}

// blockingIsThere counts what the section of blocking findings lists, and adds
// what it says was cut.
func blockingIsThere(t *rapid.T, blocking []policy.Finding, body string) {
	_, section, found := strings.Cut(body, "### Must be fixed: "+plural(len(blocking), "finding")+"\n")
	if len(blocking) == 0 || !found {
		if len(blocking) > 0 {
			t.Errorf("%d findings block and the text does not say so", len(blocking))
		}
		return
	}
	section, _, _ = strings.Cut(section, "\n### ")
	section, _, _ = strings.Cut(section, "<details>")
	listed := len(regexp.MustCompile("(?m)^- (\\*\\*)?`CS-").FindAllString(section, -1))
	if cut := cutLines.FindStringSubmatch(section); cut != nil {
		n, byRule := number(t, cut[1]), 0
		_, afterCut, _ := strings.Cut(section, cut[0])
		afterCut = cut[0] + afterCut
		for _, rule := range cutRule.FindAllStringSubmatch(afterCut, -1) {
			byRule += number(t, rule[2])
		}
		if others := regexp.MustCompile(`others × ([0-9,]+)`).FindStringSubmatch(section); others != nil {
			byRule += number(t, others[1])
		}
		if byRule != n {
			t.Errorf("%d are cut, and %d by rule", n, byRule)
		}
		listed += n
	}
	if listed != len(blocking) {
		t.Errorf("%d findings block, %d are listed or counted", len(blocking), listed)
	}
}

// A deletion, a move and credentials are named while anything else can go (D38).
func TestDeletionsAreNamedWhateverIsCut(t *testing.T) {
	a := upgrade()
	for i := range 5000 {
		c := a.Changes[4]
		c.Object.Name = fmt.Sprintf("a-web-%04d", i)
		a.Changes = append(a.Changes, c)
		a.Findings = append(a.Findings, finding("CS-SSH-001", policy.New, engine.Block, i))
	}
	for i := range 20 {
		c := a.Changes[i%4]
		c.Object.Name = fmt.Sprintf("named-%02d", i)
		a.Changes = append(a.Changes, c)
	}
	body := New(a, policy.Decide(a, policy.PullRequest{}), false).Body()
	for i := range 20 {
		if c := a.Changes[i%4]; named(c) && !strings.Contains(body, fmt.Sprintf("named-%02d", i)) {
			t.Errorf("%s of named-%02d is not named", c.Action, i)
		}
	}
	if !regexp.MustCompile(`and [0-9,]+ more, cut[^\n]*update × [0-9,]+`).MatchString(body) {
		t.Error("the text does not say how many updates were cut")
	}
	if len(body) > maxBytes {
		t.Errorf("%d bytes", len(body))
	}
}

// What fits is not cut, and nothing is cut in vain.
func TestNothingIsCutThatFits(t *testing.T) {
	for name, r := range fixtures() {
		if cut := cutLines.MatchString(r.Markdown()); cut != (name == "huge") {
			t.Errorf("%s: cut %v", name, cut)
		}
	}
	if n := len(fixtures()["huge"].Body()); n < maxBytes*9/10 {
		t.Errorf("the text was cut down to %d bytes", n)
	}
}

// Floors must leave room for one another, else the limit could not hold.
func TestFloorsAddUp(t *testing.T) {
	h := fixtures()["hostile"]
	for name, sections := range map[string][]section{"summary": h.summary(), "text": h.body()} {
		sum := 0
		for _, s := range sections {
			sum += cmp.Or(s.floor, maxBytes)
		}
		if sum > maxBytes {
			t.Errorf("%s: floors of %d bytes", name, sum)
		}
	}
}

// The same review gives the same bytes, however often it is written.
func TestSameReviewSameBytes(t *testing.T) {
	for name := range fixtures() {
		first, second := forms(t, fixtures()[name]), forms(t, fixtures()[name])
		for form := range first {
			if !bytes.Equal([]byte(first[form]), []byte(second[form])) {
				t.Errorf("%s.%s differs from itself", name, form)
			}
		}
	}
}

// The check run's text is the Markdown, byte for byte.
func TestMarkdownIsSummaryAndText(t *testing.T) {
	for name, r := range fixtures() {
		if r.Markdown() != r.Summary()+"\n"+r.Body() {
			t.Error(name)
		}
		if title := r.Title(); title == "" || len(title) > 240 || strings.Contains(title, "\n") {
			t.Errorf("%s: title %q", name, title)
		}
	}
}
