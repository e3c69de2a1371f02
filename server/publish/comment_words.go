package publish

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
)

const (
	mostSteps   = 6
	mostComment = 8 << 10 // it is short: the check has the rest
)

// commentOf is what our comment says, and whether somebody must act: only then
// is one made. While the settings only observe, nobody must.
func commentOf(w Wish, run int64) (text string, ask bool) {
	r := report.New(w.Assessment, w.Verdict, false)
	title := report.Prose(r.Title())
	see := "The check"
	if web := strings.TrimSuffix(w.Repository.CloneURL, ".git"); strings.HasPrefix(web, "http") {
		see = fmt.Sprintf("[The check](%s/pull/%d/checks?check_run_id=%d)", web, w.Pull, run)
	}
	if !someoneMustAct(r, w.Verdict) {
		return "**Nothing has to be done by anybody now.** " + title + "\n\n" + see + " has the details.\n", false
	}
	var b strings.Builder
	b.WriteString("**" + title + "**\n\n")
	steps := r.Steps()
	for i, step := range steps {
		if i == mostSteps || b.Len()+len(step) > mostComment {
			fmt.Fprintf(&b, "- And %d more, which the check lists.\n", len(steps)-i)
			break
		}
		b.WriteString("- " + step + "\n")
	}
	b.WriteString("\n" + see + " says what changes and why. This comment is kept up to date.\n")
	return b.String(), true
}

// someoneMustAct reports whether a verdict waits for people. An error does when
// what could not be judged is the author's to mend, and not ours.
func someoneMustAct(r report.Report, v policy.Verdict) bool {
	switch {
	case v.Observing || v.State == policy.StatePass:
		return false
	case v.State == policy.StateError:
		return r.Mendable()
	}
	return true
}
