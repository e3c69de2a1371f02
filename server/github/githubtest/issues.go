package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

type comment struct {
	id               int64
	number           int // of its issue
	user             *User
	body             string
	created, updated time.Time
	viaApp           bool
	reactions        []reaction
}

type reaction struct {
	id      int64
	user    *User
	content string
	at      time.Time
}

// issueCore is what issues and pull requests show alike.
func (r *Repository) issueCore(i *issue) object {
	labels := []any{}
	for n, name := range i.labels {
		labels = append(labels, object{"id": n + 1, "node_id": nodeID("LA", int64(n)), "url": r.api("/labels/" + name),
			"name": name, "description": "", "color": "ededed", "default": false})
	}
	var assignee any
	if len(i.assignees) > 0 {
		assignee = r.server.userView(i.assignees[0])
	}
	return object{"id": i.id, "node_id": nodeID("IS", i.id), "number": i.number, "title": i.title,
		"body": textOrNull(i.body), "state": i.state, "locked": false, "active_lock_reason": nil,
		"user": r.server.userView(i.author), "labels": labels, "assignee": assignee, "milestone": nil,
		"assignees": r.server.userViews(i.assignees), "created_at": stamp(i.created), "updated_at": stamp(i.updated),
		"closed_at": stampOrNull(i.closed), "author_association": r.association(i.author)}
}

func (r *Repository) issueView(i *issue) object {
	self := r.api(fmt.Sprintf("/issues/%d", i.number))
	view := r.issueCore(i)
	page := r.web(fmt.Sprintf("/issues/%d", i.number))
	maps.Copy(view, object{"url": self, "repository_url": r.api(""), "labels_url": self + "/labels{/name}",
		"comments_url": self + "/comments", "events_url": self + "/events", "timeline_url": self + "/timeline",
		"html_url": page, "comments": len(r.commentsOf(i.number)), "performed_via_github_app": nil,
		"reactions": rollup(self, nil)})
	if i.viaApp {
		view["performed_via_github_app"] = r.server.appView()
	}
	if i.pull != nil {
		pull := r.simpleView(i)
		view["draft"], view["html_url"] = i.pull.draft, pull["html_url"]
		view["pull_request"] = object{"url": pull["url"], "html_url": pull["html_url"], "diff_url": pull["diff_url"],
			"patch_url": pull["patch_url"], "merged_at": pull["merged_at"]}
	}
	return view
}

func rollup(self string, reactions []reaction) object {
	view := object{"url": self + "/reactions", "total_count": len(reactions)}
	for _, content := range reactionContents {
		view[content] = 0
	}
	for _, given := range reactions {
		view[given.content] = view[given.content].(int) + 1
	}
	return view
}

var reactionContents = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

func (r *Repository) commentsOf(number int) []*comment {
	var all []*comment
	for _, m := range r.comments {
		if m.number == number {
			all = append(all, m)
		}
	}
	return all
}

func (r *Repository) commentView(m *comment) object {
	self := r.api(fmt.Sprintf("/issues/comments/%d", m.id))
	view := object{"id": m.id, "node_id": nodeID("IC", m.id), "url": self, "body": m.body,
		"html_url": r.web(fmt.Sprintf("/issues/%d#issuecomment-%d", m.number, m.id)), "user": r.server.userView(m.user),
		"issue_url": r.api(fmt.Sprintf("/issues/%d", m.number)), "created_at": stamp(m.created),
		"updated_at": stamp(m.updated), "author_association": r.association(m.user),
		"performed_via_github_app": nil, "reactions": rollup(self, m.reactions)}
	if m.viaApp {
		view["performed_via_github_app"] = r.server.appView()
	}
	return view
}

// discussion is the issue that the call's comments belong to. Where the App
// has the right of one kind only, the other is hidden.
func (c *call) discussion(number int) (*issue, *answer) {
	i := c.repo.issues[number]
	if i == nil {
		return nil, notFound()
	}
	level := map[bool]string{true: "read", false: "write"}[c.r.Method == http.MethodGet]
	needs := map[bool]string{true: "issues:" + level + "|pull_requests:" + level,
		false: "issues:" + level}[i.pull != nil]
	if c.installation != nil && c.reaches(c.repo) && !grants(c.permissions, needs) {
		return nil, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return i, nil
}

func (c *call) showIssue() *answer {
	i, refusal := c.discussion(int(c.number("issue_number")))
	if refusal != nil {
		return refusal
	}
	return ok(c.repo.issueView(i))
}

func (c *call) createIssue() *answer {
	if c.text("title") == "" {
		return invalid("Issue", "title", "can't be blank")
	}
	i := c.repo.newIssue(c.actor(), c.text("title"), c.text("body"))
	i.labels, i.viaApp = c.texts("labels"), c.installation != nil
	for _, login := range c.texts("assignees") {
		u := c.s.login(login)
		if u == nil || !c.repo.can(u, "read") {
			delete(c.repo.issues, i.number)
			return invalid("Issue", "assignees", login+" is invalid")
		}
		i.assignees = append(i.assignees, u)
	}
	return created(c.repo.issueView(i))
}

func (r *Repository) newIssue(author *User, title, body string) *issue {
	now := r.server.now()
	number := 1
	if all := r.numbers(); len(all) > 0 {
		number = all[len(all)-1] + 1
	}
	i := &issue{id: r.server.id("issue"), number: number, title: title, body: body, state: "open", author: author,
		created: now, updated: now}
	r.issues[number] = i
	return i
}

func (c *call) listComments() *answer {
	i, refusal := c.discussion(int(c.number("issue_number")))
	if refusal != nil {
		return refusal
	}
	found := c.repo.commentsOf(i.number)
	if text := c.query("since"); text != "" {
		since, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return invalid("Comment", "since", "is no time")
		}
		found = slices.DeleteFunc(found, func(m *comment) bool { return m.updated.Before(since) })
	}
	return page(c, "", found, func(m *comment) any { return c.repo.commentView(m) })
}

// mostComment is how many bytes of text a comment may have.
const mostComment = 65536

func commentRefusal(body string) *answer {
	if body == "" {
		return invalid("IssueComment", "body", "can't be blank")
	}
	if len(body) > mostComment {
		return invalid("IssueComment", "body", "is too long (maximum is 65536 characters)")
	}
	return nil
}

func (c *call) createComment() *answer {
	i, refusal := c.discussion(int(c.number("issue_number")))
	if refusal == nil {
		refusal = commentRefusal(c.text("body"))
	}
	if refusal != nil {
		return refusal
	}
	return created(c.repo.commentView(c.repo.addComment(i, c.actor(), c.text("body"), c.installation != nil)))
}

func (r *Repository) addComment(i *issue, user *User, body string, viaApp bool) *comment {
	now := r.server.now()
	m := &comment{id: r.server.id("comment"), number: i.number, user: user, body: body, created: now, updated: now,
		viaApp: viaApp}
	r.comments = append(r.comments, m)
	i.updated = now
	r.emitComment(m, "created", user, nil)
	return m
}

func (r *Repository) emitComment(m *comment, action string, sender *User, more object) {
	payload := object{"issue": r.issueView(r.issues[m.number]), "comment": r.commentView(m)}
	maps.Copy(payload, more)
	r.server.emit(event{name: "issue_comment", action: action, repository: r, sender: sender, payload: payload})
}

func (r *Repository) comment(id int64) *comment {
	for _, m := range r.comments {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (c *call) comment() (*comment, *answer) {
	m := c.repo.comment(c.number("comment_id"))
	if m == nil {
		return nil, notFound()
	}
	_, refusal := c.discussion(m.number)
	return m, refusal
}

func (c *call) showComment() *answer {
	m, refusal := c.comment()
	if refusal != nil {
		return refusal
	}
	return ok(c.repo.commentView(m))
}

// mayChange: an App and a person without write change their own comments only.
func (c *call) mayChange(m *comment) bool {
	return m.user == c.actor() || c.user != nil && c.repo.can(c.user, "write")
}

func (c *call) updateComment() *answer {
	m, refusal := c.comment()
	if refusal == nil {
		refusal = commentRefusal(c.text("body"))
	}
	if refusal == nil && !c.mayChange(m) {
		refusal = refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	if refusal != nil {
		return refusal
	}
	c.repo.editComment(m, c.actor(), c.text("body"))
	return ok(c.repo.commentView(m))
}

func (r *Repository) editComment(m *comment, sender *User, body string) {
	old := m.body
	m.body, m.updated = body, r.server.now()
	r.emitComment(m, "edited", sender, object{"changes": object{"body": object{"from": old}}})
}

func (c *call) deleteComment() *answer {
	m, refusal := c.comment()
	if refusal == nil && !c.mayChange(m) {
		refusal = refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	if refusal != nil {
		return refusal
	}
	c.repo.removeComment(m, c.actor())
	return &answer{status: http.StatusNoContent}
}

func (r *Repository) removeComment(m *comment, sender *User) {
	r.comments = slices.DeleteFunc(r.comments, func(other *comment) bool { return other == m })
	r.emitComment(m, "deleted", sender, nil)
}

func (c *call) listReactions() *answer {
	m, refusal := c.comment()
	if refusal != nil {
		return refusal
	}
	found := slices.DeleteFunc(slices.Clone(m.reactions), func(given reaction) bool {
		return c.query("content") != "" && given.content != c.query("content")
	})
	return page(c, "", found, func(given reaction) any { return c.s.reactionView(given) })
}

func (s *Server) reactionView(given reaction) any {
	return object{"id": given.id, "node_id": nodeID("RE", given.id), "user": s.userView(given.user),
		"content": given.content, "created_at": stamp(given.at)}
}

func (c *call) createReaction() *answer {
	m, refusal := c.comment()
	if refusal != nil {
		return refusal
	}
	if !slices.Contains(reactionContents, c.text("content")) {
		return invalid("Reaction", "content", "is not known")
	}
	for _, given := range m.reactions {
		if given.user == c.actor() && given.content == c.text("content") {
			return ok(c.s.reactionView(given))
		}
	}
	given := reaction{c.s.id("reaction"), c.actor(), c.text("content"), c.s.now()}
	m.reactions = append(m.reactions, given)
	return created(c.s.reactionView(given))
}
