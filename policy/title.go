package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// title is the one line that the merge box shows. All that comes from people
// or manifests in it has lost its control characters and is bounded.
func title(a Assessment, v Verdict) string {
	words := map[string]func(Assessment, Verdict) string{
		StateError: errorTitle, StateBlocked: blockedTitle, StateViolation: violationTitle,
		StateNeedsApproval: approvalTitle, StatePass: passTitle,
	}[v.State](a, v)
	if v.Observing {
		words = "Observing: " + words
	}
	return clip(words, 240)
}

func errorTitle(a Assessment, v Verdict) string {
	switch {
	case len(a.Problems) > 0:
		first := "Could not judge: " + a.Problems[0].Message
		if more := len(a.Problems) - 1; more > 0 {
			first += fmt.Sprintf(" (and %d more)", more)
		}
		return first
	case len(v.Failed) > 0:
		return "Could not judge: " + v.Failed[0]
	case len(v.Approvals.BlockedBy) > 0:
		return "Could not judge: " + strings.Join(v.Approvals.BlockedBy, ", ")
	}
	return "Could not judge: facts about the people are missing"
}

func blockedTitle(_ Assessment, v Verdict) string {
	var why []string
	for _, by := range v.Approvals.BlockedBy {
		kind, who, _ := strings.Cut(by, ":")
		switch kind {
		case "changes_requested":
			why = append(why, who+" requested changes")
		case "hold":
			why = append(why, who+" holds it")
		case "merge_group_digest_not_approved":
			why = append(why, "the merge group holds what nobody approved")
		}
	}
	return "Blocked: " + strings.Join(why, ", ")
}

func violationTitle(a Assessment, v Verdict) string {
	n := len(Blocking(a))
	words := plural(n, "finding") + " must be fixed"
	if v.Approvals.Status == StatusPending {
		words += ", and " + plural(v.Approvals.Missing, "approval") + " is missing"
		if v.Approvals.Missing != 1 {
			words = strings.TrimSuffix(words, "is missing") + "are missing"
		}
	}
	return words
}

func approvalTitle(_ Assessment, v Verdict) string {
	approvals := v.Approvals
	if approvals.Missing == 0 {
		return "Waiting: nobody can tell whose change this is (" + strings.Join(approvals.BlockedBy, ", ") + ")"
	}
	if len(approvals.Counted) == 0 {
		return "Waiting for " + plural(approvals.Missing, "approval")
	}
	return fmt.Sprintf("Waiting for %d more %s (%s approved)", approvals.Missing,
		noun(approvals.Missing, "approval"), logins(approvals.Counted))
}

func passTitle(a Assessment, v Verdict) string {
	switch approvals := v.Approvals; {
	case approvals.Override != nil && len(approvals.Override.By) > 0:
		return "EMERGENCY OVERRIDE by " + strings.Join(
			approvals.Override.By,
			" and ",
		) + ": " + approvals.Override.Reason
	case a.Audit:
		return "No finding blocks"
	case approvals.Status == StatusApproved:
		return "Approved by " + logins(approvals.Counted)
	}
	return "Nothing here needs approval"
}

func logins(counted []Counted) string {
	var names []string
	for _, c := range counted {
		names = append(names, c.Login)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func plural(n int, word string) string { return fmt.Sprintf("%d %s", n, noun(n, word)) }

func noun(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// clip makes a text one printable line of at most limit bytes, whole runes.
func clip(text string, limit int) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			r = ' '
		}
		if b.Len()+len(string(r)) > limit-len("…") {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
