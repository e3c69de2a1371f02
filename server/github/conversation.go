package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

type commentJSON struct {
	ID   int64    `json:"id"`
	User *account `json:"user"`
	App  *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
	Body    string    `json:"body"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
	URL     string    `json:"html_url"`
}

func (m *commentJSON) view() (Comment, error) {
	view := Comment{ID: m.ID, User: m.User.user(), Body: m.Body, Created: m.Created, Updated: m.Updated, URL: m.URL}
	if m.App != nil {
		view.App = m.App.ID
	}
	return view, needed(m.ID != 0, "a comment has no id")
}

// Comments lists a conversation's comments, changed since a moment if that is not zero.
func (c *Client) Comments(ctx context.Context, r Repository, number int, since time.Time) ([]Comment, error) {
	query := url.Values{}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	return all(ctx, c.wire, ask{op: "issues/list-comments", path: r.below("issues", number, "comments"), query: query},
		(*commentJSON).view)
}

type bodyJSON struct {
	Body string `json:"body"`
}

// CreateComment comments on a pull request or issue.
func (c *Client) CreateComment(ctx context.Context, r Repository, number int, body string) (Comment, error) {
	const op = "issues/create-comment"
	made, err := exchange[commentJSON](ctx, c.wire, ask{op: op, method: http.MethodPost,
		path: r.below("issues", number, "comments"), body: bodyJSON{body}})
	if err != nil {
		return Comment{}, err
	}
	view, err := made.view()
	if err != nil {
		return Comment{}, shape(op, err)
	}
	return view, nil
}

// UpdateComment gives a comment another text; NotFound when it is gone.
func (c *Client) UpdateComment(ctx context.Context, r Repository, id int64, body string) error {
	_, err := exchange[commentJSON](ctx, c.wire, ask{op: "issues/update-comment", method: http.MethodPatch,
		path: r.below("issues", "comments", id), body: bodyJSON{body}})
	return err
}

// DeleteComment deletes a comment; NotFound when it is gone already.
func (c *Client) DeleteComment(ctx context.Context, r Repository, id int64) error {
	_, _, err := c.wire.send(ctx, ask{op: "issues/delete-comment", method: http.MethodDelete,
		path: r.below("issues", "comments", id)})
	return err
}

// React adds a reaction ("eyes", "rocket", "confused"); twice is once.
func (c *Client) React(ctx context.Context, r Repository, comment int64, content string) error {
	type reaction struct {
		Content string `json:"content"`
	}
	_, err := exchange[reaction](ctx, c.wire, ask{op: "reactions/create-for-issue-comment", method: http.MethodPost,
		path: r.below("issues", "comments", comment, "reactions"), body: reaction{content}})
	return err
}

// CreateIssue opens an issue and returns its number.
func (c *Client) CreateIssue(ctx context.Context, r Repository, title, body string) (int, error) {
	type issue struct {
		Number int    `json:"number,omitempty"`
		Title  string `json:"title"`
		Body   string `json:"body"`
	}
	const op = "issues/create"
	made, err := exchange[issue](ctx, c.wire, ask{op: op, method: http.MethodPost, path: r.below("issues"),
		body: issue{Title: title, Body: body}})
	if err != nil {
		return 0, err
	}
	if made.Number <= 0 {
		return 0, shape(op, errors.New("the issue has no number"))
	}
	return made.Number, nil
}
