package report

import (
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render"
)

// next says what is to be done now and by whom, one step a sentence. Commands
// stand between backticks. It is never empty.
func (r Report) next() []string {
	steps := r.stateSteps()
	if r.verdict.Observing {
		steps = append([]string{"The settings say mode `observe`: everything is said and nothing blocks. " +
			"With mode `enforce` this would be the answer:"}, steps...)
	}
	return steps
}

// Steps says what is to be done now and by whom, one step each, as Markdown.
func (r Report) Steps() []string {
	steps := r.next()
	for i, step := range steps {
		steps[i] = prose(step)
	}
	return steps
}

func (r Report) stateSteps() []string {
	switch r.verdict.State {
	case policy.StateError:
		return r.errorSteps()
	case policy.StateBlocked:
		steps := r.blockedSteps()
		if len(policy.Blocking(r.assessment)) > 0 {
			steps = append(steps, r.fixSteps()...)
		}
		return steps
	case policy.StateViolation:
		steps := r.fixSteps()
		if r.verdict.Approvals.Status == policy.StatusPending {
			steps = append(steps, r.approvalSteps()...)
		}
		return steps
	case policy.StateNeedsApproval:
		return r.approvalSteps()
	case policy.StatePass:
		return r.passSteps()
	}
	return []string{"The state " + r.verdict.State + " is not known to this report: do not merge on it."}
}

func (r Report) errorSteps() []string {
	var steps []string
	authors, machines := r.Mendable(), slices.ContainsFunc(r.assessment.Problems, ofMachines)
	if authors && r.assessment.Audit {
		steps = append(steps, "Mend what could not be judged: each is listed below with what to do.")
	} else if authors {
		steps = append(steps, "Whoever can push to this change: mend what could not be judged (each is listed below "+
			"with what to do) and push. No approval helps before.")
	}
	if machines {
		steps = append(steps, "Something ran out of time or memory. Comment `/countersign recheck` to try again; "+
			"if it stays so, make that root smaller.")
	}
	steps = append(steps, r.blockedSteps()...)
	if len(steps) == 0 {
		steps = append(steps, "Facts that the decision needs could not be read (a team, somebody's permission, the "+
			"settings). Somebody with write access comments `/countersign recheck`; if it stays so, an owner of the "+
			"repository looks at the teams in `.countersign.yaml` and at what the App may read.")
	}
	return steps
}

// Mendable reports whether something that could not be judged is the author's
// to mend, and not a matter of time or memory.
func (r Report) Mendable() bool {
	return slices.ContainsFunc(r.assessment.Problems, func(p policy.Problem) bool { return !ofMachines(p) })
}

func ofMachines(p policy.Problem) bool {
	return p.Cause == render.CauseDeadline || p.Cause == render.CauseMemory || p.Cause == render.CauseCrash
}

func (r Report) blockedSteps() []string {
	var steps []string
	for i, by := range r.verdict.Approvals.BlockedBy {
		if more := len(r.verdict.Approvals.BlockedBy) - i; i == maxPeople && more > 1 {
			steps = append(steps, "And "+thousands(more)+" more of these stand in the way.")
			break
		}
		steps = append(steps, sentence(blocked(by)))
	}
	if len(steps) == 0 && r.verdict.State == policy.StateBlocked {
		steps = []string{"Somebody blocks this, and nobody said who: do not merge on it."}
	}
	return steps
}

func (r Report) fixSteps() []string {
	blocking := r.sorted().blocking
	if len(blocking) == 0 {
		return []string{"Something blocks that this report does not hold: do not merge on it."}
	}
	what := "what stands under \"Must be fixed\" (" + plural(len(blocking), "finding") + ")"
	fix := "The author: fix " + what + " and push. No approval replaces a fix."
	if r.assessment.Audit {
		fix = "Fix " + what + "."
	}
	show := "`countersign rules show " + string(blocking[0].Rule) + "`"
	return []string{fix, "What a rule wants and why, with examples: " + show + "."}
}

func (r Report) approvalSteps() []string {
	approvals := r.verdict.Approvals
	var steps []string
	if n := approvals.Missing; n > 0 {
		who := people(n)
		if len(approvals.Counted) > 0 {
			who = strings.Replace(who, " ", " more ", 1)
		}
		must := " must approve"
		if n == 1 {
			must = " has to approve"
		}
		steps = append(steps, who+must+": read the changes below, then \"Files changed\", \"Review changes\", "+
			"\"Approve\". A comment is no approval.")
		steps = append(steps, r.whoMay()+" An approval holds for exactly this change: a push that alters what is "+
			"rendered needs a new one, a rebase does not.")
	}
	steps = append(steps, r.blockedSteps()...)
	if len(steps) == 0 {
		steps = append(steps, "Approvals are still missing.")
	}
	return steps
}

func (r Report) whoMay() string {
	involved := "nobody who opened, wrote or pushed any of it."
	may := r.verdict.Approvals.MayApprove
	if len(may) == 0 {
		return "Who may: people with the right to approve here, but " + involved
	}
	var names []string
	for _, name := range may {
		names = append(names, short(name, 80))
	}
	return "Who may: " + enumerate(names) + ", but " + involved
}

func (r Report) passSteps() []string {
	over := r.verdict.Approvals.Override
	switch {
	case over != nil && len(over.By) > 0:
		return []string{"It may be merged now, by an emergency override. Everybody who may approve: " +
			"review it after the fact."}
	case r.assessment.Audit:
		return []string{"Nothing has to be done at once; what stands is listed below."}
	case slices.Contains(r.verdict.Approvals.Audit, "required_check_missing"):
		return []string{"It may be merged. An owner of the repository: require this check for the base."}
	}
	return []string{"Nothing: it may be merged."}
}

// sentence begins with a capital and ends with a full stop. It is for our own
// words: a name must not be written large.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return stop(sentenceCase(text))
}

func sentenceCase(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// stop ends a text with a full stop.
func stop(text string) string {
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?:") {
		return text
	}
	return text + "."
}
