package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy/config"
)

// overrideLife is how long an override holds once two people gave it (D23).
const overrideLife = 4 * time.Hour

// overrideVoices is how many people an override takes.
const overrideVoices = 2

// override says what the emergency exit comes to: in force by two people of
// its team on this very content and within the window, requested by one, or
// nil. It is off unless configured.
func override(a Assessment, p *people) *OverrideState {
	if a.Config.Override == nil {
		return nil
	}
	requests, pair := overrides(a, p)
	if pair != nil {
		return &OverrideState{By: []string{pair[0].By.Login, pair[1].By.Login}, Reason: pair[0].Reason}
	}
	var waiting []string
	for _, request := range requests {
		stands := !p.pr.Now.After(request.At.Add(window(a.Config.Override)))
		if stands && !slices.Contains(waiting, request.By.Login) {
			waiting = append(waiting, request.By.Login)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	return &OverrideState{RequestedBy: waiting, Required: overrideVoices}
}

// overrides returns the requests of entitled people for this content, by time,
// and the latest pair of two of them within the window that has not lapsed.
func overrides(a Assessment, p *people) (requests []OverrideRequest, pair []OverrideRequest) {
	for _, r := range p.pr.Overrides {
		person, known := p.pr.People[r.By.ID]
		_, involved := p.involved[r.By.ID]
		member := known && len(person.Unknown) == 0 && containsFold(person.Teams, a.Config.Override.Team)
		about := r.Digest == a.Digest && !r.Superseded && r.Reason != ""
		if member && !involved && !p.robot(r.By) && !r.ViaApp && about {
			requests = append(requests, r)
		}
	}
	slices.SortFunc(requests, func(x, y OverrideRequest) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.By.ID, y.By.ID), cmp.Compare(x.Reason, y.Reason))
	})
	for i, second := range slices.Backward(requests) {
		if p.pr.Now.After(second.At.Add(overrideLife)) {
			break
		}
		for _, first := range slices.Backward(requests[:i]) {
			if second.At.Sub(first.At) > window(a.Config.Override) {
				break
			}
			if first.By.ID != second.By.ID {
				return requests, []OverrideRequest{first, second}
			}
		}
	}
	return requests, nil
}

// overrideEnd is when an override lapses; zero when none is in force here (in a
// merge group it is a member's).
func overrideEnd(a Assessment, pr PullRequest) time.Time {
	if a.Config == nil || a.Config.Override == nil {
		return time.Time{}
	}
	if _, pair := overrides(a, newPeople(a.Config.Approvals, pr)); pair != nil {
		return pair[1].At.Add(overrideLife)
	}
	return time.Time{}
}

func window(o *config.Override) time.Duration {
	d, err := time.ParseDuration(o.Window)
	if err != nil {
		return 0 // an unreadable window opens for nobody
	}
	return min(d, time.Hour)
}
