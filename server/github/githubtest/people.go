package githubtest

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// act runs an action of a person under the lock.
func (r *Repository) act(login string, role string, action func(*User) error) error {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(login)
	if err != nil {
		return err
	}
	if u.Login != "web-flow" && !r.can(u, role) {
		return fmt.Errorf("%s may not do this in %s: %s is needed, %s is there", login, r.fullName(), role, r.role(u))
	}
	return action(u)
}

// actOn is act on an open pull request.
func (r *Repository) actOn(number int, login, role string, action func(*issue, *User) error) error {
	return r.act(login, role, func(u *User) error {
		i := r.issues[number]
		if i == nil || i.pull == nil {
			return fmt.Errorf("%s has no pull request %d", r.fullName(), number)
		}
		return action(i, u)
	})
}

// Push makes a branch point to a commit: makes, moves (forced or not) or, with
// "", deletes it. Pull requests of that head follow. Rules of the branch bind
// whoever may not bypass them.
func (r *Repository) Push(login, branch, sha string) error {
	return r.act(login, "write", func(u *User) error {
		if g := r.gateOf(branch, u); r.branch(branch) != "" && (g.pull || g.queue || len(g.checks) > 0) {
			return fmt.Errorf("GH013: repository rule violations found for refs/heads/%s", branch)
		}
		return r.push(u, branch, sha, "")
	})
}

// push moves a branch; kind is the line in the activity, by default what the move is.
func (r *Repository) push(u *User, branch, sha, kind string) error {
	s, ref := r.server, "refs/heads/"+branch
	before := cmp.Or(r.refs[ref], zeroSHA)
	after := cmp.Or(sha, zeroSHA)
	if sha != "" && r.metadata(sha) == nil || before == after {
		return fmt.Errorf("push %s to %s: no such commit, or nothing to do", sha, branch)
	}
	forced := before != zeroSHA && after != zeroSHA && !r.isAncestor(before, after)
	if err := r.setRef(ref, sha); err != nil {
		return err
	}
	switch {
	case kind != "":
	case before == zeroSHA:
		kind = "branch_creation"
	case after == zeroSHA:
		kind = "branch_deletion"
	case forced:
		kind = "force_push"
	default:
		kind = "push"
	}
	r.activities = append(r.activities, activity{s.id("activity"), before, after, ref, kind, u, s.now()})
	r.emitPush(u, ref, [2]string{before, after}, forced)
	if sha != "" {
		if i := s.installationOf(r); i != nil && grants(i.permissions, "checks:write") {
			r.emitSuite(r.suiteFor(s.options.App.ID, sha), "requested", u)
		}
	}
	return s.follow(r, u, branch, [2]string{before, after})
}

// follow moves what hangs on a branch: pull requests from it get the new
// head, those whose commits it now holds are merged.
func (s *Server) follow(r *Repository, u *User, branch string, move [2]string) error {
	for _, base := range s.repositories {
		for _, n := range base.numbers() {
			i := base.issues[n]
			if i.pull == nil || i.state != "open" {
				continue
			}
			if base == r && i.pull.baseRef == branch && move[1] != zeroSHA && base.isAncestor(i.pull.headSHA, move[1]) {
				base.finish(i, u, move[1])
				continue
			}
			if i.pull.headRepo != r.id || i.pull.headRef != branch {
				continue
			}
			if move[1] == zeroSHA {
				base.closeIssue(i, u)
				continue
			}
			if err := base.newHead(i, u, move); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Repository) newHead(i *issue, u *User, move [2]string) error {
	p := i.pull
	if err := r.setRef(fmt.Sprintf("refs/pull/%d/head", i.number), move[1]); err != nil {
		return err
	}
	p.headSHA, p.baseSHA, p.pusher = move[1], r.branch(p.baseRef), u
	i.updated = r.server.now()
	r.dequeue(i, u, "BRANCH_PROTECTIONS")
	r.emitPull(i, "synchronize", u, object{"before": move[0], "after": move[1]})
	if r.gateOf(p.baseRef, nil).dismissStale {
		for _, v := range p.reviews {
			if v.state == "APPROVED" {
				v.state, v.dismissedBy = "DISMISSED", u
				r.emitReview(i, v, "dismissed", u)
			}
		}
	}
	return nil
}

func (r *Repository) emitPush(u *User, ref string, move [2]string, forced bool) {
	s := r.server
	view := func(m *metadata) object {
		who := func(g signature) object {
			w := object{"name": g.name, "email": g.email, "date": g.date}
			if known := s.byEmail(g.email); known != nil {
				w["username"] = known.Login
			}
			return w
		}
		files := map[string][]string{"added": {}, "removed": {}, "modified": {}}
		for _, f := range r.filesOf(m) {
			files[cmp.Or(map[string]string{"added": "added", "removed": "removed"}[f.status], "modified")] = append(
				files[cmp.Or(map[string]string{"added": "added", "removed": "removed"}[f.status], "modified")], f.path)
		}
		return object{"id": m.sha, "tree_id": m.tree, "distinct": true, "message": m.message,
			"timestamp": m.committer.date,
			"url":       r.web("/commit/" + m.sha), "author": who(m.author), "committer": who(m.committer),
			"added": files["added"], "removed": files["removed"], "modified": files["modified"]}
	}
	commits := []any{}
	var head any
	if move[1] != zeroSHA {
		from := move[0]
		if from == zeroSHA {
			from = cmp.Or(r.branch(r.defaultBranch), move[1])
		}
		all := r.between(from, move[1])
		for _, sha := range all[max(0, len(all)-2048):] {
			commits = append(commits, view(r.metadata(sha)))
		}
		head = view(r.metadata(move[1]))
	}
	repository := s.repositoryView(r)
	repository["created_at"], repository["pushed_at"] = s.now().Unix(), s.now().Unix()
	repository["master_branch"], repository["stargazers"] = r.defaultBranch, 0
	s.emit(event{name: "push", repository: r, sender: u, payload: object{"ref": ref, "before": move[0],
		"after":   move[1],
		"created": move[0] == zeroSHA, "deleted": move[1] == zeroSHA, "forced": forced, "base_ref": nil,
		"compare": r.web("/compare/" + move[0] + "..." + move[1]), "commits": commits, "head_commit": head,
		"repository": repository, "pusher": object{"name": u.Login, "email": u.Emails[0]}}})
}

// OpenPull says which pull request to open.
type OpenPull struct {
	Author    string      // a login
	Base      string      // a branch of the repository; empty means the default branch
	Head      string      // a branch
	From      *Repository // the fork it lies in; nil means the repository itself
	Title     string      // empty means the head's name
	Body      string
	Draft     bool
	Assignees []string
	Counted   int // as CountCommits, from the opening on
}

// OpenPull opens a pull request and returns its number.
func (r *Repository) OpenPull(open OpenPull) (int, error) {
	number := 0
	err := r.act(open.Author, "read", func(u *User) error {
		from := cmp.Or(open.From, r)
		base := cmp.Or(open.Base, r.defaultBranch)
		head := from.branch(open.Head)
		if r.branch(base) == "" || head == "" || len(r.between(r.branch(base), head)) == 0 {
			return fmt.Errorf("open %s into %s: a branch is missing, or there is nothing between", open.Head, base)
		}
		for _, i := range r.issues {
			if i.pull != nil && i.state == "open" && i.pull.headRepo == from.id && i.pull.headRef == open.Head &&
				i.pull.baseRef == base {
				return fmt.Errorf("a pull request of %s into %s is open", open.Head, base)
			}
		}
		i := r.newIssue(u, cmp.Or(open.Title, open.Head), open.Body)
		i.pull = &pull{baseRef: base, baseSHA: r.branch(base), headRepo: from.id, headRef: open.Head, headSHA: head,
			headOwner: from.ownerLogin(), draft: open.Draft, pusher: u, counted: open.Counted}
		for _, login := range open.Assignees {
			assignee, err := r.server.person(login)
			if err != nil {
				delete(r.issues, i.number)
				return err
			}
			i.assignees = append(i.assignees, assignee)
		}
		number = i.number
		r.emitPull(i, "opened", u, nil)
		return r.setRef(fmt.Sprintf("refs/pull/%d/head", number), head)
	})
	return number, err
}

// Retarget gives a pull request another base.
func (r *Repository) Retarget(number int, login, base string) error {
	return r.actOn(number, login, "read", func(i *issue, u *User) error {
		if r.branch(base) == "" || i.state != "open" || u != i.author && !r.can(u, "write") {
			return fmt.Errorf("pull request %d cannot be retargeted to %s by %s", number, base, login)
		}
		ref, sha := i.pull.baseRef, i.pull.baseSHA
		i.pull.baseRef, i.pull.baseSHA, i.updated = base, r.branch(base), r.server.now()
		r.dequeue(i, u, "MANUAL")
		r.emitPull(i, "edited", u, object{"changes": object{"base": object{"ref": object{"from": ref},
			"sha": object{"from": sha}}}})
		return nil
	})
}

// Close closes a pull request without merging it.
func (r *Repository) Close(number int, login string) error {
	return r.actOn(number, login, "read", func(i *issue, u *User) error {
		if i.state != "open" || u != i.author && !r.can(u, "write") {
			return fmt.Errorf("pull request %d cannot be closed by %s", number, login)
		}
		r.closeIssue(i, u)
		return nil
	})
}

func (r *Repository) closeIssue(i *issue, u *User) {
	i.state, i.closed, i.updated = "closed", r.server.now(), r.server.now()
	r.dequeue(i, u, "MANUAL")
	r.emitPull(i, "closed", u, nil)
}

// Reopen opens a closed pull request again, with the head that its branch has
// now where it has not been rewritten.
func (r *Repository) Reopen(number int, login string) error {
	return r.actOn(number, login, "read", func(i *issue, u *User) error {
		from := r.server.repositories[i.pull.headRepo]
		if i.state != "closed" || !i.pull.merged.IsZero() || from == nil || from.branch(i.pull.headRef) == "" ||
			!r.isAncestor(i.pull.headSHA, from.branch(i.pull.headRef)) {
			return fmt.Errorf("pull request %d cannot be reopened", number)
		}
		i.state, i.closed, i.updated = "open", time.Time{}, r.server.now()
		i.pull.headSHA, i.pull.baseSHA = from.branch(i.pull.headRef), r.branch(i.pull.baseRef)
		r.emitPull(i, "reopened", u, nil)
		return r.setRef(fmt.Sprintf("refs/pull/%d/head", number), i.pull.headSHA)
	})
}

// SetDraft makes a pull request a draft or ready for review.
func (r *Repository) SetDraft(number int, login string, draft bool) error {
	return r.actOn(number, login, "read", func(i *issue, u *User) error {
		if i.pull.draft == draft {
			return fmt.Errorf("pull request %d is so already", number)
		}
		i.pull.draft, i.updated = draft, r.server.now()
		r.emitPull(i, map[bool]string{true: "converted_to_draft", false: "ready_for_review"}[draft], u, nil)
		return nil
	})
}

// Label adds a label.
func (r *Repository) Label(number int, login, label string) error {
	return r.actOn(number, login, "triage", func(i *issue, u *User) error {
		i.labels, i.updated = append(i.labels, label), r.server.now()
		list := r.issueCore(i)["labels"].([]any)
		r.emitPull(i, "labeled", u, object{"label": list[len(list)-1]})
		return nil
	})
}

// Assign makes somebody an assignee.
func (r *Repository) Assign(number int, login, assignee string) error {
	return r.actOn(number, login, "triage", func(i *issue, u *User) error {
		who, err := r.server.person(assignee)
		if err != nil {
			return err
		}
		i.assignees, i.updated = append(i.assignees, who), r.server.now()
		r.emitPull(i, "assigned", u, object{"assignee": r.server.userView(who)})
		return nil
	})
}

// Merge merges a pull request as a merge commit and returns its SHA. It fails
// with GitHub's reasons until all that the branch requires is there; who may
// bypass a ruleset passes over it.
func (r *Repository) Merge(number int, login string) (string, error) {
	sha := ""
	err := r.actOn(number, login, "write", func(i *issue, u *User) error {
		merged, err := r.merge(i, u)
		sha = merged
		return err
	})
	return sha, err
}

func (r *Repository) merge(i *issue, u *User) (string, error) {
	r.test(i)
	missing := r.missingFor(i, u)
	switch {
	case i.state != "open" || i.pull.draft || !i.pull.mergeable:
		return "", fmt.Errorf("pull request %d is not mergeable", i.number)
	case len(missing) > 0:
		return "", fmt.Errorf("pull request %d is blocked: %s", i.number, strings.Join(missing, " "))
	case r.gateOf(i.pull.baseRef, u).queue:
		return "", fmt.Errorf("changes must be made through the merge queue")
	}
	merged, err := r.mergeCommit(r.branch(i.pull.baseRef), i, u)
	if err != nil {
		return "", err
	}
	return merged, r.push(u, i.pull.baseRef, merged, "pr_merge")
}

func (r *Repository) mergeCommit(base string, i *issue, u *User) (string, error) {
	tree := r.mergeTree(base, i.pull.headSHA)
	if tree == "" {
		return "", fmt.Errorf("pull request %d conflicts", i.number)
	}
	return r.commit(Commit{Parents: []string{base, i.pull.headSHA}, Tree: tree, Author: u.Login, Committer: "web-flow",
		Verified: true, Message: fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", i.number, i.pull.headOwner,
			i.pull.headRef, i.title)})
}

// finish marks a pull request as merged by a commit that holds its head.
func (r *Repository) finish(i *issue, u *User, sha string) {
	now := r.server.now()
	i.pull.merged, i.pull.mergedBy, i.pull.mergeSHA = now, u, sha
	i.state, i.closed, i.updated = "closed", now, now
	r.emitPull(i, "closed", u, nil)
}

// UpdateBranch merges the base into a pull request's branch, as the button
// does: a verified commit of web-flow. Reviews then name the new commit, as
// GitHub makes them do.
func (r *Repository) UpdateBranch(number int, login string) (string, error) {
	sha := ""
	err := r.actOn(number, login, "read", func(i *issue, u *User) error {
		from, head, base := r.server.repositories[i.pull.headRepo], i.pull.headSHA, r.branch(i.pull.baseRef)
		tree := r.mergeTree(head, base)
		if from == nil || !from.can(u, "write") || tree == "" || r.isAncestor(base, head) {
			return fmt.Errorf("the branch of pull request %d cannot be updated by %s", number, login)
		}
		made, err := r.commit(Commit{Parents: []string{head, base}, Tree: tree, Author: u.Login, Committer: "web-flow",
			Verified: true, Message: fmt.Sprintf("Merge branch '%s' into %s", i.pull.baseRef, i.pull.headRef)})
		if err != nil {
			return err
		}
		sha = made
		if err := from.push(u, i.pull.headRef, made, ""); err != nil {
			return err
		}
		for _, v := range i.pull.reviews {
			if v.commit == head && v.state != "PENDING" {
				v.commit = made
			}
		}
		return nil
	})
	return sha, err
}
