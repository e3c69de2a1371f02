package githubtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

type checkRun struct {
	id                            int64
	app                           int64 // another App's where it is not ours
	suite                         *checkSuite
	name, sha, status, conclusion string
	externalID, details           string
	started, completed            time.Time
	title, summary, text          any
	annotations                   []object
	actions                       []object
}

type checkSuite struct {
	id      int64
	app     int64
	sha     string
	branch  string
	created time.Time
}

type status struct {
	id                                int64
	sha, context, state, text, target string
	creator                           *User
	at                                time.Time
}

var conclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}

// suiteFor finds or makes an App's suite of a commit.
func (r *Repository) suiteFor(app int64, sha string) *checkSuite {
	for _, suite := range r.suites {
		if suite.app == app && suite.sha == sha {
			return suite
		}
	}
	suite := &checkSuite{id: r.server.id("checksuite"), app: app, sha: sha, created: r.server.now()}
	for _, name := range r.sortedRefs("refs/heads/") {
		if r.refs[name] == sha {
			suite.branch = name[len("refs/heads/"):]
		}
	}
	r.suites = append(r.suites, suite)
	return suite
}

// onBranch are the open pull requests of this repository's own branches with
// that head: forks' are not told.
func (r *Repository) onBranch(sha string) []any {
	list := []any{}
	for _, n := range r.numbers() {
		i := r.issues[n]
		if i.pull == nil || i.state != "open" || i.pull.headSHA != sha || i.pull.headRepo != r.id {
			continue
		}
		short := object{"id": r.id, "url": r.api(""), "name": r.name}
		list = append(list, object{"id": i.id, "number": n, "url": r.api(fmt.Sprintf("/pulls/%d", n)),
			"head": object{"ref": i.pull.headRef, "sha": sha, "repo": short},
			"base": object{"ref": i.pull.baseRef, "sha": i.pull.baseSHA, "repo": short}})
	}
	return list
}

func (s *Server) appViewOf(id int64) object {
	view := s.appView()
	if id != s.options.App.ID {
		view["id"], view["slug"], view["name"] = id, fmt.Sprintf("app-%d", id), fmt.Sprintf("app-%d", id)
		view["node_id"], view["client_id"] = nodeID("A", id), fmt.Sprintf("Iv1.%d", id)
	}
	return view
}

func (r *Repository) checkView(k *checkRun) object {
	self := r.api(fmt.Sprintf("/check-runs/%d", k.id))
	page := r.web(fmt.Sprintf("/runs/%d", k.id))
	return object{"id": k.id, "node_id": nodeID("CR", k.id), "head_sha": k.sha, "name": k.name, "url": self,
		"html_url": page, "details_url": cmp.Or(k.details, page), "external_id": k.externalID, "status": k.status,
		"conclusion": textOrNull(k.conclusion), "started_at": stampOrNull(k.started),
		"completed_at": stampOrNull(k.completed), "check_suite": object{"id": k.suite.id},
		"output": object{"title": k.title, "summary": k.summary, "text": k.text,
			"annotations_count": len(k.annotations), "annotations_url": self + "/annotations"},
		"app": r.server.appViewOf(k.app), "pull_requests": r.onBranch(k.sha)}
}

func (r *Repository) suiteView(suite *checkSuite) object {
	m := r.metadata(suite.sha)
	state, conclusion, n := "queued", "", 0
	for _, k := range r.checks {
		if k.suite == suite {
			n++
			state, conclusion = k.status, k.conclusion
		}
	}
	return object{"id": suite.id, "node_id": nodeID("CS", suite.id), "head_branch": textOrNull(suite.branch),
		"head_sha": suite.sha, "status": state, "conclusion": textOrNull(conclusion), "before": nil, "after": suite.sha,
		"url": r.api(fmt.Sprintf("/check-suites/%d", suite.id)), "created_at": stamp(suite.created),
		"updated_at": stamp(suite.created), "app": r.server.appViewOf(suite.app),
		"pull_requests":           r.onBranch(suite.sha),
		"latest_check_runs_count": n, "repository": r.server.repositoryView(r), "head_commit": r.simpleCommit(m),
		"check_runs_url": r.api(fmt.Sprintf("/check-suites/%d/check-runs", suite.id))}
}

func (r *Repository) simpleCommit(m *metadata) object {
	who := func(g signature) object { return object{"name": g.name, "email": g.email} }
	return object{"id": m.sha, "tree_id": m.tree, "message": m.message, "timestamp": m.committer.date,
		"author": who(m.author), "committer": who(m.committer)}
}

func (c *call) createCheck() *answer {
	sha := c.text("head_sha")
	if c.text("name") == "" || c.repo.metadata(sha) == nil {
		return invalid("CheckRun", "head_sha", "or name: no commit found for SHA: "+sha)
	}
	k := &checkRun{app: c.s.options.App.ID, name: c.text("name"), sha: sha, status: "queued"}
	if refusal := c.fill(k); refusal != nil {
		return refusal
	}
	k.id, k.suite = c.s.id("check"), c.repo.suiteFor(k.app, sha)
	c.repo.checks = append(c.repo.checks, k)
	c.repo.emitCheck(k, "created", c.s.app, nil)
	if k.status == "completed" {
		c.repo.emitCheck(k, "completed", c.s.app, nil)
	}
	return created(c.repo.checkView(k))
}

func (c *call) updateCheck() *answer {
	k := c.repo.check(c.number("check_run_id"))
	switch {
	case k == nil:
		return notFound()
	case k.app != c.s.options.App.ID:
		return refuse(http.StatusForbidden,
			fmt.Sprintf("Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.",
				c.s.options.App.ID))
	case c.body["head_sha"] != nil:
		c.s.note("checks/update: head_sha cannot be changed")
		return invalid("CheckRun", "head_sha", "is not a permitted key")
	}
	changed := *k
	changed.name = cmp.Or(c.text("name"), k.name)
	if refusal := c.fill(&changed); refusal != nil {
		return refusal
	}
	was := k.status
	*k = changed
	if k.status == "completed" && was != "completed" {
		c.repo.emitCheck(k, "completed", c.s.app, nil)
	}
	return ok(c.repo.checkView(k))
}

// fill applies a body to a check run, or refuses what GitHub refuses.
func (c *call) fill(k *checkRun) *answer {
	state, conclusion := c.text("status"), c.text("conclusion")
	switch {
	case state == "completed" && conclusion == "" && k.conclusion == "":
		return invalid("CheckRun", "conclusion", "is missing: completed needs one")
	case conclusion != "" && !slices.Contains(conclusions, conclusion):
		return invalid("CheckRun", "conclusion", conclusion+" is not known")
	case conclusion != "" && state != "" && state != "completed":
		return invalid("CheckRun", "status", state+" with a conclusion")
	case state != "" && !slices.Contains([]string{"queued", "in_progress", "completed"}, state):
		return invalid("CheckRun", "status", state+" may not be set")
	}
	if conclusion != "" {
		k.status, k.conclusion = "completed", conclusion
		k.completed = c.s.now()
	} else if state != "" {
		k.status = state
		if state != "completed" {
			k.conclusion, k.completed = "", time.Time{}
		}
	}
	if k.started.IsZero() {
		k.started = c.s.now()
	}
	for key, into := range map[string]*time.Time{"started_at": &k.started, "completed_at": &k.completed} {
		if text := c.text(key); text != "" {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return invalid("CheckRun", key, "is no time")
			}
			*into = at
		}
	}
	k.externalID, k.details = cmp.Or(c.text("external_id"), k.externalID), cmp.Or(c.text("details_url"), k.details)
	if refusal := c.fillActions(k); refusal != nil {
		return refusal
	}
	return c.fillOutput(k)
}

func (c *call) fillActions(k *checkRun) *answer {
	list, given := c.body["actions"].([]any)
	if !given {
		return nil
	}
	if len(list) > 3 {
		return invalid("CheckRun", "actions", "are more than 3")
	}
	k.actions = nil
	for _, item := range list {
		action, _ := item.(object)
		for key, most := range map[string]int{"label": 20, "description": 40, "identifier": 20} {
			text, _ := action[key].(string)
			if n := utf8.RuneCountInString(text); n == 0 || n > most {
				return invalid("CheckRun", "actions."+key, "is missing or longer than "+strconv.Itoa(most))
			}
		}
		k.actions = append(k.actions, action)
	}
	return nil
}

// mostText is how many bytes summary and text may have.
const mostText, mostAnnotations = 65535, 50

func (c *call) fillOutput(k *checkRun) *answer {
	output, given := c.body["output"].(object)
	if !given {
		return nil
	}
	for _, key := range []string{"summary", "text"} {
		if text, _ := output[key].(string); len(text) > mostText {
			return invalid("CheckRun", "output."+key, "exceeds a maximum length of 65535")
		}
	}
	title, titled := output["title"].(string)
	if _, summarised := output["summary"].(string); !summarised || k.id == 0 && (!titled || title == "") {
		return invalid("CheckRun", "output", "needs title and summary")
	}
	annotations, _ := output["annotations"].([]any)
	if len(annotations) > mostAnnotations {
		return invalid("CheckRun", "output.annotations", "exceed a maximum of 50 per request")
	}
	var added []object
	for _, item := range annotations {
		a, _ := item.(object)
		start, okStart := a["start_line"].(float64)
		end, okEnd := a["end_line"].(float64)
		level, _ := a["annotation_level"].(string)
		message, _ := a["message"].(string)
		name, _ := a["path"].(string)
		if !okStart || !okEnd || start < 1 || end < start || message == "" || len(message) > 64<<10 || name == "" ||
			!slices.Contains([]string{"notice", "warning", "failure"}, level) ||
			start != end && (a["start_column"] != nil || a["end_column"] != nil) {
			return invalid("CheckRun", "output.annotations", "hold one that is not complete or contradicts itself")
		}
		added = append(added, a)
	}
	if titled {
		k.title = title
	}
	k.summary = output["summary"]
	if text, given := output["text"]; given {
		k.text = text
	}
	k.annotations = append(slices.Clone(k.annotations), added...)
	return nil
}

func (r *Repository) check(id int64) *checkRun {
	for _, k := range r.checks {
		if k.id == id {
			return k
		}
	}
	return nil
}

func (c *call) showCheck() *answer {
	if k := c.repo.check(c.number("check_run_id")); k != nil {
		return ok(c.repo.checkView(k))
	}
	return notFound()
}

func (c *call) listAnnotations() *answer {
	k := c.repo.check(c.number("check_run_id"))
	if k == nil {
		return notFound()
	}
	return page(c, "", k.annotations, func(a object) any {
		view := object{"blob_href": c.repo.web("/blob/" + k.sha)}
		for _, key := range []string{"path", "start_line", "end_line", "start_column", "end_column",
			"annotation_level", "title", "message", "raw_details"} {
			view[key] = a[key]
		}
		return view
	})
}

// latest keeps the newest run of each App and name.
func latest(all []*checkRun) []*checkRun {
	type key struct {
		app  int64
		name string
	}
	seen := map[key]bool{}
	var kept []*checkRun
	for _, k := range slices.Backward(all) {
		if !seen[key{k.app, k.name}] {
			kept = append(kept, k)
		}
		seen[key{k.app, k.name}] = true
	}
	return kept
}

func (r *Repository) checksOn(sha string) []*checkRun {
	return slices.DeleteFunc(slices.Clone(r.checks), func(k *checkRun) bool { return k.sha != sha })
}

func (c *call) listChecks() *answer {
	sha := c.revision(c.r.PathValue("ref"))
	if sha == "" {
		return refuse(422, "No commit found for SHA: "+c.r.PathValue("ref"))
	}
	found := c.repo.checksOn(sha)
	if c.query("filter") != "all" {
		found = latest(found)
	}
	found = slices.DeleteFunc(found, func(k *checkRun) bool {
		return c.query("check_name") != "" && k.name != c.query("check_name") ||
			c.query("status") != "" && k.status != c.query("status") ||
			c.query("app_id") != "" && strconv.FormatInt(k.app, 10) != c.query("app_id")
	})
	return page(c, "check_runs", found, func(k *checkRun) any { return c.repo.checkView(k) })
}

func (c *call) listSuites() *answer {
	sha := c.revision(c.r.PathValue("ref"))
	if sha == "" {
		return refuse(422, "No commit found for SHA: "+c.r.PathValue("ref"))
	}
	if c.query("check_name") != "" {
		c.s.note("checks/list-suites-for-ref: check_name is not answered")
	}
	found := slices.DeleteFunc(slices.Clone(c.repo.suites), func(suite *checkSuite) bool {
		return suite.sha != sha || c.query("app_id") != "" && strconv.FormatInt(suite.app, 10) != c.query("app_id")
	})
	return page(c, "check_suites", found, func(suite *checkSuite) any { return c.repo.suiteView(suite) })
}

func (c *call) showSuite() *answer {
	for _, suite := range c.repo.suites {
		if suite.id == c.number("check_suite_id") {
			return ok(c.repo.suiteView(suite))
		}
	}
	return notFound()
}

func (r *Repository) emitCheck(k *checkRun, action string, sender *User, more object) {
	view := r.checkView(k)
	suite := r.suiteView(k.suite)
	delete(suite, "latest_check_runs_count")
	delete(suite, "check_runs_url")
	delete(suite, "head_commit")
	view["check_suite"] = suite
	payload := object{"check_run": view}
	for key, value := range more {
		payload[key] = value
	}
	if k.app != r.server.options.App.ID && action != "created" && action != "completed" {
		return // only the App that owns the run is told of clicks
	}
	r.server.emit(event{name: "check_run", action: action, repository: r, sender: sender, payload: payload})
}

func (r *Repository) emitSuite(suite *checkSuite, action string, sender *User) {
	r.server.emit(event{name: "check_suite", action: action, repository: r, sender: sender,
		payload: object{"check_suite": r.suiteView(suite)}})
}

// Statuses.

func (r *Repository) statusView(t *status) object {
	return object{"id": t.id, "node_id": nodeID("SC", t.id), "url": r.api("/statuses/" + t.sha), "state": t.state,
		"description": textOrNull(t.text), "target_url": textOrNull(t.target), "context": t.context,
		"avatar_url": nil, "created_at": stamp(t.at), "updated_at": stamp(t.at),
		"creator": r.server.userView(t.creator)}
}

func (r *Repository) statusesOn(sha string) []*status {
	found := slices.DeleteFunc(slices.Clone(r.statuses), func(t *status) bool { return t.sha != sha })
	slices.Reverse(found)
	return found
}

func (c *call) listStatuses() *answer {
	return page(c, "", c.repo.statusesOn(c.revision(c.r.PathValue("ref"))), func(t *status) any {
		return c.repo.statusView(t)
	})
}

func (c *call) showCombinedStatus() *answer {
	sha := c.revision(c.r.PathValue("ref"))
	seen := map[string]bool{}
	state, list := "success", []any{}
	for _, t := range c.repo.statusesOn(sha) {
		if seen[t.context] {
			continue
		}
		seen[t.context] = true
		list = append(list, c.repo.statusView(t))
		if t.state == "failure" || t.state == "error" {
			state = "failure"
		} else if t.state == "pending" && state == "success" {
			state = "pending"
		}
	}
	if len(list) == 0 {
		state = "pending"
	}
	return ok(object{"state": state, "sha": sha, "total_count": len(list), "statuses": list,
		"repository": c.s.repositoryView(c.repo), "commit_url": c.repo.api("/commits/" + sha),
		"url": c.repo.api("/commits/" + sha + "/status")})
}

func (c *call) createStatus() *answer {
	sha := c.r.PathValue("sha")
	if c.repo.metadata(sha) == nil || !slices.Contains([]string{"error", "failure", "pending", "success"},
		c.text("state")) {
		return invalid("Status", "sha", "or state is not known")
	}
	t := c.repo.addStatus(&status{sha: sha, context: cmp.Or(c.text("context"), "default"), state: c.text("state"),
		text: c.text("description"), target: c.text("target_url"), creator: c.actor()})
	return created(c.repo.statusView(t))
}

func (r *Repository) addStatus(t *status) *status {
	t.id, t.at = r.server.id("status"), r.server.now()
	r.statuses = append(r.statuses, t)
	m := r.metadata(t.sha)
	r.server.emit(event{name: "status", repository: r, sender: t.creator, payload: object{"id": t.id, "sha": t.sha,
		"name": r.fullName(), "avatar_url": nil, "target_url": textOrNull(t.target), "context": t.context,
		"description": textOrNull(t.text), "state": t.state, "commit": r.commitView(m), "branches": []any{},
		"created_at": stamp(t.at), "updated_at": stamp(t.at)}})
	return t
}
