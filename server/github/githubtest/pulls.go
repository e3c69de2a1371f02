package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// issue is an issue or, with pull, a pull request: they share their numbers.
type issue struct {
	id                       int64
	number                   int
	title, body, state       string
	author                   *User
	labels                   []string
	assignees                []*User
	created, updated, closed time.Time
	pull                     *pull
	viaApp                   bool
}

// pull is what a pull request has besides an issue.
type pull struct {
	baseRef, baseSHA string // the SHA as of the last push or retarget, as at GitHub
	headRepo         int64  // 0: never; its repository may be deleted
	headRef, headSHA string
	headOwner        string
	draft            bool
	merged           time.Time
	mergedBy         *User
	mergeSHA         string
	tested           [2]string // base tip and head of the test merge that mergeSHA is
	mergeable        bool
	reviews          []*review
	pusher           *User // of the last push
	counted          int   // how many commits GitHub says there are; 0: those of git
	reviewers        []*User
	teams            []*team
}

type review struct {
	id                  int64
	user                *User
	state, body, commit string // state as in REST; the commit moves when GitHub moves it
	submitted, edited   time.Time
	dismissed           string // the message
	dismissedBy         *User
}

func (c *call) pull() *issue {
	if i := c.repo.issues[int(c.number("pull_number"))]; i != nil && i.pull != nil {
		return i
	}
	return nil
}

// sides are the two ends of a pull request's comparison.
func (r *Repository) sides(p *pull) (base, head string) {
	base = p.baseSHA
	if tip := r.branch(p.baseRef); tip != "" && p.merged.IsZero() {
		base = tip
	}
	return base, p.headSHA
}

func (r *Repository) commitsOf(p *pull) []string { return r.between(r.sides(p)) }

func (r *Repository) filesOfPull(p *pull) []changed {
	base, head := r.sides(p)
	if fork := r.mergeBase(base, head); fork != "" {
		return r.files(fork, head)
	}
	return nil
}

// test makes the test merge, of which GitHub tells only on the next request.
func (r *Repository) test(i *issue) (known bool) {
	p := i.pull
	base := r.branch(p.baseRef)
	if p.tested == [2]string{base, p.headSHA} || i.state != "open" || base == "" {
		return true
	}
	p.tested = [2]string{base, p.headSHA}
	tree := r.mergeTree(base, p.headSHA)
	p.mergeable = tree != ""
	if !p.mergeable {
		return false
	}
	sha, err := r.commit(Commit{Parents: []string{base, p.headSHA}, Tree: tree, Author: "web-flow",
		Message: "Merge " + p.headSHA + " into " + base})
	if err != nil {
		r.server.note("test merge of #%d: %v", i.number, err)
		return false
	}
	p.mergeSHA = sha
	if err := r.setRef(fmt.Sprintf("refs/pull/%d/merge", i.number), sha); err != nil {
		r.server.note("test merge of #%d: %v", i.number, err)
	}
	return false
}

func (r *Repository) endView(p *pull, head bool) object {
	s := r.server
	if !head {
		return object{"label": r.ownerLogin() + ":" + p.baseRef, "ref": p.baseRef, "sha": p.baseSHA,
			"repo": s.repositoryView(r), "user": s.accountView(r.ownerLogin())}
	}
	view := object{"label": p.headOwner + ":" + p.headRef, "ref": p.headRef, "sha": p.headSHA, "repo": nil,
		"user": s.accountView(p.headOwner)}
	if from := s.repositories[p.headRepo]; from != nil {
		view["repo"] = s.repositoryView(from)
	}
	return view
}

func (r *Repository) association(u *User) string {
	switch {
	case u == nil:
		return "NONE"
	case r.owner == u:
		return "OWNER"
	case r.org != nil && r.org.members[u.ID] == "active":
		return "MEMBER"
	case r.roles[u.ID] != "":
		return "COLLABORATOR"
	}
	return "NONE"
}

// simpleView is a pull request in a list.
func (r *Repository) simpleView(i *issue) object {
	s, p := r.server, i.pull
	self, discussion, page := r.api(fmt.Sprintf("/pulls/%d", i.number)), r.api(fmt.Sprintf("/issues/%d", i.number)),
		r.web(fmt.Sprintf("/pull/%d", i.number))
	links := object{}
	urls := map[string]string{"self": self, "html": page, "issue": discussion, "comments": discussion + "/comments",
		"review_comments": self + "/comments", "review_comment": r.api("/pulls/comments{/number}"),
		"commits": self + "/commits", "statuses": r.api("/statuses/" + p.headSHA)}
	for key, to := range urls {
		links[key] = object{"href": to}
	}
	view := r.issueCore(i)
	maps.Copy(view, object{"url": self, "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"issue_url": discussion, "comments_url": urls["comments"], "commits_url": urls["commits"],
		"review_comments_url": urls["review_comments"], "review_comment_url": urls["review_comment"],
		"statuses_url": urls["statuses"], "_links": links, "base": r.endView(p, false), "head": r.endView(p, true),
		"draft": p.draft, "auto_merge": nil, "merged_at": stampOrNull(p.merged),
		"merge_commit_sha":    textOrNull(p.mergeSHA),
		"requested_reviewers": s.userViews(p.reviewers), "requested_teams": s.teamViews(r.org, p.teams)})
	return view
}

func (s *Server) userViews(users []*User) []any {
	list := []any{}
	for _, u := range users {
		list = append(list, s.userView(u))
	}
	return list
}

func (s *Server) teamViews(o *Organisation, teams []*team) []any {
	list := []any{}
	for _, t := range teams {
		list = append(list, s.teamView(o, t))
	}
	return list
}

// pullView is a pull request alone: with all that takes a computation.
func (r *Repository) pullView(i *issue) object {
	p := i.pull
	known := r.test(i)
	view := r.simpleView(i)
	files := r.filesOfPull(p)
	added, deleted := 0, 0
	for _, f := range files {
		added, deleted = added+f.additions, deleted+f.deletions
	}
	maps.Copy(view, object{"merged": !p.merged.IsZero(), "merged_by": r.server.userView(p.mergedBy),
		"mergeable": nil, "mergeable_state": "unknown", "rebaseable": nil, "comments": len(r.commentsOf(i.number)),
		"review_comments": 0, "maintainer_can_modify": false,
		"commits":   cmp.Or(p.counted, len(r.commitsOf(p))),
		"additions": added, "deletions": deleted, "changed_files": len(files)})
	if known && i.state == "open" {
		view["mergeable"], view["mergeable_state"] = p.mergeable, r.mergeState(i)
	}
	return view
}

func (r *Repository) mergeState(i *issue) string {
	switch {
	case !i.pull.mergeable:
		return "dirty"
	case i.pull.draft:
		return "draft"
	case len(r.missing(i)) > 0:
		return "blocked"
	}
	return "clean"
}

func (c *call) showPull() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	return ok(c.repo.pullView(i))
}

func (r *Repository) numbers() []int { return slices.Sorted(maps.Keys(r.issues)) }

func (c *call) listPulls() *answer {
	state, sorted := cmp.Or(c.query("state"), "open"), cmp.Or(c.query("sort"), "created")
	if sorted != "created" && sorted != "updated" {
		c.s.note("pulls/list: sort by %s is not answered", sorted)
	}
	var found []*issue
	for _, n := range c.repo.numbers() {
		i := c.repo.issues[n]
		if i.pull != nil && (state == "all" || i.state == state) && cmp.Or(c.query("base"),
			i.pull.baseRef) == i.pull.baseRef &&
			(c.query("head") == "" || c.query("head") == i.pull.headOwner+":"+i.pull.headRef) {
			found = append(found, i)
		}
	}
	if sorted == "updated" {
		slices.SortStableFunc(found, func(a, b *issue) int { return a.updated.Compare(b.updated) })
	}
	if c.query("direction") == "desc" || c.query("direction") == "" && sorted == "created" {
		slices.Reverse(found)
	}
	return page(c, "", found, func(i *issue) any { return c.repo.simpleView(i) })
}

func (c *call) listPullsOfCommit() *answer {
	sha := c.r.PathValue("commit_sha")
	if c.repo.metadata(sha) == nil {
		return refuse(422, "No commit found for SHA: "+sha)
	}
	var found []*issue
	for _, n := range c.repo.numbers() {
		i := c.repo.issues[n]
		if i.pull != nil && i.pull.headRepo != 0 && slices.Contains(c.repo.commitsOf(i.pull), sha) {
			found = append(found, i)
		}
	}
	return page(c, "", found, func(i *issue) any { return c.repo.simpleView(i) })
}

// What the lists of a pull request stop at.
const mostCommits, mostFiles = 250, 3000

func (c *call) listPullCommits() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	all := c.repo.commitsOf(i.pull)
	return page(c, "", all[:min(len(all), mostCommits)], func(sha string) any {
		return c.repo.commitView(c.repo.metadata(sha))
	})
}

func (c *call) listPullFiles() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	all := c.repo.filesOfPull(i.pull)
	return page(c, "", all[:min(len(all), mostFiles)], func(f changed) any {
		return c.repo.fileView(f, i.pull.headSHA)
	})
}

func (r *Repository) reviewView(i *issue, v *review) object {
	page, self := r.web(fmt.Sprintf("/pull/%d", i.number)), r.api(fmt.Sprintf("/pulls/%d", i.number))
	page = fmt.Sprintf("%s#pullrequestreview-%d", page, v.id)
	return object{"id": v.id, "node_id": nodeID("PRR", v.id), "user": r.server.userView(v.user), "body": v.body,
		"state": v.state, "commit_id": v.commit, "submitted_at": stamp(v.submitted), "html_url": page,
		"pull_request_url": self, "author_association": r.association(v.user),
		"_links": object{"html": object{"href": page}, "pull_request": object{"href": self}}}
}

func (c *call) listReviews() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	seen := slices.DeleteFunc(slices.Clone(i.pull.reviews), func(v *review) bool {
		return v.state == "PENDING" && (c.user == nil || v.user != c.user)
	})
	return page(c, "", seen, func(v *review) any { return c.repo.reviewView(i, v) })
}

// review finds the review of the path.
func (c *call) review() (*issue, *review) {
	if i := c.pull(); i != nil {
		for _, v := range i.pull.reviews {
			if v.id == c.number("review_id") && v.state != "PENDING" {
				return i, v
			}
		}
	}
	return nil, nil
}

func (c *call) showReview() *answer {
	i, v := c.review()
	if v == nil {
		return notFound()
	}
	return ok(c.repo.reviewView(i, v))
}

// asPerson refuses Apps: what counts people is for people's tokens here.
func (c *call) asPerson(role string) *answer {
	if c.user == nil || !c.repo.can(c.user, role) {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return nil
}

func (c *call) createReview() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	if refusal := c.asPerson("read"); refusal != nil {
		return refusal
	}
	state, known := map[string]string{"APPROVE": "approved", "REQUEST_CHANGES": "changes_requested",
		"COMMENT": "commented", "": "pending"}[c.text("event")]
	if !known || state != "approved" && c.text("body") == "" && state != "pending" {
		return invalid("PullRequestReview", "event", "is not known, or needs a body")
	}
	v, err := c.repo.review(i, c.user, Review{State: state, Body: c.text("body"), Commit: c.text("commit_id")})
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, err.Error())
	}
	return ok(c.repo.reviewView(i, v))
}

func (c *call) dismissReview() *answer {
	i, v := c.review()
	if v == nil {
		return notFound()
	}
	if refusal := c.asPerson("write"); refusal != nil {
		return refusal
	}
	if err := c.repo.dismiss(i, v, c.user, c.text("message")); err != nil {
		return refuse(http.StatusUnprocessableEntity, err.Error())
	}
	return ok(c.repo.reviewView(i, v))
}

func (c *call) mergePull() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	if refusal := c.asPerson("write"); refusal != nil {
		return refusal
	}
	if sha := c.text("sha"); sha != "" && sha != i.pull.headSHA {
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	if c.body["merge_method"] != nil && c.text("merge_method") != "merge" {
		c.s.note("pulls/merge: only merge commits are made here, not %v", c.body["merge_method"])
	}
	sha, err := c.repo.merge(i, c.user)
	if err != nil {
		return refuse(http.StatusMethodNotAllowed, err.Error())
	}
	return ok(object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"})
}

func (c *call) requestReviewers() *answer {
	i := c.pull()
	if i == nil {
		return notFound()
	}
	var users []*User
	var teams []*team
	for _, login := range c.texts("reviewers") {
		u := c.s.login(login)
		switch {
		case u == i.author && u != nil:
			return refuse(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		case u == nil || !c.repo.can(u, "read"):
			return refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. "+
				"One or more of the users or teams you specified is not a collaborator of the "+
				c.repo.fullName()+" repository.")
		}
		users = append(users, u)
	}
	for _, slug := range c.texts("team_reviewers") {
		if c.repo.org == nil || c.repo.org.team(slug) == nil || c.repo.teamRoles[c.repo.org.team(slug).id] == "" {
			return refuse(http.StatusUnprocessableEntity, "Could not resolve to a team that may be asked: "+slug)
		}
		teams = append(teams, c.repo.org.team(slug))
	}
	for _, u := range users {
		if !slices.Contains(i.pull.reviewers, u) {
			i.pull.reviewers = append(i.pull.reviewers, u)
			c.repo.emitPull(i, "review_requested", c.actor(), object{"requested_reviewer": c.s.userView(u)})
		}
	}
	for _, t := range teams {
		if !slices.Contains(i.pull.teams, t) {
			i.pull.teams = append(i.pull.teams, t)
			c.repo.emitPull(i, "review_requested", c.actor(), object{"requested_team": c.s.teamView(c.repo.org, t)})
		}
	}
	return created(c.repo.simpleView(i))
}

// actor is the account under which the caller's writes appear.
func (c *call) actor() *User {
	if c.user != nil {
		return c.user
	}
	return c.s.app
}

func (r *Repository) emitPull(i *issue, action string, sender *User, more object) {
	payload := object{"number": i.number, "pull_request": r.pullView(i)}
	maps.Copy(payload, more)
	r.server.emit(event{name: "pull_request", action: action, repository: r, sender: sender, payload: payload})
}

func (r *Repository) emitReview(i *issue, v *review, action string, sender *User) {
	r.emitReviewWith(i, v, action, sender, nil)
}

func (r *Repository) emitReviewEdit(i *issue, v *review, sender *User, old string) {
	r.emitReviewWith(i, v, "edited", sender, object{"changes": object{"body": object{"from": old}}})
}

func (r *Repository) emitReviewWith(i *issue, v *review, action string, sender *User, more object) {
	view := r.reviewView(i, v)
	view["state"] = strings.ToLower(v.state) // GitHub's webhooks differ from its REST here
	payload := object{"review": view, "pull_request": r.simpleView(i)}
	maps.Copy(payload, more)
	r.server.emit(event{name: "pull_request_review", action: action, repository: r, sender: sender, payload: payload})
}
