package webhook

import (
	"strings"

	"github.com/countersign-dev/countersign/server/store"
)

// many is how many pull requests one check may wake by name; GitHub lists few.
const many = 100

func (e *event) checkRun() {
	run := e.CheckRun
	if app := max(run.App.ID, run.Suite.App.ID); app != e.app || app == 0 {
		if !hasPrefixFold(run.Name, ours+" (") {
			e.ignore("a check that is none of our business")
			return
		}
		// Somebody else's under our name: both who wrote and what it hides are to be looked at.
		e.wakeListed(run.Pulls, store.Review)
		e.wakeAll(store.Review)
		return
	}
	if e.Action != "rerequested" && e.Action != "requested_action" {
		e.ignore("a check of our own")
		return
	}
	if number, found := e.external(run.ExternalID); found {
		e.wakePull(number, store.Command)
		return
	}
	run.Suite.Pulls = append(run.Pulls, run.Suite.Pulls...)
	e.again(run.Suite)
}

func (e *event) checkSuite() {
	switch {
	case e.Action != "rerequested":
		e.ignore("pull requests and groups come with events of their own")
	case e.CheckSuite.App.ID != 0 && e.CheckSuite.App.ID != e.app:
		e.ignore("checks of another App")
	default:
		e.again(e.CheckSuite)
	}
}

// again wakes whatever a suite is about. Those of forks list no pull request.
func (e *event) again(suite checkSuite) {
	if strings.HasPrefix(suite.HeadBranch, queuePrefix) {
		target := store.Target{Repository: e.out.Repository, Group: "refs/heads/" + suite.HeadBranch}
		e.wake(target, store.MergeGroup)
		return
	}
	if !e.wakeListed(suite.Pulls, store.Command) {
		e.wakeAll(store.Command)
	}
}

// wakeListed wakes the pull requests of this repository among those listed and
// reports whether there are some.
func (e *event) wakeListed(pulls []listedPull, priority store.Priority) bool {
	found := false
	for _, p := range pulls[:min(len(pulls), many)] {
		if p.Number > 0 && (p.Base.Repo.ID == 0 || p.Base.Repo.ID == e.out.Repository) {
			e.wakePull(p.Number, priority)
			found = true
		}
	}
	return found
}
