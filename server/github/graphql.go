package github

import (
	"context"
	"errors"
	"net/http"

	"github.com/countersign-dev/countersign/server/github/onehost"
)

const graphqlOp = "graphql"

type problem struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// ask GraphQL. An answer with errors is none, whatever else it holds.
func query[T any](ctx context.Context, w *wire, text string, variables map[string]any) (*T, error) {
	type document struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	type answer struct {
		Data   *T        `json:"data"`
		Errors []problem `json:"errors"`
	}
	response, body, err := w.send(ctx, ask{op: graphqlOp, method: http.MethodPost, path: w.app.graphql,
		body: document{text, variables}})
	if err != nil {
		return nil, err
	}
	found, err := decode[answer](body)
	switch {
	case err != nil:
		return nil, shape(graphqlOp, err)
	case len(found.Errors) > 0:
		return nil, w.refused(response.Response, found.Errors[0])
	case found.Data == nil:
		return nil, shape(graphqlOp, errors.New("it holds nothing"))
	}
	return found.Data, nil
}

// refused is what GraphQL says with status 200.
func (w *wire) refused(response *http.Response, p problem) *Error {
	e := &Error{Op: graphqlOp, Kind: Unavailable, Status: response.StatusCode,
		Err: errors.New(onehost.Redact(p.Message))}
	switch p.Type {
	case "FORBIDDEN", "INSUFFICIENT_SCOPES":
		e.Kind = Forbidden
	case "NOT_FOUND":
		e.Kind = NotFound
	case "RATE_LIMITED":
		e = w.limited(graphqlOp, response, waitOf(response))
		w.limit(e.RetryAt)
	}
	return e
}

// pageInfo says where a connection goes on.
type pageInfo struct {
	More bool   `json:"hasNextPage"`
	End  string `json:"endCursor"`
}

// further moves variables to the next page; false at the end.
func (p pageInfo) further(variables map[string]any) (bool, error) {
	if !p.More {
		return false, nil
	}
	if p.End == "" || p.End == variables["after"] {
		return false, shape(graphqlOp, errors.New("the list does not go on"))
	}
	variables["after"] = p.End
	return true, nil
}

const queueQuery = `query($owner: String!, $name: String!, $branch: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: 100, after: $after) {
        nodes { headCommit { oid } baseCommit { oid } pullRequest { number } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}`

type oid struct {
	OID string `json:"oid"`
}

type queueJSON struct {
	Repository *struct {
		Queue *struct {
			Entries *struct {
				Nodes []*struct {
					Head *oid `json:"headCommit"`
					Base *oid `json:"baseCommit"`
					Pull *struct {
						Number int `json:"number"`
					} `json:"pullRequest"`
				} `json:"nodes"`
				Page pageInfo `json:"pageInfo"`
			} `json:"entries"`
		} `json:"mergeQueue"`
	} `json:"repository"`
}

// Queue lists a branch's merge queue in order; empty without one.
func (c *Client) Queue(ctx context.Context, r Repository, branch string) ([]QueueEntry, error) {
	variables := map[string]any{"owner": r.Owner, "name": r.Name, "branch": branch}
	var queue []QueueEntry
	for range mostPages {
		found, err := query[queueJSON](ctx, c.wire, queueQuery, variables)
		if err != nil {
			return nil, err
		}
		if found.Repository == nil {
			return nil, shape(graphqlOp, errors.New("there is no repository"))
		}
		if found.Repository.Queue == nil {
			return nil, nil
		}
		entries := found.Repository.Queue.Entries
		if entries == nil {
			return nil, shape(graphqlOp, errors.New("a queue has no entries"))
		}
		for _, node := range entries.Nodes {
			if node == nil || node.Pull == nil || node.Pull.Number <= 0 {
				return nil, shape(graphqlOp, errors.New("an entry has no pull request"))
			}
			entry := QueueEntry{Pull: node.Pull.Number}
			if node.Head != nil && node.Base != nil {
				entry.Head, entry.Base = node.Head.OID, node.Base.OID
			}
			queue = append(queue, entry)
		}
		if more, err := entries.Page.further(variables); err != nil || !more {
			return queue, err
		}
	}
	return nil, shape(graphqlOp, errors.New("the list has no end"))
}
