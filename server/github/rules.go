package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Rules are those that hold for a branch, of whatever type.
func (c *Client) Rules(ctx context.Context, r Repository, branch string) ([]Rule, error) {
	type rule struct {
		Type       string          `json:"type"`
		Ruleset    int64           `json:"ruleset_id"`
		Parameters json.RawMessage `json:"parameters"`
	}
	return all(ctx, c.wire, ask{op: "repos/get-branch-rules", path: r.named(branch, "rules", "branches")},
		func(found *rule) (Rule, error) {
			return Rule{Type: found.Type, Ruleset: found.Ruleset, Parameters: found.Parameters},
				needed(found.Type != "", "a rule has no type")
		})
}

// Ruleset reads a ruleset.
func (c *Client) Ruleset(ctx context.Context, r Repository, id int64) (Ruleset, error) {
	type bypass struct {
		ActorID   int64  `json:"actor_id"`
		ActorType string `json:"actor_type"`
		Mode      string `json:"bypass_mode"`
	}
	type ruleset struct {
		ID          int64     `json:"id"`
		Name        string    `json:"name"`
		Enforcement string    `json:"enforcement"`
		Bypass      *[]bypass `json:"bypass_actors"`
	}
	const op = "repos/get-repo-ruleset"
	found, err := read[ruleset](ctx, c.wire, ask{op: op, path: r.below("rulesets", id)})
	if err != nil {
		return Ruleset{}, err
	}
	if found.ID != id || found.Enforcement == "" {
		return Ruleset{}, shape(op, errors.New("it is another ruleset, or says not whether it is enforced"))
	}
	view := Ruleset{ID: found.ID, Name: found.Name, Enforcement: found.Enforcement}
	if found.Bypass != nil {
		view.Bypass = []Bypass{}
		for _, b := range *found.Bypass {
			view.Bypass = append(view.Bypass, Bypass(b))
		}
	}
	return view, nil
}

// Protection is a branch's classic protection as GitHub writes it (NotFound:
// none; Forbidden without administration: read).
func (c *Client) Protection(ctx context.Context, r Repository, branch string) ([]byte, error) {
	const op = "repos/get-branch-protection"
	_, text, err := c.wire.send(ctx,
		ask{op: op, method: http.MethodGet, path: r.below("branches", branch, "protection")})
	if err != nil {
		return nil, err
	}
	if _, err := decode[map[string]json.RawMessage](text); err != nil {
		return nil, shape(op, err)
	}
	return text, nil
}
