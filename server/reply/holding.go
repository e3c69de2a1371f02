package reply

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/policy/report"
)

func (k asker) hold(a *answer) {
	minimum := cmp.Or(k.Minimum, "write")
	if !k.person.AtLeast(minimum) {
		a.refuse("Holding takes " + report.Code(minimum) + " permission. Request changes in a review instead, or ask " +
			"somebody who has it.")
	}
}

// unhold says whether the decision took the word: it is made elsewhere.
func (k asker) unhold(a *answer) {
	var standing []string
	for _, by := range k.Verdict.Approvals.BlockedBy {
		if who, held := strings.CutPrefix(by, "hold:"); held {
			standing = append(standing, who)
		}
	}
	own := slices.ContainsFunc(k.Facts.Holds, func(h policy.Hold) bool { return h.By.ID == k.person.ID })
	switch {
	case len(k.Facts.Holds) == 0:
		a.refuse("Nothing is held here.")
	case len(standing) == 0, own && !slices.Contains(standing, k.person.Login):
	case slices.Contains(standing, k.person.Login):
		a.refuse("A hold of yours stands: it was placed after this. Comment `/countersign unhold` again.")
	default:
		a.refuse("The hold by " + report.Code(standing[0]) + " stands: it is released by " + report.Code(standing[0]) +
			", or by somebody who may approve and had no hand in the change.")
	}
}

// override says what a request for the emergency exit came to, or why it counts
// for nothing. The decision itself is made elsewhere.
func (k asker) override(a *answer, cmd command.Command) {
	settings := k.Assessment.Config
	switch {
	case settings == nil || settings.Override == nil:
		a.refuse("The emergency override is switched off here: the settings name no team for it (`override.team`).")
	case cmd.Rest == "":
		a.refuse("Say why, for example: `/countersign override eu-1 is down, INC-4711`.")
	case !k.memberOf(settings.Override.Team):
		a.refuse("Only members of " + report.Code(settings.Override.Team) + " may ask for the emergency override.")
	default:
		k.overridden(a, settings.Override.Team)
	}
}

func (k asker) memberOf(team string) bool {
	return slices.ContainsFunc(k.person.Teams, func(t string) bool { return strings.EqualFold(t, team) })
}

func (k asker) overridden(a *answer, team string) {
	state := k.Verdict.Approvals.Override
	said, known := k.said()
	switch {
	case len(k.Assessment.Entries) == 0:
		a.refuse("Nothing here needs approval, so there is nothing to override.")
	case !known || said.Digest == "":
		a.refuse("When this was written no check of this change had been published, so there was nothing " +
			"that it could be about. Read the check of commit " + report.Code(brief(k.Pull.Head)) + " and ask again.")
	case said.Superseded || said.Digest != k.Assessment.Digest:
		a.refuse("This was about an older state (" + digest(said.Digest) + "): a push came between. It counts for " +
			"nothing. What is judged now is commit " + report.Code(brief(k.Pull.Head)) + ", " +
			digest(k.Assessment.Digest) + ": read its check and ask again.")
	case state != nil && slices.Contains(state.By, k.person.Login):
		a.say("The emergency override is in force for " + digest(said.Digest) + ", given by " + names(state.By) +
			". It replaces missing approvals and nothing else, ends after 4 hours, and is void as soon as what is " +
			"rendered changes.")
	case state != nil && slices.Contains(state.RequestedBy, k.person.Login):
		a.say("The emergency override is asked for by " + names(state.RequestedBy) + " for " + digest(said.Digest) +
			". One more member of " + report.Code(team) + " who had no hand in the change has to comment " +
			"`/countersign override REASON`, soon and before anything is pushed.")
	default:
		a.refuse("This counts for nothing: whoever opened, wrote or pushed any of the change cannot override its " +
			"approvals, and a request ends with its window.")
	}
}

// said is what the comment came to as a request.
func (k asker) said() (policy.OverrideRequest, bool) {
	for _, o := range k.Facts.Overrides {
		if o.By.ID == k.person.ID && o.At.Equal(k.at.Created) {
			return o, true
		}
	}
	return policy.OverrideRequest{}, false
}

// digest names a privileged change as people can compare it.
func digest(d string) string {
	return "the privileged change " + report.Code(cmp.Or(d[:min(len(d), len("sha256:")+12)], "(none)"))
}

func names(logins []string) string {
	var list []string
	for _, login := range logins {
		list = append(list, report.Code(login))
	}
	return strings.Join(list, " and ")
}
