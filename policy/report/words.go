package report

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
)

// ignoredWords say why somebody's review does not count, to complete "NAME does
// not count: …".
var ignoredWords = map[string]string{
	"author":            "opened this pull request",
	"initiator":         "an App opened this pull request on their behalf",
	"commit_author":     "wrote a commit of it",
	"committer":         "made a commit of it",
	"co_author":         "is named as co-author of a commit of it",
	"pusher":            "pushed a commit of it",
	"bot":               "is not a person",
	"not_eligible":      "may not approve here: not named in the settings, in no team of theirs, or without permission",
	"unknown_user":      "the account is gone or not known",
	"dismissed":         "the review was dismissed",
	"changes_requested": "asked for changes",
	"hold":              "holds this change, and cannot approve it meanwhile",
	"stale":             "approved something else: what is rendered has changed since, so a fresh approval is needed",
}

// blockedWords say what stands in the way and who can lift it. %s is what
// follows the colon: a login or a commit.
var blockedWords = map[string]string{
	"changes_requested": "a request for changes by %s stands. %[1]s reviews again, or somebody who may approve " +
		"and had no hand in the change dismisses that review",
	"hold": "a hold by %s stands. %[1]s, or somebody who may approve and had no hand in the change, comments " +
		"`/countersign unhold`",
	"unattributed_commit": "commit %s belongs to no GitHub account, so nobody can tell whose change this is. " +
		"Its author adds the e-mail address to the account, or makes the commit anew with an address that GitHub " +
		"knows, and pushes",
	"unattributed_author": "nobody can tell on whose behalf this was opened. A person opens it anew, or is " +
		"assigned to it",
	"pusher_unknown": "nobody saw who pushed some of the commits. Pushing them anew with new commit ids " +
		"(`git commit --amend --no-edit`, then a push) heals it",
	"commit_list_incomplete": "the list of commits is not complete, so nobody can tell who took part. Make the pull " +
		"request smaller, or comment `/countersign recheck`",
	"merge_group_digest_not_approved": "the merge queue put together what nobody approved in this form. Take one " +
		"of the pull requests out of the queue, update it onto the base and have it approved again",
}

// auditWords say what the audit log holds.
var auditWords = map[string]string{
	"override":                         "the emergency override was used; review this change after the fact",
	"status_spoofed":                   "somebody else wrote a check with our name; only the App's own check counts",
	"required_check_missing":           "the base does not require this check: it can be merged without it",
	"required_check_source_not_pinned": "the base requires a check of this name from anyone: pin it to the App",
	"config_unresolvable":              "a team or a user of the settings could not be found",
	"comment_tampering":                "somebody edited our comment; what it says is not evidence",
}

// ignored is a sentence on somebody whose review does not count.
func ignored(i policy.Ignored) string {
	login := i.Login
	if login == "" || login == "<deleted>" {
		login = "a deleted account"
	}
	why, known := ignoredWords[i.Reason]
	if !known {
		why = "reason " + i.Reason
	}
	return clip(login, 60) + ": " + why
}

// blocked is a sentence on what stands in the way.
func blocked(by string) string {
	kind, who, _ := strings.Cut(by, ":")
	sentence, known := blockedWords[kind]
	switch {
	case !known:
		return "not known to this report: " + clip(by, 120)
	case strings.Contains(sentence, "%s"):
		return fmt.Sprintf(sentence, clip(who, 60))
	}
	return sentence
}

// audited is a sentence on a note of the audit log.
func audited(note string) string {
	if sentence, known := auditWords[note]; known {
		return sentence
	}
	return clip(note, 120)
}

// stateWords name how a finding stands against the base.
var stateWords = map[policy.State]string{
	policy.New: "new", policy.Worsened: "worse than before", policy.Existing: "was there before", policy.Fixed: "fixed",
}

// fixedWords name findings that stand at the base only. What could not be
// judged may still hold them.
func (r Report) fixedWords() string {
	if len(r.assessment.Problems) > 0 {
		return "no longer seen, though not everything could be judged"
	}
	return "fixed by this change"
}

// outcomeWords name how rules fared, in the order in which they are told.
var outcomeWords = []struct{ outcome, words string }{
	{"passed", "passed"}, {"failed", "failed"}, {"warned", "warned"}, {"waived", "waived"},
	{"privileged", "gave a reason for approval"}, {"unknown", "met values that are not known yet"},
	{"not_applicable", "had nothing to judge"}, {"error", "could not be evaluated"},
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// thousands writes a count as people read it: 12,345.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return thousands(n) + " people"
}

// enumerate writes up to maxNames elements as "a, b and c".
func enumerate(list []string) string {
	if more := len(list) - maxNames; more > 0 {
		return strings.Join(list[:maxNames], ", ") + " and " + thousands(more) + " more"
	}
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}
