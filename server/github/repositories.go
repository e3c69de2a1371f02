package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

type repositoryJSON struct {
	ID       int64    `json:"id"`
	Name     string   `json:"name"`
	Owner    *account `json:"owner"`
	Default  string   `json:"default_branch"`
	Private  bool     `json:"private"`
	Archived bool     `json:"archived"`
	Clone    string   `json:"clone_url"`
}

func (r *repositoryJSON) view() (Repository, error) {
	if r.ID == 0 || r.Name == "" || r.Owner == nil || r.Owner.ID == 0 || r.Owner.Login == "" {
		return Repository{}, errors.New("a repository has no id, name or owner")
	}
	return Repository{ID: r.ID, Owner: r.Owner.Login, Name: r.Name, OwnerID: r.Owner.ID,
		Organisation: r.Owner.Type == "Organization", DefaultBranch: r.Default, Private: r.Private,
		Archived: r.Archived, CloneURL: r.Clone}, nil
}

const listRepositories = "apps/list-repos-accessible-to-installation"

// Repositories lists what the installation covers (cached for five minutes, ETag).
func (c *Client) Repositories(ctx context.Context) ([]Repository, error) {
	found, err := c.repositories(ctx, false)
	return slices.Clone(found), err
}

const repositoriesFact = "repositories"

// forgetRepositories is for when one of them has another name than we thought.
func (c *Client) forgetRepositories() {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known.facts, repositoriesFact)
}

// repositories reads the list, or takes it from memory where it need not be
// fresh. One caller reads at a time.
func (c *Client) repositories(ctx context.Context, fresh bool) ([]Repository, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, &Error{Op: listRepositories, Kind: Unavailable, Err: ctx.Err()}
	}
	oldest := c.lately()
	if fresh {
		oldest = c.app.clock().Add(time.Nanosecond)
	}
	found, _, err := recall(c, repositoriesFact, oldest, func() ([]Repository, error) {
		return all(ctx, c.wire,
			ask{op: listRepositories, path: "installation/repositories", key: "repositories"}, (*repositoryJSON).view)
	})
	return found, err
}

// After a repository was not found it is not looked for again for so long, by
// the wall clock.
const missedFor = 3 * time.Second

// Repository finds one of them by id: Kind NotCovered if it is none. A miss
// asks GitHub again before it says so.
func (c *Client) Repository(ctx context.Context, id int64) (Repository, error) {
	for _, fresh := range []bool{false, true} {
		if fresh && c.missedLately(id) {
			break
		}
		found, err := c.repositories(ctx, fresh)
		if err != nil {
			return Repository{}, err
		}
		at := slices.IndexFunc(found, func(r Repository) bool { return r.ID == id })
		if at >= 0 {
			return found[at], nil
		}
	}
	return Repository{}, &Error{Op: listRepositories, Kind: NotCovered,
		Err: fmt.Errorf("installation %d does not cover repository %d", c.wire.installation, id)}
}

// missedLately notes a miss and reports whether there was one a moment ago.
func (c *Client) missedLately(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if at, is := c.known.missed[id]; is && now.Sub(at) < missedFor {
		return true
	}
	if len(c.known.missed) >= mostFacts {
		clear(c.known.missed)
	}
	c.known.missed[id] = now
	return false
}
