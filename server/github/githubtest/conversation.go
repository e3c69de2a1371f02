package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Review says what somebody reviews.
type Review struct {
	Login  string
	State  string // "approved", "changes_requested", "commented", or "pending": a draft that nobody else sees
	Body   string
	Commit string // empty means the head
	// Own lets somebody approve or refuse their own pull request, which GitHub
	// does not: for tests of who relies on that.
	Own bool
}

// Review submits a review and returns its id. A commit that is no longer the
// head is accepted, as GitHub accepts it.
func (r *Repository) Review(number int, given Review) (int64, error) {
	id := int64(0)
	err := r.actOn(number, given.Login, "read", func(i *issue, u *User) error {
		v, err := r.review(i, u, given)
		if err == nil {
			id = v.id
		}
		return err
	})
	return id, err
}

func (r *Repository) review(i *issue, u *User, given Review) (*review, error) {
	state := strings.ToUpper(given.State)
	if !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "COMMENTED", "PENDING"}, state) {
		return nil, fmt.Errorf("no review is %q", given.State)
	}
	if u == i.author && !given.Own && (state == "APPROVED" || state == "CHANGES_REQUESTED") {
		return nil, fmt.Errorf("%s may not approve or refuse their own pull request", u.Login)
	}
	if r.metadata(cmp.Or(given.Commit, i.pull.headSHA)) == nil {
		return nil, fmt.Errorf("no commit %s", given.Commit)
	}
	v := &review{id: r.server.id("review"), user: u, state: state, body: given.Body,
		commit: cmp.Or(given.Commit, i.pull.headSHA), submitted: r.server.now()}
	i.pull.reviews = append(i.pull.reviews, v)
	i.pull.reviewers = slices.DeleteFunc(i.pull.reviewers, func(asked *User) bool { return asked == u })
	if state != "PENDING" {
		i.updated = v.submitted
		r.emitReview(i, v, "submitted", u)
	}
	return v, nil
}

func (r *Repository) onReview(number int, id int64, login string, action func(*issue, *review, *User) error) error {
	return r.actOn(number, login, "read", func(i *issue, u *User) error {
		for _, v := range i.pull.reviews {
			if v.id == id {
				return action(i, v, u)
			}
		}
		return fmt.Errorf("pull request %d has no review %d", number, id)
	})
}

// DismissReview dismisses an approval or a refusal; write is needed.
func (r *Repository) DismissReview(number int, id int64, login, message string) error {
	return r.onReview(number, id, login, func(i *issue, v *review, u *User) error {
		return r.dismiss(i, v, u, message)
	})
}

func (r *Repository) dismiss(i *issue, v *review, u *User, message string) error {
	if !r.can(u, "write") || v.state != "APPROVED" && v.state != "CHANGES_REQUESTED" {
		return fmt.Errorf("%s may not dismiss review %d, which is %s", u.Login, v.id, v.state)
	}
	v.state, v.dismissed, v.dismissedBy = "DISMISSED", message, u
	r.emitReview(i, v, "dismissed", u)
	return nil
}

// EditReview changes a review's text; its author and people with write may.
func (r *Repository) EditReview(number int, id int64, login, body string) error {
	return r.onReview(number, id, login, func(i *issue, v *review, u *User) error {
		if v.user != u && !r.can(u, "write") {
			return fmt.Errorf("%s may not edit review %d", login, id)
		}
		old := v.body
		v.body, v.edited = body, r.server.now()
		r.emitReviewEdit(i, v, u, old)
		return nil
	})
}

// Comment comments on an issue or pull request and returns the comment's id.
func (r *Repository) Comment(number int, login, body string) (int64, error) {
	id := int64(0)
	err := r.act(login, "read", func(u *User) error {
		i := r.issues[number]
		if i == nil || commentRefusal(body) != nil {
			return fmt.Errorf("no issue %d, or a comment that is empty or too long", number)
		}
		id = r.addComment(i, u, body, false).id
		return nil
	})
	return id, err
}

func (r *Repository) onComment(id int64, login string, action func(*comment, *User)) error {
	return r.act(login, "read", func(u *User) error {
		m := r.comment(id)
		if m == nil || m.user != u && !r.can(u, "write") {
			return fmt.Errorf("no comment %d, or it is not for %s to change", id, login)
		}
		action(m, u)
		return nil
	})
}

// EditComment changes a comment's text.
func (r *Repository) EditComment(id int64, login, body string) error {
	return r.onComment(id, login, func(m *comment, u *User) { r.editComment(m, u, body) })
}

// DeleteComment deletes a comment.
func (r *Repository) DeleteComment(id int64, login string) error {
	return r.onComment(id, login, func(m *comment, u *User) { r.removeComment(m, u) })
}

// PostStatus posts a commit status as a person with write.
func (r *Repository) PostStatus(login, sha, context, state string) error {
	return r.act(login, "write", func(u *User) error {
		if r.metadata(sha) == nil {
			return fmt.Errorf("no commit %s", sha)
		}
		r.addStatus(&status{sha: sha, context: context, state: state, creator: u})
		return nil
	})
}

// PostCheck posts a completed check run as another App and returns its id.
func (r *Repository) PostCheck(app int64, sha, name, conclusion string) (int64, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.metadata(sha) == nil || app == s.options.App.ID || !slices.Contains(conclusions, conclusion) {
		return 0, fmt.Errorf("post %s on %s: no such commit or conclusion, or it is not another App", name, sha)
	}
	k := &checkRun{id: s.id("check"), app: app, suite: r.suiteFor(app, sha), name: name, sha: sha, status: "completed",
		conclusion: conclusion, started: s.now(), completed: s.now()}
	r.checks = append(r.checks, k)
	r.emitCheck(k, "created", nil, nil)
	r.emitCheck(k, "completed", nil, nil)
	return k.id, nil
}

// RequestAction presses a button of a check run.
func (r *Repository) RequestAction(check int64, login, identifier string) error {
	return r.act(login, "write", func(u *User) error {
		k := r.check(check)
		if k == nil || !slices.ContainsFunc(k.actions, func(a object) bool { return a["identifier"] == identifier }) {
			return fmt.Errorf("check run %d has no button %q", check, identifier)
		}
		r.emitCheck(k, "requested_action", u, object{"requested_action": object{"identifier": identifier}})
		return nil
	})
}

// Rerequest presses "Re-run" of a check run.
func (r *Repository) Rerequest(check int64, login string) error {
	return r.act(login, "write", func(u *User) error {
		k := r.check(check)
		if k == nil {
			return fmt.Errorf("no check run %d", check)
		}
		r.emitCheck(k, "rerequested", u, nil)
		return nil
	})
}

// RerequestSuite presses "Re-run all checks" of a commit.
func (r *Repository) RerequestSuite(sha, login string) error {
	return r.act(login, "write", func(u *User) error {
		if r.metadata(sha) == nil {
			return fmt.Errorf("no commit %s", sha)
		}
		r.emitSuite(r.suiteFor(r.server.options.App.ID, sha), "rerequested", u)
		return nil
	})
}

// SetDefaultBranch makes another branch the default one.
func (r *Repository) SetDefaultBranch(login, branch string) error {
	return r.act(login, "admin", func(u *User) error {
		if r.branch(branch) == "" {
			return fmt.Errorf("no branch %s", branch)
		}
		old := r.defaultBranch
		r.defaultBranch = branch
		r.server.emit(event{name: "repository", action: "edited", repository: r, sender: u, payload: object{
			"changes": object{"default_branch": object{"from": old}}}})
		return nil
	})
}
