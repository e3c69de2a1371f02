package githubtest

import (
	"fmt"
	"slices"
)

// What no person can do at GitHub and GitHub itself does: for tests that play
// what they were told happened.

// CountCommits makes GitHub count n commits in a pull request, whatever git
// holds: the list of them is then known to be short. 0 counts again.
func (r *Repository) CountCommits(number, n int) error {
	return r.stage(number, func(p *pull) error {
		p.counted = n
		return nil
	})
}

// PointReview makes a review name another commit, as GitHub does when it
// updates a branch; nobody is told.
func (r *Repository) PointReview(number int, id int64, commit string) error {
	return r.stage(number, func(p *pull) error {
		for _, v := range p.reviews {
			if v.id == id && r.metadata(commit) != nil {
				v.commit = commit
				return nil
			}
		}
		return fmt.Errorf("pull request %d has no review %d, or there is no commit %s", number, id, commit)
	})
}

func (r *Repository) stage(number int, action func(*pull) error) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if i := r.issues[number]; i != nil && i.pull != nil {
		return action(i.pull)
	}
	return fmt.Errorf("%s has no pull request %d", r.fullName(), number)
}

// FormGroup makes a merge group of a commit that the caller built, on whatever
// base it was built, and asks for its checks. Hidden groups tell nothing about
// their members: a name without a number, and no entry in the queue.
func (r *Repository) FormGroup(g Group, hidden bool) (Group, error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if r.metadata(g.Head) == nil || r.metadata(g.BaseSHA) == nil || r.branch(g.Base) == "" || len(g.Numbers) == 0 {
		return Group{}, fmt.Errorf("group of %v on %s: a commit, the branch or the members are missing", g.Numbers,
			g.Base)
	}
	g.Ref = fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", g.Base, g.Numbers[len(g.Numbers)-1], g.BaseSHA)
	if hidden {
		g.Ref = "refs/heads/gh-readonly-queue/" + g.Base + "/" + g.BaseSHA
	}
	made := &g
	for _, n := range g.Numbers {
		i := r.issues[n]
		if i == nil || i.pull == nil {
			return Group{}, fmt.Errorf("%s has no pull request %d", r.fullName(), n)
		}
		q := r.inQueue(i)
		if q == nil {
			q = &queued{id: r.server.id("queued"), issue: i, by: i.author, at: r.server.now()}
			r.queue = append(r.queue, q)
		}
		q.group = made
		if hidden {
			r.queue = slices.DeleteFunc(r.queue, func(other *queued) bool { return other == q })
		}
	}
	if err := r.setRef(g.Ref, g.Head); err != nil {
		return Group{}, err
	}
	r.emitGroup(made, "checks_requested", nil)
	return g, nil
}

// CheckRun is a check run as it stands.
type CheckRun struct {
	ID                 int64
	App                int64
	Name, SHA          string
	Status, Conclusion string
	Title              string
	Summary, Text      string
	ExternalID         string
	Buttons            []string // the identifiers of its actions
}

// CheckRuns are the check runs of a commit, oldest first.
func (r *Repository) CheckRuns(sha string) []CheckRun {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var all []CheckRun
	for _, k := range r.checksOn(sha) {
		run := CheckRun{ID: k.id, App: k.app, Name: k.name, SHA: k.sha, Status: k.status, Conclusion: k.conclusion,
			ExternalID: k.externalID}
		run.Title, _ = k.title.(string)
		run.Summary, _ = k.summary.(string)
		run.Text, _ = k.text.(string)
		for _, action := range k.actions {
			name, _ := action["identifier"].(string)
			run.Buttons = append(run.Buttons, name)
		}
		all = append(all, run)
	}
	return all
}

// Comment is a comment as it stands.
type Comment struct {
	ID        int64
	Login     string
	Body      string
	Reactions []string // "eyes", …, in the order in which they came
}

// Comments are the comments of an issue or pull request, oldest first.
func (r *Repository) Comments(number int) []Comment {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var all []Comment
	for _, m := range r.commentsOf(number) {
		made := Comment{ID: m.id, Body: m.body}
		if m.user != nil {
			made.Login = m.user.Login
		}
		for _, given := range m.reactions {
			made.Reactions = append(made.Reactions, given.content)
		}
		all = append(all, made)
	}
	return all
}
