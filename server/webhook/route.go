package webhook

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// event is one event on its way through Route.
type event struct {
	payload
	app      int64
	received time.Time
	out      Routed
}

// Route says what an event means. It is pure and total over bytes: an error
// is a payload that cannot be read. app is our own App's id.
func Route(app int64, name string, text []byte, received time.Time) (Routed, error) {
	p, err := decode(text)
	if err != nil {
		return Routed{Event: name, Ignored: "the payload cannot be read"}, err
	}
	e := &event{payload: p, app: app, received: received,
		out: Routed{Event: name, Action: p.Action, Installation: max(p.Installation.ID, 0)}}
	if p.Repository != nil {
		e.out.Repository = max(p.Repository.ID, 0)
	}
	route, known := routes[name]
	switch {
	case !known:
		e.ignore("an event that changes no check")
	case e.out.Installation == 0:
		e.ignore("the payload names no installation")
	case e.out.Repository == 0 && !ofInstallations[name]:
		e.ignore("the payload names no repository")
	default:
		route(e)
	}
	return e.out, nil
}

// routes says what each event means; others mean nothing.
var routes = map[string]func(*event){
	"pull_request":              (*event).pullRequest,
	"pull_request_review":       (*event).pullRequestReview,
	"issue_comment":             (*event).issueComment,
	"check_run":                 (*event).checkRun,
	"check_suite":               (*event).checkSuite,
	"push":                      (*event).push,
	"merge_group":               (*event).mergeGroup,
	"status":                    (*event).status,
	"membership":                (*event).people,
	"team":                      (*event).people,
	"team_add":                  (*event).people,
	"member":                    (*event).people,
	"organization":              (*event).people,
	"repository":                (*event).repository,
	"repository_ruleset":        (*event).rules,
	"branch_protection_rule":    (*event).rules,
	"installation":              (*event).installation,
	"installation_repositories": (*event).installation,
}

// ofInstallations are events that may come without a repository.
var ofInstallations = map[string]bool{
	"membership": true, "team": true, "organization": true, "repository_ruleset": true,
	"installation": true, "installation_repositories": true,
}

func (e *event) ignore(reason string) { e.out.Ignored = reason }

func (e *event) wake(target store.Target, priority store.Priority) {
	wake := store.Wake{Target: target, Installation: e.out.Installation, Priority: priority}
	if !slices.Contains(e.out.Wakes, wake) {
		e.out.Wakes = append(e.out.Wakes, wake)
	}
}

// wakePull wakes a pull request. Where the payload does not say which, the
// repository is looked at: too much is better than too little.
func (e *event) wakePull(number int64, priority store.Priority) {
	if number <= 0 {
		e.wakeAll(priority)
		return
	}
	e.wake(store.Target{Repository: e.out.Repository, Pull: number}, priority)
}

// wakeAll wakes the repository or, where the event has none, the installation.
func (e *event) wakeAll(priority store.Priority) {
	if e.out.Repository == 0 {
		e.wake(InstallationTarget(e.out.Installation), priority)
		return
	}
	e.wake(RepositoryTarget(e.out.Repository), priority)
}

// without are actions on pull requests that no verdict depends on.
var without = map[string]bool{
	"labeled": true, "unlabeled": true, "locked": true, "unlocked": true, "milestoned": true, "demilestoned": true,
	"review_requested": true, "review_request_removed": true, "enqueued": true, "dequeued": true,
	"auto_merge_enabled": true, "auto_merge_disabled": true,
}

func (e *event) pullRequest() {
	if without[e.Action] {
		e.ignore("no verdict depends on it")
		return
	}
	number := cmp.Or(e.PullRequest.Number, e.Number)
	// Only what asks for another rendering, or for none, ends one that is under way.
	priority := store.Review
	switch e.Action {
	case "opened":
		priority = store.Push
		e.head(store.HeadSeen{Pull: number, SHA: e.PullRequest.Head.SHA, Sender: e.Sender.ID,
			At: e.PullRequest.Created.Time})
	case "reopened":
		// Who brought this head was not told: it may have moved while nobody was told of it.
		priority = store.Push
		e.head(store.HeadSeen{Pull: number, SHA: e.PullRequest.Head.SHA, At: e.PullRequest.Updated.Time})
	case "synchronize":
		priority = store.Push
		e.head(store.HeadSeen{Pull: number, SHA: cmp.Or(e.After, e.PullRequest.Head.SHA), Before: e.Before,
			Sender: e.Sender.ID, At: e.PullRequest.Updated.Time})
	case "edited":
		if e.Changes.Base != nil {
			priority = store.Push
		}
	case "closed":
		priority = store.Push
	}
	e.wakePull(number, priority)
}

func (e *event) head(h store.HeadSeen) {
	if h.Pull <= 0 || !isCommit(h.SHA) || h.Before != "" && !isCommit(h.Before) {
		return
	}
	h.Repository = e.out.Repository
	h.At = e.or(h.At)
	e.out.Facts.Heads = append(e.out.Facts.Heads, h)
}

// or is a moment, or that of the delivery where the event gave none.
func (e *event) or(at time.Time) time.Time {
	if at.IsZero() {
		return e.received
	}
	return at
}

func (e *event) pullRequestReview() {
	number, known := e.PullRequest.Number, e.Review.ID > 0 && e.PullRequest.Number > 0
	switch {
	case e.Action == "submitted" && known && isCommit(e.Review.Commit):
		e.out.Facts.Reviews = []store.ReviewSeen{{Repository: e.out.Repository, ID: e.Review.ID, Pull: number,
			Person: e.Review.User.ID, BaseRef: e.PullRequest.Base.Ref, Commit: e.Review.Commit,
			State: strings.ToUpper(e.Review.State), Submitted: e.Review.Submitted.Time, Body: e.Review.Body}}
	case e.Action == "dismissed" && known && e.Sender.ID > 0:
		e.out.Facts.Dismissals = []store.DismissalSeen{{Repository: e.out.Repository, Review: e.Review.ID,
			Pull: number, Sender: e.Sender.ID, At: e.or(e.PullRequest.Updated.Time)}}
	}
	e.wakePull(number, store.Review)
}

func (e *event) issueComment() {
	if e.Issue.PullRequest == nil {
		e.ignore("a comment on an issue")
		return
	}
	c := e.Comment
	if e.Action != "created" {
		// Somebody may have spoilt a comment of ours. Our own edits are no news.
		if (c.App.ID == e.app || c.User.Type == "Bot") && e.Sender.ID != c.User.ID {
			e.wakePull(e.Issue.Number, store.Sweep)
			return
		}
		e.ignore("the first text of a comment stands, whatever becomes of it")
		return
	}
	if c.ID > 0 && e.Issue.Number > 0 {
		edited := !c.Updated.IsZero() && !c.Updated.Equal(c.Created.Time)
		e.out.Facts.Comments = []store.CommentSeen{{Repository: e.out.Repository, ID: c.ID, Pull: e.Issue.Number,
			Person: c.User.ID, App: c.App.ID, Edited: edited, Created: c.Created.Time, Body: c.Body}}
	}
	switch {
	case c.App.ID == e.app && e.app != 0:
		e.ignore("a comment of our own")
	case !strings.Contains(strings.ToLower(c.Body), "/c"):
		e.ignore("a comment without a command")
	default:
		e.wakePull(e.Issue.Number, store.Command)
	}
}

func (e *event) push() {
	branch, found := strings.CutPrefix(e.Ref, "refs/heads/")
	switch {
	case !found:
		e.ignore("a push to no branch")
		return
	case strings.HasPrefix(branch, queuePrefix):
		e.ignore("a branch of a merge queue: its group's event tells")
		return
	case e.Deleted || !isCommit(e.After):
		e.ignore("a branch that was deleted")
		return
	}
	// A commit's own date is its author's to choose; this one is GitHub's.
	at := e.or(e.Repository.PushedAt.Time)
	e.out.Facts.Pushes = []store.PushSeen{{Repository: e.out.Repository, Ref: e.Ref, After: e.After, Before: e.Before,
		Sender: e.Sender.ID, Forced: e.Forced, At: at}}
	e.out.Facts.Tips = []store.TipSeen{{Repository: e.out.Repository, Ref: e.Ref, SHA: e.After, At: at}}
	e.wakeAll(store.Push)
}

const queuePrefix = "gh-readonly-queue/"

func (e *event) mergeGroup() {
	group := e.MergeGroup
	if !strings.HasPrefix(group.HeadRef, "refs/heads/") {
		e.wakeAll(store.MergeGroup)
		return
	}
	if e.Action == "checks_requested" && isCommit(group.HeadSHA) && isCommit(group.BaseSHA) {
		e.out.Facts.Pushes = []store.PushSeen{{Repository: e.out.Repository, Ref: group.HeadRef, After: group.HeadSHA,
			Before: group.BaseSHA, Sender: e.Sender.ID, At: e.received}}
	}
	e.wake(store.Target{Repository: e.out.Repository, Group: group.HeadRef}, store.MergeGroup)
}

// ours are the names that we speak under.
const ours = "countersign"

// status: we never write one, so one under our name is somebody else's.
func (e *event) status() {
	if !hasPrefixFold(e.Context, ours) {
		e.ignore("a status that is none of our business")
		return
	}
	e.wakeAll(store.Review)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func (e *event) people() {
	e.out.People = true
	e.wakeAll(store.Review)
}

func (e *event) repository() {
	e.out.People = true
	if e.Action == "deleted" {
		e.ignore("nothing is left to look at")
		return
	}
	e.wakeAll(store.Push)
}

func (e *event) rules() { e.wakeAll(store.Push) }

func (e *event) installation() {
	e.out.People = true
	if e.Action == "deleted" || e.Action == "suspend" {
		e.ignore("GitHub answers us no more")
		return
	}
	e.wake(InstallationTarget(e.out.Installation), store.Push)
}

// external finds the pull request in a check's external id,
// "REPOSITORY/PULL/BASE/HEAD". What is not of this repository names none.
func (e *event) external(id string) (number int64, found bool) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) < 3 || parts[0] != strconv.FormatInt(e.out.Repository, 10) {
		return 0, false
	}
	number, err := strconv.ParseInt(parts[1], 10, 64)
	return number, err == nil && number > 0
}
