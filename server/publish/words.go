package publish

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server/github"
)

// Name is the check's name for a base: "countersign (BASE)".
func Name(base string) string { return "countersign (" + base + ")" }

// ExternalID names what a check is about: "REPOSITORY/PULL/BASE/HEAD", for a
// merge group "REPOSITORY/group/BASE/HEAD".
func ExternalID(s Subject) string {
	about := fmt.Sprint(s.Pull)
	if s.Group != "" {
		about = "group"
	}
	return fmt.Sprintf("%d/%s/%s/%s", s.Repository.ID, about, s.BaseRef, s.HeadSHA)
}

// Conclusion is what a verdict means for a check: pass is a success, waiting
// asks for action, all else is a failure; in a merge group all but pass is one.
// While the settings only observe, nothing blocks.
func Conclusion(v policy.Verdict, group bool) string {
	switch {
	case v.Observing || v.State == policy.StatePass:
		return Success
	case !group && (v.State == policy.StateNeedsApproval || v.State == policy.StateBlocked):
		return ActionRequired
	}
	return Failure
}

// Worst is the worst of conclusions: failure, action_required, success. What
// is none of them (a check in progress) counts as action_required: it is not
// green.
func Worst(own string, others ...string) string {
	worst := Success
	for _, c := range append([]string{own}, others...) {
		switch {
		case c == Failure:
			return Failure
		case c != Success:
			worst = ActionRequired
		}
	}
	return worst
}

const (
	mostBytes = 65535 // of a summary and of a text
	mostTitle = 240
)

// checkOf is the check that a wish asks for. own is what the pull request
// would have by itself.
func checkOf(w Wish, own, conclusion string) github.Check {
	r := report.New(w.Assessment, w.Verdict, false)
	annotations, more := annotate(w.Assessment)
	c := github.Check{Status: "completed", Conclusion: conclusion, Title: r.Title(), Summary: r.Summary(),
		Annotations: annotations}
	if conclusion != own && conclusion == Worst(own, conclusion) {
		c.Title = report.Plain("Another pull request with this commit is not green (this one: "+r.Title()+")",
			mostTitle)
		c.Summary = ahead("**Another open pull request into this branch has the same commit, and is not green.** "+
			"A check belongs to a commit, so it shows the worse of the two. What follows is about this one. To go on "+
			"without waiting for the other, push a commit of its own (`git commit --amend --no-edit` makes one).\n\n",
			c.Summary)
	} else if conclusion != own {
		c.Title = report.Plain("As another pull request with this commit (this one: "+r.Title()+")", mostTitle)
		c.Summary = ahead("**Another open pull request into this branch has the same commit**, and its author has "+
			"write permission: this check shows what is said of that one. What follows is about this one.\n\n",
			c.Summary)
	}
	if c.Title == "" {
		c.Title = "Judged" // GitHub refuses a check without a title
	}
	c.Text = below(r.Body(), w.Standing, more)
	return c
}

// ahead puts words before a summary where there is room for both.
func ahead(words, summary string) string {
	if len(words)+len(summary) > mostBytes {
		return summary // the title says it, too
	}
	return words + summary
}

// below puts the standing notices and the number of findings without a remark
// after a report, as many as there is room for.
func below(body string, notices []string, unmarked int) string {
	const head, cut = "\n\n---\n\n### About this repository\n\n", "*%d of these notices are cut: there is no room.*\n\n"
	text := body
	if unmarked > 0 {
		more := fmt.Sprintf("\n%d more findings have no remark in \"Files changed\"; the report counts them.\n",
			unmarked)
		if len(text)+len(more) <= mostBytes {
			text += more
		}
	}
	if len(notices) == 0 {
		return text
	}
	room := mostBytes - len(text) - len(head) - len(cut)
	section, left := "", 0
	for _, n := range notices {
		n = strings.TrimSpace(n) + "\n\n"
		if left > 0 || len(section)+len(n) > room {
			left++
			continue
		}
		section += n
	}
	if left > 0 {
		section += fmt.Sprintf(cut, left)
	}
	if len(text)+len(head)+len(section) > mostBytes {
		return text
	}
	return strings.TrimRight(text+head+section, "\n") + "\n"
}

// mostReason bounds a reason; it comes from errors.
const mostReason = 1000

// waiting is a check that cannot be decided now.
func waiting(reason string) github.Check {
	return github.Check{Status: InProgress, Title: report.Plain("Waiting: "+reason, mostTitle),
		Summary: "## ⏳ This cannot be judged now\n\n" + because(reason) + "\n\nNothing has to be done: it is tried " +
			"again by itself. Until then this check is not green, whatever it said before.\n",
		Text: noReport}
}

// givenUp is a check that was tried too often.
func givenUp(reason string) github.Check {
	return github.Check{Status: "completed", Conclusion: Failure,
		Title: report.Plain("Could not be judged: "+reason, mostTitle),
		Summary: "## ⚠️ This could not be judged\n\n" + because(reason) + "\n\nIt was tried several times and is not " +
			"tried again by itself. Press \"Re-evaluate\", or comment `/countersign recheck`; if it stays so, " +
			"whoever runs this App finds the reason in its log.\n",
		Text: noReport}
}

// following is the check of a pull request that is over, while others have its commit.
func following(conclusion string) github.Check {
	return github.Check{Status: "completed", Conclusion: conclusion, Title: "As another pull request with this commit",
		Summary: "## This pull request is over\n\nAnother open pull request into this branch has the same commit. " +
			"A check belongs to a commit: this one shows what is said of that pull request.\n",
		Text: noReport}
}

// withdrawn is a check that was green and is so no longer.
func withdrawn(reason string) github.Check {
	return github.Check{Status: "completed", Conclusion: ActionRequired,
		Title: report.Plain("Withdrawn: "+reason, mostTitle),
		Summary: "## ⛔ This check was green and is not any more\n\n" + because(reason) + "\n\nIf the pull request is " +
			"still wanted: reopen or push it, or press \"Re-evaluate\"; it is judged anew then.\n",
		Text: noReport}
}

// noReport replaces an older report, which no longer holds: a text that is not
// sent stays.
const noReport = "There is no report for this state.\n"

func because(reason string) string {
	if reason = strings.TrimSpace(reason); reason == "" {
		reason = "the reason is not known"
	}
	return report.Prose(report.Plain(reason, mostReason))
}
