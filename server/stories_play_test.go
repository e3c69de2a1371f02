package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

// play is a story on its way.
type play struct {
	*world
	t     *testing.T
	story *story

	root         string
	commits      map[string]string // name → SHA
	names        map[string]string // SHA → its first name
	branches     []string          // the governed bases
	bases        map[string]*base
	objects      []string
	labels       map[string]change
	generations  int
	policyInHead map[string]map[string]string // commit → files

	pulls    map[int]*storyPull
	reviews  map[name]reviewed
	comments map[name]int64
	groups   map[string]githubtest.Group // head's name → group
	group    string                      // the last group's head
	pushedAs map[string]string           // head → the branch that was pushed before its pull request
	faults   bool                        // some are played, or wait to be
	viewed   int                         // writes caused by looking
	rows     map[name]int                // review → audit rows of its event
	last     name                        // the review whose rows are asked for
	gate     *gate

	slow      bool            // a worker stands still
	teamsMade map[string]bool // by slug
	forks     map[string]*githubtest.Repository
	reader    *store.Store // a second look at the database
}

type storyPull struct {
	number       int // at GitHub
	from         *githubtest.Repository
	branch, base string
	label, head  string
	open         bool
}

type reviewed struct {
	pr int
	id int64
}

// happenings says how each kind of event is made to happen.
var happenings map[string]func(*play, *storyEvent) error

func init() {
	happenings = map[string]func(*play, *storyEvent) error{
		"pr_opened": (*play).prOpened, "push": (*play).pushed, "base_advanced": (*play).baseAdvanced,
		"base_changed": (*play).baseChanged, "pr_closed": (*play).prClosed, "pr_reopened": (*play).prReopened,
		"draft_changed": (*play).draftChanged, "label_added": (*play).labelAdded, "branch_push": (*play).branchPushed,
		"review_submitted": (*play).reviewSubmitted, "review_draft_saved": (*play).reviewSubmitted,
		"review_dismissed": (*play).reviewDismissed, "review_edited": (*play).reviewEdited,
		"comment_created": (*play).commentCreated, "comment_edited": (*play).commentEdited,
		"comment_deleted": (*play).commentDeleted, "api_view": (*play).apiView,
		"user_renamed": (*play).userRenamed, "user_deleted": (*play).userDeleted,
		"permission_changed": (*play).permissionChanged, "team_member_removed": (*play).teamMember,
		"team_member_added": (*play).teamMember, "team_deleted": (*play).teamDeleted,
		"org_member_removed":           (*play).orgMemberRemoved,
		"policy_changed_on_base":       (*play).policyChanged,
		"ruleset_view":                 (*play).rulesetView,
		"status_posted":                (*play).statusPosted,
		"status_overwritten":           (*play).statusPosted,
		"check_requested_action":       (*play).checkAction,
		"check_rerequested":            (*play).checkAction,
		"details_page_viewed":          (*play).pageViewed,
		"pr_enqueued":                  (*play).prEnqueued,
		"pr_dequeued":                  (*play).prDequeued,
		"merge_group_destroyed":        (*play).groupDestroyed,
		"slow_worker_posts":            (*play).slowWorkerPosts,
		"event_storm":                  (*play).eventStorm,
		"api_error":                    (*play).apiError,
		"server_killed":                (*play).serverKilled,
		"server_started":               (*play).serverStarted,
		"reconcile":                    func(p *play, _ *storyEvent) error { p.sweep(); return nil },
		"merge_group_checks_requested": (*play).groupRequested,
	}
}

// told makes what happens meet the fate that the event's webhooks have.
func (p *play) told(e *storyEvent, happen func() error) error {
	fate := githubtest.Fate{Times: e.Deliveries}
	switch {
	case e.Delivered != nil && !*e.Delivered:
		fate.Vanish = true
	case e.DeliveredAt.After(e.At):
		fate.Hold = true
	}
	if fate == (githubtest.Fate{}) {
		return happen()
	}
	p.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return fate })
	defer p.github.OnDelivery(nil)
	return happen()
}

// silently makes something happen of which nobody is told; what would have
// been told is returned.
func (p *play) silently(happen func() error) ([]githubtest.Delivery, error) {
	var kept []githubtest.Delivery
	p.github.OnDelivery(func(d githubtest.Delivery) githubtest.Fate {
		kept = append(kept, d)
		return githubtest.Fate{Vanish: true}
	})
	defer p.github.OnDelivery(nil)
	return kept, happen()
}

func (p *play) pull(e *storyEvent) (*storyPull, error) {
	if pull := p.pulls[e.PR]; pull != nil {
		return pull, nil
	}
	return nil, fmt.Errorf("there is no pull request %d", e.PR)
}

// sha is the commit of that name.
func (p *play) sha(commit string) (string, error) {
	if sha, known := p.commits[commit]; known {
		return sha, nil
	}
	return "", fmt.Errorf("no commit is named %q", commit)
}

func (p *play) prOpened(e *storyEvent) error {
	branch := cmp.Or(e.BaseRef, defaultBase)
	if p.pulls[e.PR] != nil {
		return fmt.Errorf("pull request %d is there already", e.PR)
	}
	for _, c := range e.BaseCommits {
		for _, parent := range c.Parents {
			if err := p.baseAt(branch, parent); err != nil {
				return err
			}
		}
		if err := p.commit(c, branch, c.Committed, false, ""); err != nil {
			return err
		}
		if err := p.baseAt(branch, c.SHA); err != nil {
			return err
		}
	}
	if err := p.baseAt(branch, e.BaseSHA); err != nil {
		return err
	}
	pull := &storyPull{from: p.repository, branch: fmt.Sprintf("pr-%d", e.PR), base: branch, open: true}
	if pushed := p.pushedAs[e.Head]; pushed != "" && !e.Fork {
		pull.branch = pushed
	}
	head, err := p.headOf(e, branch)
	if err != nil {
		return err
	}
	if e.Fork {
		if p.forks[e.Actor] == nil {
			if p.forks[e.Actor], err = p.repository.Fork(e.Actor); err != nil {
				return err
			}
		}
		pull.from = p.forks[e.Actor]
	}
	return p.told(e, func() error {
		if err := p.pushHead(pull, e.Actor, head); err != nil {
			return err
		}
		open := githubtest.OpenPull{Author: e.Actor, Base: branch, Head: pull.branch, From: pull.from,
			Title: fmt.Sprintf("Change %d", e.PR), Draft: e.Draft != nil && *e.Draft, Counted: e.TotalCommits}
		if e.Initiator != "" {
			open.Assignees = []string{e.Initiator}
		}
		pull.number, err = p.repository.OpenPull(open)
		pull.head = e.Head
		pull.label, _ = e.label()
		p.pulls[e.PR] = pull
		return err
	})
}

// headOf makes the commits of an event and returns its head.
func (p *play) headOf(e *storyEvent, branch string) (string, error) {
	if change := e.PolicyInHead; change != nil {
		text := ""
		if change.Raw != nil {
			text = *change.Raw
		} else {
			text = p.changedPolicy(change)
		}
		p.policyInHead[e.Head] = map[string]string{policyFile: text}
	}
	if err := p.commitAll(e.Commits, branch, e); err != nil {
		return "", err
	}
	if _, known := p.commits[e.Head]; !known && e.Head != "" {
		// A head without a list of commits is one commit of the actor.
		alone := storyCommit{SHA: e.Head, Author: &e.Actor, Committer: &e.Actor}
		if before := cmp.Or(e.Before, p.headNow(e)); before != "" {
			alone.Parents = []string{before}
		}
		if err := p.commitAll([]storyCommit{alone}, branch, e); err != nil {
			return "", err
		}
	}
	return p.sha(e.Head)
}

// headNow is the name of the head that the event's pull request has until then.
func (p *play) headNow(e *storyEvent) string {
	if pull := p.pulls[e.PR]; pull != nil {
		return pull.head
	}
	return ""
}

func (p *play) changedPolicy(change *storyPolicy) string {
	kept := p.story.Config
	defer func() { p.story.Config = kept }()
	if change.Teams != nil {
		p.story.Config.Teams = change.Teams
	}
	if change.Users != nil {
		p.story.Config.Users = change.Users
	}
	required := kept.Required
	if change.Required != nil {
		required = *change.Required
	}
	return p.policy(required)
}

// pushHead pushes as somebody who, in a story, can.
func (p *play) pushHead(pull *storyPull, actor, sha string) error {
	if pull.from.Branch(pull.branch) == sha {
		return nil
	}
	err := pull.from.Push(actor, pull.branch, sha)
	if err == nil {
		return nil
	}
	if pull.from == p.repository { // a branch that somebody else has pushed
		return pull.from.Push("operator", pull.branch, sha)
	}
	// A maintainer's edit of a fork's branch.
	if _, err := p.silently(func() error { return pull.from.Permit(actor, "write") }); err != nil {
		return err
	}
	return pull.from.Push(actor, pull.branch, sha)
}

func (p *play) pushed(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	head, err := p.headOf(e, pull.base)
	if err != nil {
		return err
	}
	if e.TotalCommits > 0 {
		if err := p.repository.CountCommits(pull.number, e.TotalCommits); err != nil {
			return err
		}
	}
	return p.told(e, func() error {
		pull.head = e.Head
		if label, given := e.label(); given {
			pull.label = label
		}
		return p.pushHead(pull, e.Actor, head)
	})
}

func (p *play) baseAdvanced(e *storyEvent) error {
	branch, from := cmp.Or(e.BaseRef, defaultBase), ""
	pull := p.pulls[e.PR]
	if pull != nil {
		branch, from = pull.base, pull.label
	}
	for _, c := range slices.Concat(e.BaseCommits, e.Commits) {
		if len(c.Parents) == 0 {
			c.Parents = []string{p.names[p.repository.Branch(branch)]}
		}
		if err := p.commit(c, branch, c.Committed, false, ""); err != nil {
			return err
		}
	}
	to, given := e.label()
	if !given {
		to = from
	}
	return p.told(e, func() error {
		if pull != nil {
			pull.label = to
		}
		return p.moveBase(branch, e.BaseSHA, from, to)
	})
}

func (p *play) baseChanged(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	label, given := e.label()
	if !given {
		label = pull.label
	}
	to := cmp.Or(e.To, e.BaseRef)
	if err := p.moveBase(to, e.BaseSHA, pull.label, label); err != nil {
		return err
	}
	return p.told(e, func() error {
		pull.base, pull.label = to, label
		return p.repository.Retarget(pull.number, e.Actor, to)
	})
}

func (p *play) prClosed(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	pull.open = false
	if e.Merged {
		return p.told(e, func() error {
			_, err := p.repository.Merge(pull.number, "operator")
			return err
		})
	}
	return p.told(e, func() error { return p.repository.Close(pull.number, e.Actor) })
}

func (p *play) prReopened(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	if e.Head != "" && e.Head != pull.head {
		head, err := p.headOf(e, pull.base)
		if err != nil {
			return err
		}
		if err := p.pushHead(pull, e.Actor, head); err != nil {
			return err
		}
		pull.head = e.Head
	}
	if label, given := e.label(); given {
		pull.label = label
	}
	pull.open = true
	return p.told(e, func() error { return p.repository.Reopen(pull.number, e.Actor) })
}

func (p *play) draftChanged(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	return p.told(e, func() error {
		return p.repository.SetDraft(pull.number, e.Actor, e.Draft != nil && *e.Draft)
	})
}

func (p *play) labelAdded(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	return p.told(e, func() error { return p.repository.Label(pull.number, e.Actor, e.Label) })
}

// opens is the event that opens the first pull request with that head.
func (s *story) opens(head string) *storyEvent {
	for i, e := range s.Events {
		if e.Type == "pr_opened" && e.Head == head {
			return &s.Events[i]
		}
	}
	return nil
}

// branchPushed pushes a branch that belongs to no pull request yet: a base's
// commit is made on its tip, another branch begins at the default one. A pull
// request that is opened with its head later is of that branch.
func (p *play) branchPushed(e *storyEvent) error {
	branch := strings.TrimPrefix(e.Ref, "refs/heads/")
	from := cmp.Or(p.repository.Branch(branch), p.repository.Branch(defaultBase))
	on := branch
	if p.bases[on] == nil {
		on = defaultBase
	}
	of := e
	if opened := p.story.opens(e.Head); opened != nil && len(e.Commits) == 0 {
		of = opened // that says what the branch holds
	}
	if err := p.baseAt(on, of.BaseSHA); err != nil {
		return err
	}
	if err := p.commitAll(of.Commits, on, of); err != nil {
		return err
	}
	if p.bases[branch] == nil {
		p.pushedAs[e.Head] = branch
	}
	if _, known := p.commits[e.Head]; !known {
		label, _ := e.label()
		files, err := p.content(from, label, p.bases[on])
		if err != nil {
			return err
		}
		files["docs/"+objectName(e.Head)+".md"] = e.Head + "\n"
		sha, err := p.repository.Commit(githubtest.Commit{Parents: []string{from}, Author: e.Actor, Files: files})
		if err != nil {
			return err
		}
		p.name(e.Head, sha)
		if meant := p.labels[label]; label != "" && p.bases[branch] != nil {
			p.bases[branch].tips[meant.object] = tip{meant.value, meant.generation}
		}
	}
	return p.told(e, func() error { return p.repository.Push(e.Actor, branch, p.commits[e.Head]) })
}

func (p *play) reviewSubmitted(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	commit := ""
	if e.Commit != "" {
		if commit, err = p.sha(e.Commit); err != nil {
			return err
		}
	}
	return p.told(e, func() error {
		id, err := p.repository.Review(pull.number, githubtest.Review{Login: e.Actor, State: cmp.Or(e.State, "pending"), Body: e.Body,
			Commit: commit, Own: true})
		p.reviews[e.Review] = reviewed{e.PR, id}
		if e.Deliveries > 1 || p.last == "" {
			p.last = e.Review
		}
		return err
	})
}

func (p *play) onReview(e *storyEvent, happen func(number int, id int64) error) error {
	found, known := p.reviews[e.Review]
	if !known {
		return fmt.Errorf("no review is named %q", e.Review)
	}
	return p.told(e, func() error { return happen(p.pulls[found.pr].number, found.id) })
}

func (p *play) reviewDismissed(e *storyEvent) error {
	return p.onReview(e, func(number int, id int64) error {
		return p.repository.DismissReview(number, id, e.Actor, cmp.Or(e.Body, "no longer"))
	})
}

func (p *play) reviewEdited(e *storyEvent) error {
	return p.onReview(e, func(number int, id int64) error { return p.repository.EditReview(number, id, e.Actor, e.Body) })
}

func (p *play) commentCreated(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	return p.told(e, func() error {
		id, err := p.repository.Comment(pull.number, e.Actor, e.Body)
		p.comments[e.Comment] = id
		return err
	})
}

func (p *play) commentEdited(e *storyEvent) error {
	id := p.comments[e.Comment]
	if pull := p.pulls[e.PR]; id == 0 && pull != nil { // not somebody's: ours
		for _, c := range p.repository.Comments(pull.number) {
			if c.Login == "countersign[bot]" {
				id = c.ID
			}
		}
	}
	return p.told(e, func() error { return p.repository.EditComment(id, e.Actor, e.Body) })
}

func (p *play) commentDeleted(e *storyEvent) error {
	return p.told(e, func() error { return p.repository.DeleteComment(p.comments[e.Comment], e.Actor) })
}

// apiView makes GitHub's list of reviews be as given: reviews that it knows
// name other commits, others appear without a word. Then somebody looks.
func (p *play) apiView(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	for _, seen := range e.Reviews {
		commit, err := p.sha(seen.Commit)
		if err != nil {
			return err
		}
		id := p.reviewOf(e.PR, seen)
		if id == 0 {
			_, err = p.silently(func() error {
				_, err := p.repository.Review(pull.number, githubtest.Review{Login: seen.Actor, State: seen.State,
					Body: seen.Body, Commit: commit, Own: true})
				return err
			})
		} else {
			err = p.repository.PointReview(pull.number, id, commit)
		}
		if err != nil {
			return err
		}
	}
	p.sweep()
	return nil
}

// reviewOf finds the review that a view speaks of: by name, or the last of its actor.
func (p *play) reviewOf(pr int, seen storyReview) int64 {
	if seen.Review != "" {
		return p.reviews[seen.Review].id
	}
	found := int64(0)
	for _, e := range p.story.Events {
		if r, known := p.reviews[e.Review]; known && e.Type == "review_submitted" && r.pr == pr && e.Actor == seen.Actor {
			found = r.id
		}
	}
	return found
}

func (p *play) pageViewed(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	before := len(p.github.Writes())
	answer, err := http.Get(fmt.Sprintf("%s/%s/pull/%d", p.app.URL(), p.repository.FullName(), pull.number))
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	p.rest()
	p.viewed += len(p.github.Writes()) - before
	return nil
}

// checkAction presses a button of our check on a commit. What the payload says
// of pull requests is what the story says.
func (p *play) checkAction(e *storyEvent) error {
	sha, err := p.sha(cmp.Or(e.SHA, e.Head))
	if err != nil {
		return err
	}
	runs := slices.DeleteFunc(p.repository.CheckRuns(sha), func(run githubtest.CheckRun) bool { return run.App != p.github.AppID() })
	if len(runs) == 0 {
		return fmt.Errorf("no check of ours is on %s", e.SHA)
	}
	run := runs[len(runs)-1]
	kept, err := p.silently(func() error {
		if e.Type == "check_rerequested" {
			return p.repository.Rerequest(run.ID, e.Actor)
		}
		if len(run.Buttons) == 0 {
			return fmt.Errorf("the check %q has no button", run.Name)
		}
		return p.repository.RequestAction(run.ID, e.Actor, run.Buttons[0])
	})
	if err != nil {
		return err
	}
	for _, d := range kept {
		var payload map[string]any
		if err := json.Unmarshal(d.Payload, &payload); err != nil {
			return err
		}
		if e.present["pull_requests"] {
			payload["check_run"].(map[string]any)["pull_requests"] = p.listed(e.Pulls)
		}
		if e.Identifier != "" && !slices.Contains(run.Buttons, e.Identifier) {
			payload["requested_action"] = map[string]any{"identifier": e.Identifier}
		}
		text, err := json.Marshal(payload)
		if err != nil {
			return err
		}
		if err := p.told(e, func() error { p.github.Send(d.Event, text); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// listed are pull requests as a check's payload lists them.
func (p *play) listed(given []any) []any {
	list := []any{}
	for _, one := range given {
		pr, isNumber := one.(float64)
		pull := p.pulls[int(pr)]
		if !isNumber || pull == nil {
			list = append(list, one)
			continue
		}
		repository := map[string]any{"id": p.repository.ID()}
		list = append(list, map[string]any{"number": pull.number, "head": map[string]any{"ref": pull.branch,
			"sha": p.commits[pull.head], "repo": repository},
			"base": map[string]any{"ref": pull.base, "repo": repository}})
	}
	return list
}

// moments are when something happens: events, and what was told late.
func (s *story) moments() []time.Time {
	var all []time.Time
	for _, e := range s.Events {
		all = append(all, e.At, e.DeliveredAt)
	}
	all = slices.DeleteFunc(all, time.Time.IsZero)
	slices.SortFunc(all, time.Time.Compare)
	return slices.Compact(all)
}
