package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/policy"
)

type commitJSON struct {
	SHA     string `json:"sha"`
	Parents []struct {
		SHA string `json:"sha"`
	} `json:"parents"`
	Author    *account `json:"author"`
	Committer *account `json:"committer"`
	Commit    struct {
		Verification struct {
			Verified bool `json:"verified"`
		} `json:"verification"`
	} `json:"commit"`
}

func (c *commitJSON) view() (policy.Commit, error) {
	commit := policy.Commit{SHA: c.SHA, Author: c.Author.user(), Committer: c.Committer.user(),
		Verified: c.Commit.Verification.Verified}
	for _, parent := range c.Parents {
		commit.Parents = append(commit.Parents, parent.SHA)
	}
	return commit, needed(fullSHA.MatchString(c.SHA) && c.Parents != nil, "a commit has no id or no parents")
}

// webFlow is the account that commits what is done in GitHub's own pages.
const webFlow policy.UserID = 19864447

// mostListed is where GitHub's list of a pull request's commits ends.
const mostListed = 250

const commitsQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      commits(first: 100, after: $after) {
        nodes { commit {
          oid
          authors(first: 100) { nodes { name email user { __typename databaseId login } } pageInfo { hasNextPage } }
          signature { isValid wasSignedByGitHub ... on GpgSignature { keyId } ... on SshSignature { keyFingerprint } }
        } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}`

type authorJSON struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	User  *struct {
		Type  string `json:"__typename"`
		ID    int64  `json:"databaseId"`
		Login string `json:"login"`
	} `json:"user"`
}

type attribution struct {
	OID     string `json:"oid"`
	Authors *struct {
		Nodes []*authorJSON `json:"nodes"`
		Page  pageInfo      `json:"pageInfo"`
	} `json:"authors"`
	Signature *struct {
		Valid       bool   `json:"isValid"`
		ByGitHub    bool   `json:"wasSignedByGitHub"`
		Key         string `json:"keyId"`
		Fingerprint string `json:"keyFingerprint"`
	} `json:"signature"`
}

type commitsPage struct {
	Nodes []*struct {
		Commit *attribution `json:"commit"`
	} `json:"nodes"`
	Page pageInfo `json:"pageInfo"`
}

type commitsJSON struct {
	Repository *struct {
		Pull *struct {
			Commits *commitsPage `json:"commits"`
		} `json:"pullRequest"`
	} `json:"repository"`
}

// Commits lists a pull request's commits as GitHub shows them, 250 at most,
// with accounts, co-authors (GitHub's own resolution) and signatures.
// NeutralMerge and pushers are not set. It is cached by head, base and count for five minutes.
// When the pull request has another head by now, it is Unavailable.
func (c *Client) Commits(ctx context.Context, r Repository, p Pull) ([]policy.Commit, error) {
	key := fmt.Sprintf("commits/%d/%d/%s/%s/%d", r.ID, p.Number, p.Head, p.Base, p.Commits)
	found, _, err := recall(c, key, c.lately(), func() ([]policy.Commit, error) { return c.commits(ctx, r, p) })
	return slices.Clone(found), err
}

func (c *Client) commits(ctx context.Context, r Repository, p Pull) ([]policy.Commit, error) {
	const op = "pulls/list-commits"
	commits, err := all(ctx, c.wire, ask{op: op, path: r.below("pulls", p.Number, "commits")}, (*commitJSON).view)
	if err != nil {
		return nil, err
	}
	isHead := func(c policy.Commit) bool { return c.SHA == p.Head }
	if len(commits) < mostListed && !slices.ContainsFunc(commits, isHead) {
		return nil, &Error{Op: op, Kind: Unavailable, Err: errors.New("the pull request moved meanwhile")}
	}
	missing := map[string]*policy.Commit{}
	for i := range commits {
		missing[commits[i].SHA] = &commits[i]
	}
	variables := map[string]any{"owner": r.Owner, "name": r.Name, "number": p.Number}
	for len(missing) > 0 {
		page, err := c.attributions(ctx, variables)
		if err != nil {
			return nil, err
		}
		for _, node := range page.Nodes {
			if node == nil || node.Commit == nil {
				return nil, shape(graphqlOp, errors.New("a commit is null"))
			}
			if commit := missing[node.Commit.OID]; commit != nil {
				if err := node.Commit.add(commit); err != nil {
					return nil, shape(graphqlOp, err)
				}
				delete(missing, node.Commit.OID)
			}
		}
		more, err := page.Page.further(variables)
		if err != nil {
			return nil, err
		}
		if !more && len(missing) > 0 {
			return nil, &Error{Op: graphqlOp, Kind: Unavailable, Err: errors.New("the pull request moved meanwhile")}
		}
	}
	return commits, nil
}

func (c *Client) attributions(ctx context.Context, variables map[string]any) (*commitsPage, error) {
	found, err := query[commitsJSON](ctx, c.wire, commitsQuery, variables)
	if err != nil {
		return nil, err
	}
	if found.Repository == nil || found.Repository.Pull == nil || found.Repository.Pull.Commits == nil {
		return nil, shape(graphqlOp, errors.New("there is no pull request"))
	}
	return found.Repository.Pull.Commits, nil
}

// add says who else wrote a commit, and who signed it.
func (a *attribution) add(commit *policy.Commit) error {
	if a.Authors == nil || len(a.Authors.Nodes) == 0 || a.Authors.Page.More {
		return errors.New("a commit has no authors, or too many")
	}
	for _, author := range a.Authors.Nodes[1:] { // the first one is git's own author
		switch {
		case author == nil:
			return errors.New("an author is null")
		case author.User == nil || author.User.ID == 0:
			commit.UnknownCoAuthors = append(commit.UnknownCoAuthors, cmp.Or(author.Email, author.Name))
		default:
			user := policy.User{ID: policy.UserID(author.User.ID), Login: author.User.Login, Type: "User"}
			if author.User.Type == "Bot" {
				user.Type, user.Login = "Bot", user.Login+"[bot]"
			}
			commit.CoAuthors = append(commit.CoAuthors, user)
		}
	}
	if !commit.Verified || a.Signature == nil || !a.Signature.Valid {
		return nil
	}
	byGitHub := a.Signature.ByGitHub
	commit.WebFlow = byGitHub && commit.Committer != nil && commit.Committer.ID == webFlow
	commit.Signer = cmp.Or(a.Signature.Key, a.Signature.Fingerprint)
	if byGitHub && commit.Author != nil && commit.Author.Type == "Bot" {
		commit.Signer = commit.Author.Login // GitHub signs what an App commits, and names the App as its author
	}
	return nil
}
