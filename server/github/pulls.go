package github

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"
)

type pullJSON struct {
	Number   int        `json:"number"`
	Title    string     `json:"title"`
	State    string     `json:"state"`
	Draft    bool       `json:"draft"`
	MergedAt *time.Time `json:"merged_at"`
	Merge    string     `json:"merge_commit_sha"`
	Head     *struct {
		Ref  string `json:"ref"`
		SHA  string `json:"sha"`
		Repo *struct {
			ID int64 `json:"id"`
		} `json:"repo"`
	} `json:"head"`
	Base *struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	} `json:"base"`
	User      *account   `json:"user"`
	Assignees []*account `json:"assignees"`
	Commits   int        `json:"commits"`
	Created   time.Time  `json:"created_at"`
	Updated   time.Time  `json:"updated_at"`
	URL       string     `json:"html_url"`
}

func (p *pullJSON) view() (Pull, error) {
	if p.Number <= 0 || p.Head == nil || p.Base == nil || !fullSHA.MatchString(p.Head.SHA) || p.Base.Ref == "" {
		return Pull{}, errors.New("a pull request has no number, head or base")
	}
	if p.State != "open" && p.State != "closed" {
		return Pull{}, errors.New("a pull request is neither open nor closed")
	}
	view := Pull{Number: p.Number, Title: p.Title, Open: p.State == "open", Merged: p.MergedAt != nil, Draft: p.Draft,
		Head: p.Head.SHA, HeadRef: p.Head.Ref, Base: p.Base.Ref, BaseSHA: p.Base.SHA, Author: p.User.user(),
		Commits: p.Commits, Created: p.Created, Updated: p.Updated, URL: p.URL}
	if view.Merged { // before, it names a test merge that may be stale
		view.MergedSHA = p.Merge
	}
	if p.Head.Repo != nil {
		view.HeadRepository = p.Head.Repo.ID
	}
	for _, assignee := range p.Assignees {
		if user := assignee.user(); user != nil {
			view.Assignees = append(view.Assignees, *user)
		}
	}
	return view, nil
}

// Pull reads a pull request.
func (c *Client) Pull(ctx context.Context, r Repository, number int) (Pull, error) {
	const op = "pulls/get"
	found, err := read[pullJSON](ctx, c.wire, ask{op: op, path: r.below("pulls", number)})
	if err != nil {
		return Pull{}, err
	}
	view, err := found.view()
	if err != nil {
		return Pull{}, shape(op, err)
	}
	return view, nil
}

// OpenPulls lists open pull requests, of one base branch if base is not "".
func (c *Client) OpenPulls(ctx context.Context, r Repository, base string) ([]Pull, error) {
	query := url.Values{"state": {"open"}}
	if base != "" {
		query.Set("base", base)
	}
	return all(ctx, c.wire, ask{op: "pulls/list", path: r.below("pulls"), query: query}, (*pullJSON).view)
}

// PullsOf lists the pull requests, open ones only, whose head is the commit.
func (c *Client) PullsOf(ctx context.Context, r Repository, sha string) ([]Pull, error) {
	found, err := all(ctx, c.wire, ask{op: "repos/list-pull-requests-associated-with-commit",
		path: r.below("commits", sha, "pulls")}, (*pullJSON).view)
	return slices.DeleteFunc(found, func(p Pull) bool { return !p.Open || p.Head != sha }), err
}

// Tip is the commit of a ref ("heads/main"); Kind NotFound if there is none.
func (c *Client) Tip(ctx context.Context, r Repository, ref string) (string, error) {
	const op = "git/get-ref"
	type reference struct {
		Ref    string `json:"ref"`
		Object struct {
			SHA  string `json:"sha"`
			Type string `json:"type"`
		} `json:"object"`
	}
	found, err := read[reference](ctx, c.wire, ask{op: op, path: r.named(ref, "git", "ref")})
	if err != nil {
		return "", err
	}
	if found.Ref != "refs/"+ref || found.Object.Type != "commit" || !fullSHA.MatchString(found.Object.SHA) {
		return "", shape(op, errors.New("it is another ref, or no commit"))
	}
	return found.Object.SHA, nil
}

// Reviews lists a pull request's reviews in the order of their submission.
func (c *Client) Reviews(ctx context.Context, r Repository, number int) ([]Review, error) {
	type review struct {
		ID        int64     `json:"id"`
		User      *account  `json:"user"`
		State     string    `json:"state"`
		Submitted time.Time `json:"submitted_at"`
		Commit    string    `json:"commit_id"`
		Body      string    `json:"body"`
	}
	return all(ctx, c.wire, ask{op: "pulls/list-reviews", path: r.below("pulls", number, "reviews")},
		func(v *review) (Review, error) {
			return Review{ID: v.ID, User: v.User.user(), State: v.State, Submitted: v.Submitted, Commit: v.Commit,
				Body: v.Body}, needed(v.ID != 0 && v.State != "", "a review has no id or state")
		})
}

// mostPushes is how far back the activity is read.
const mostPushes = 1000

// Activity lists pushes to a branch of the repository, newest first, at most 1,000.
func (c *Client) Activity(ctx context.Context, r Repository, branch string) ([]Push, error) {
	type activity struct {
		Ref    string    `json:"ref"`
		Before string    `json:"before"`
		After  string    `json:"after"`
		Kind   string    `json:"activity_type"`
		Actor  *account  `json:"actor"`
		At     time.Time `json:"timestamp"`
	}
	var pushes []Push
	err := each(ctx, c.wire, ask{op: "repos/list-activities", path: r.below("activity"),
		query: url.Values{"ref": {"refs/heads/" + branch}}}, func(a *activity) (bool, error) {
		if a.Ref != "refs/heads/"+branch {
			return false, errors.New("a push is to another branch")
		}
		actor := a.Actor.user()
		pushes = append(pushes, Push{Ref: a.Ref, Before: a.Before, After: a.After, Actor: actor,
			Forced: a.Kind == "force_push", At: a.At})
		return len(pushes) < mostPushes, nil
	})
	if err != nil {
		return nil, err
	}
	return pushes, nil
}
