package github

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// account is GitHub's "simple user"; null where it was deleted.
type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

// user is nil for an account that is gone, and for one without an id: who has
// none is nobody.
func (a *account) user() *policy.User {
	if a == nil || a.ID == 0 {
		return nil
	}
	return &policy.User{ID: policy.UserID(a.ID), Login: a.Login, Type: a.Type}
}

func needed(holds bool, otherwise string) error {
	if !holds {
		return errors.New(otherwise)
	}
	return nil
}

var fullSHA = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// For so long facts may be remembered where nobody asks for newer ones.
const remembered = 5 * time.Minute

// mostFacts bounds what a client remembers.
const mostFacts = 50_000

// fact is something that was read, and when.
type fact struct {
	value any
	at    time.Time
}

// recall is a fact read at or after oldest, from memory or by reading it now.
// What was read while Forget was called is not remembered.
func recall[T any](c *Client, key string, oldest time.Time, ask func() (T, error)) (T, time.Time, error) {
	c.mu.Lock()
	facts := c.known.facts
	found, known := facts[key]
	c.mu.Unlock()
	if known && !found.at.Before(oldest) {
		return found.value.(T), found.at, nil
	}
	at := c.app.clock()
	value, err := ask()
	if err != nil {
		return value, at, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(facts) >= mostFacts {
		clear(facts)
	}
	facts[key] = fact{value, at} // of a map that Forget may have replaced since
	return value, at, nil
}

func (c *Client) lately() time.Time { return c.app.clock().Add(-remembered) }

func userAt(ctx context.Context, w *wire, a ask) (policy.User, error) {
	found, err := read[account](ctx, w, a)
	if err != nil {
		return policy.User{}, err
	}
	if found.user() == nil || found.Login == "" {
		return policy.User{}, shape(a.op, errors.New("an account has no id or login"))
	}
	return *found.user(), nil
}

// User finds an account by id: NotFound when it is gone.
func (c *Client) User(ctx context.Context, id policy.UserID) (policy.User, error) {
	user, _, err := c.user(ctx, id, c.lately())
	return user, err
}

func (c *Client) user(ctx context.Context, id policy.UserID, oldest time.Time) (policy.User, time.Time, error) {
	path := at("user", id)
	return recall(c, path, oldest, func() (policy.User, error) {
		const op = "users/get-by-id"
		user, err := userAt(ctx, c.wire, ask{op: op, path: path})
		if err == nil && user.ID != id {
			err = shape(op, errors.New("it is another account"))
		}
		return user, err
	})
}

// UserNamed finds an account by its login of now: NotFound when there is none.
func (c *Client) UserNamed(ctx context.Context, login string) (policy.User, error) {
	path := at("users", strings.ToLower(login))
	user, _, err := recall(c, path, c.lately(), func() (policy.User, error) {
		return userAt(ctx, c.wire, ask{op: "users/get-by-username", path: path})
	})
	return user, err
}
