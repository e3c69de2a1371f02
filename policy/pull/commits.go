package pull

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
		Message      string `json:"message"`
		Author       mail   `json:"author"`
		Committer    mail   `json:"committer"`
		Verification struct {
			Verified bool `json:"verified"`
		} `json:"verification"`
	} `json:"commit"`
}

type mail struct {
	Email string `json:"email"`
}

// commits reads commits.json. The API stops at 250: a list that lacks the head
// or is shorter than pull.json says is incomplete.
func (f *folder) commits(ctx context.Context, subject Subject) {
	commits, ok := list[commitJSON](f, "commits.json", "pulls/NUMBER/commits --paginate --slurp", true)
	if !ok {
		return
	}
	holdsHead := slices.ContainsFunc(commits, func(c commitJSON) bool { return c.SHA == f.pr.Head })
	f.pr.CommitsIncomplete = !holdsHead || f.pull.Commits > len(commits)
	accounts := known(commits)
	for _, c := range commits {
		commit := policy.Commit{SHA: c.SHA, Author: c.Author.user(), Committer: c.Committer.user(),
			Verified: c.Commit.Verification.Verified}
		for _, parent := range c.Parents {
			commit.Parents = append(commit.Parents, parent.SHA)
		}
		commit.WebFlow = commit.Verified && commit.Committer != nil && commit.Committer.Login == "web-flow"
		commit.NeutralMerge = len(c.Parents) == 2 && commit.WebFlow && subject.Neutral != nil &&
			subject.Neutral(ctx, c.SHA)
		commit.CoAuthors, commit.UnknownCoAuthors = coAuthors(c.Commit.Message, accounts)
		f.pr.Commits = append(f.pr.Commits, commit)
	}
}

// known maps the e-mails of commits to the accounts that GitHub resolved them to.
func known(commits []commitJSON) map[string]policy.User {
	accounts := map[string]policy.User{}
	for _, c := range commits {
		if u := c.Author.user(); u != nil {
			accounts[strings.ToLower(c.Commit.Author.Email)] = *u
		}
		if u := c.Committer.user(); u != nil && u.Login != "web-flow" {
			accounts[strings.ToLower(c.Commit.Committer.Email)] = *u
		}
	}
	return accounts
}

var (
	trailer = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<([^>\n]+)>\s*$`)
	noReply = regexp.MustCompile(`^([0-9]+)\+([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com$`)
)

// coAuthors reads a message's trailers. An e-mail maps to an account by
// GitHub's no-reply form, which holds the id, or by another commit of the same
// list; one that maps to nobody is told, and blocks nothing.
func coAuthors(message string, accounts map[string]policy.User) (users []policy.User, unknown []string) {
	for _, match := range trailer.FindAllStringSubmatch(message, -1) {
		email := strings.ToLower(strings.TrimSpace(match[1]))
		if user, ok := accounts[email]; ok {
			users = append(users, user)
			continue
		}
		parts := noReply.FindStringSubmatch(email)
		if parts == nil {
			unknown = append(unknown, email)
			continue
		}
		id, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			unknown = append(unknown, email)
			continue
		}
		kind := "User"
		if strings.HasSuffix(parts[2], "[bot]") {
			kind = "Bot"
		}
		users = append(users, policy.User{ID: policy.UserID(id), Login: parts[2], Type: kind})
	}
	return users, unknown
}

// pushes reads the optional pushes.json, the repository's activity of the
// head's branch, and says who brought which commit: all that the push's new
// head has and its old one had not.
func (f *folder) pushes() {
	pushes, ok := list[pushJSON](f, "pushes.json", "", false)
	if !ok {
		f.pr.NotGiven = append(f.pr.NotGiven, "who pushed the commits (pushes.json)")
		return
	}
	parents := map[string][]string{}
	for _, c := range f.pr.Commits {
		parents[c.SHA] = c.Parents
	}
	pushed := map[string][]policy.User{}
	for _, push := range pushes {
		user := push.Actor.user()
		if user == nil {
			continue
		}
		had := reach(parents, push.Before)
		for sha := range reach(parents, push.After) {
			if !had[sha] {
				pushed[sha] = append(pushed[sha], *user)
			}
		}
	}
	for i := range f.pr.Commits {
		c := &f.pr.Commits[i]
		c.Pushers = pushed[c.SHA]
		c.PusherUnknown = len(c.Pushers) == 0
	}
}

// reach is a commit of the list and all its ancestors in the list.
func reach(parents map[string][]string, from string) map[string]bool {
	seen := map[string]bool{}
	for pending := []string{from}; len(pending) > 0; {
		sha := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		above, listed := parents[sha]
		if !listed || seen[sha] {
			continue
		}
		seen[sha] = true
		pending = append(pending, above...)
	}
	return seen
}
