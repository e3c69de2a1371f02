package pull

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/render"
)

// Subject is what the facts are about.
type Subject struct {
	// Assessment is of the pull request's head merged into its base.
	Assessment policy.Assessment
	// Now is the moment of the decision.
	Now time.Time
	// Neutral reports whether a merge commit's tree equals the automatic merge
	// of its parents, computed; nil when nobody can tell: then no merge is.
	Neutral func(ctx context.Context, sha string) bool
}

// Parser parses YAML; [render.Builder] is one.
type Parser interface {
	Parse(ctx context.Context, name string, content []byte) (render.Document, *render.Problem, error)
}

// Read reads the facts at path: a folder of GitHub's JSON or one YAML file.
// What is missing or wrong in it is in the pull request's Failed, so that the
// verdict says so and is no pass; the error is that there is nothing at path
// (fs.ErrNotExist) or that the world failed.
func Read(ctx context.Context, parser Parser, path string, subject Subject) (policy.PullRequest, error) {
	at, err := os.Stat(path)
	if err != nil {
		return policy.PullRequest{}, fmt.Errorf("--pull: %w", err)
	}
	var pr policy.PullRequest
	if at.IsDir() {
		pr = readFolder(ctx, path, subject)
	} else if pr, err = readFile(ctx, parser, path, subject); err != nil {
		return policy.PullRequest{}, err
	}
	pr.Given, pr.Now = true, subject.Now
	slices.Sort(pr.NotGiven)
	pr.NotGiven = slices.Compact(pr.NotGiven)
	return pr, nil
}

// bind binds reviews to what was judged (D27): one of the head is about the
// assessed content, any other is stale.
func bind(pr *policy.PullRequest, subject Subject) {
	for i := range pr.Reviews {
		r := &pr.Reviews[i]
		r.BoundKnown = r.Commit != "" && r.Commit == pr.Head
		if r.BoundKnown {
			r.Bound, r.BoundBase = subject.Assessment.Digest, pr.Base
		}
	}
}

// serverKnows are facts that only the server has, for it was there.
var serverKnows = []string{
	"overrides (they are bound to what was published before them)",
	"what reviews of earlier heads were about",
	"whether a review was dismissed after asking for changes",
}

// remark is a comment or a review's text, as far as holds go.
type remark struct {
	by   policy.User
	at   time.Time
	body string
}

// holds plays the hold and unhold commands in time order.
func holds(remarks []remark) []policy.Hold {
	slices.SortStableFunc(remarks, func(a, b remark) int { return a.at.Compare(b.at) })
	var list []policy.Hold
	for _, r := range remarks {
		stance := command.Stance(r.body)
		switch stance.Word {
		case command.Hold:
			list = append(list, policy.Hold{By: r.by, Reason: stance.Rest, At: r.at})
		case command.Unhold:
			for i := range list {
				list[i].ReleasedBy = append(list[i].ReleasedBy, r.by) // whether it counts is for Decide
			}
		}
	}
	return list
}
