package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy/config"
)

// people answers who somebody is to this change.
type people struct {
	rules config.Approvals
	pr    PullRequest
	// involved holds, for each person who had a hand in the change, the first
	// reason of the order that approvals are refused for.
	involved map[UserID]string
	// last is each person's latest decisive review.
	last map[UserID]Review
}

func newPeople(rules config.Approvals, pr PullRequest) *people {
	p := &people{rules: rules, pr: pr, involved: map[UserID]string{}, last: map[UserID]Review{}}
	p.involve()
	for _, review := range pr.Reviews {
		if review.User == nil || !decisive(review) {
			continue
		}
		if had, ok := p.last[review.User.ID]; !ok || !before(review, had) {
			p.last[review.User.ID] = review
		}
	}
	return p
}

// decisive reports whether a review is somebody's word: a comment and a draft
// are not.
func decisive(r Review) bool {
	switch r.State {
	case "APPROVED", "CHANGES_REQUESTED", "DISMISSED":
		return !r.Submitted.IsZero()
	}
	return false
}

func before(a, b Review) bool {
	return cmp.Or(a.Submitted.Compare(b.Submitted), cmp.Compare(a.ID, b.ID)) < 0
}

// involve records everybody who had a hand in the change, the strongest
// reason first, so that the first one written stays.
func (p *people) involve() {
	excluded := func(reason string) bool { return slices.Contains(p.rules.Exclude, reason) }
	mark := func(reason string, users ...User) {
		if !excluded(reason) {
			return
		}
		for _, user := range users {
			if _, known := p.involved[user.ID]; !known {
				p.involved[user.ID] = reason
			}
		}
	}
	if p.pr.Author != nil {
		mark("author", *p.pr.Author)
	}
	mark("initiator", p.pr.Initiators...)
	each := func(reason string, of func(Commit) []User) {
		for _, commit := range slices.Concat(p.pr.Commits, p.pr.Former) {
			if !commit.NeutralMerge {
				mark(reason, of(commit)...)
			}
		}
	}
	each("commit_author", func(c Commit) []User { return users(c.Author) })
	each("committer", func(c Commit) []User {
		if c.WebFlow {
			return nil
		}
		return users(c.Committer)
	})
	each("co_author", func(c Commit) []User { return c.CoAuthors })
	each("pusher", func(c Commit) []User { return c.Pushers })
}

func users(u *User) []User {
	if u == nil {
		return nil
	}
	return []User{*u}
}

// required is how many must approve: one more where the pull request comes
// from a workflow's token, an App whose commit nobody vouches for, or somebody
// who could not push it (D21).
func (p *people) required() int {
	n := p.rules.Required
	if p.pr.Given && p.doubtfulOrigin() {
		n++
	}
	return n
}

func (p *people) doubtfulOrigin() bool {
	hands := users(p.pr.Author)
	unverifiedApp := false
	for _, commit := range p.pr.Commits {
		if commit.NeutralMerge {
			continue
		}
		hands = append(hands, commit.Pushers...)
		unverifiedApp = unverifiedApp || isApp(commit.Author) && !commit.Verified
	}
	for _, hand := range hands {
		if strings.EqualFold(hand.Login, "github-actions[bot]") || isApp(&hand) && unverifiedApp {
			return true
		}
	}
	if p.pr.Author == nil || isApp(p.pr.Author) || p.pr.AuthorRole == "" {
		return false // nobody to ask about, or a fact that is missed elsewhere
	}
	author := p.pr.People[p.pr.Author.ID]
	return !Person{Role: p.pr.AuthorRole, Permission: author.Permission}.AtLeast("write")
}

func isApp(u *User) bool {
	return u != nil && (u.Type != "User" || strings.HasSuffix(u.Login, "[bot]"))
}

// AtLeast reports whether the permission reaches a level of [config.Permissions].
// A custom role counts as the level that it comes down to; no role reaches none.
func (person Person) AtLeast(level string) bool {
	rank := slices.Index(config.Permissions, person.Role)
	if rank < 0 {
		rank = slices.Index(config.Permissions, person.Permission)
	}
	want := slices.Index(config.Permissions, level)
	return rank >= 0 && want >= 0 && rank >= want
}

// entitled reports whether the account may approve at all, whatever it did
// here: a person with the permission, in the organisation, of a team or named.
func (p *people) entitled(user User) bool {
	person, known := p.pr.People[user.ID]
	if !known || len(person.Unknown) > 0 || p.robot(user) {
		return false
	}
	if p.rules.RequireOrgMember && !person.OrgMember || !person.AtLeast(p.rules.MinPermission) {
		return false
	}
	if len(p.rules.Teams) == 0 && len(p.rules.Users) == 0 {
		return true
	}
	for _, team := range p.rules.Teams {
		if containsFold(person.Teams, team) {
			return true
		}
	}
	return containsFold(p.rules.Users, person.Login)
}

func (p *people) robot(user User) bool {
	return isApp(&user) || containsFold(p.rules.NotPeople, user.Login)
}

func containsFold(list []string, want string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, want) })
}

// independent reports whether a person may decide about this change: entitled,
// and without a hand in it.
func (p *people) independent(user User) bool {
	_, involved := p.involved[user.ID]
	return !involved && p.entitled(user)
}

// count sorts the reviewers into those who count and those who do not, with
// the first reason why.
func (p *people) count(digest string, holds []User, out *Approvals) {
	type vote struct {
		Counted
		at time.Time
	}
	var votes []vote
	for id, review := range p.last {
		user := *review.User
		if reason := p.refusal(user, review, digest, holds); reason != "" {
			out.Ignored = append(out.Ignored, Ignored{ID: id, Login: user.Login, Reason: reason})
			continue
		}
		votes = append(votes, vote{Counted{ID: id, Login: user.Login}, review.Submitted})
	}
	for _, review := range p.pr.Reviews {
		if review.User == nil && decisive(review) {
			out.Ignored = append(out.Ignored, Ignored{Login: "<deleted>", Reason: "unknown_user"})
		}
	}
	slices.SortFunc(out.Ignored, func(a, b Ignored) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(votes, func(a, b vote) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.ID, b.ID)) })
	for _, v := range votes {
		out.Counted = append(out.Counted, v.Counted)
	}
}

// refusal is why a person's decisive review does not count; "" when it does.
func (p *people) refusal(user User, review Review, digest string, holds []User) string {
	if reason, involved := p.involved[user.ID]; involved {
		return reason
	}
	switch {
	case p.robot(user):
		return "bot"
	case !p.entitled(user):
		return "not_eligible"
	case review.State == "DISMISSED":
		return "dismissed"
	case review.State != "APPROVED":
		return "changes_requested"
	case slices.ContainsFunc(holds, func(h User) bool { return h.ID == user.ID }):
		return "hold"
	case !review.BoundKnown || review.Bound != digest || review.BoundBase != p.pr.Base:
		return "stale"
	}
	return ""
}

// requesters are those whose request for changes stands, by time. A dismissal
// lifts it only when it came from the reviewer or from someone independent.
func (p *people) requesters() []User {
	var standing []Review
	for _, review := range p.last {
		user := *review.User
		if !p.entitled(user) || p.involved[user.ID] == "author" {
			continue
		}
		if review.State == "CHANGES_REQUESTED" || p.wronglyDismissed(review) {
			standing = append(standing, review)
		}
	}
	slices.SortFunc(standing, func(a, b Review) int {
		return cmp.Or(a.Submitted.Compare(b.Submitted), cmp.Compare(a.ID, b.ID))
	})
	var who []User
	for _, review := range standing {
		who = append(who, *review.User)
	}
	return who
}

func (p *people) wronglyDismissed(r Review) bool {
	if r.State != "DISMISSED" || r.Former != "CHANGES_REQUESTED" {
		return false
	}
	if r.DismissedBy == nil {
		return true // whoever it was
	}
	by := *r.DismissedBy
	admin := p.pr.People[by.ID].Role == "admin" && p.involved[by.ID] == ""
	return by.ID != r.User.ID && !admin && !p.independent(by)
}

// standingHolds are those who hold the change, by time. A hold that somebody
// else rightly lifted is not placed again by the same person on the same content;
// where the content is not known, it is taken for other.
func (p *people) standingHolds() []User {
	type placed struct {
		id     UserID
		digest string
	}
	lifted := map[placed]bool{}
	holds := slices.Clone(p.pr.Holds)
	slices.SortStableFunc(holds, func(a, b Hold) int { return a.At.Compare(b.At) })
	var standing []User
	for _, hold := range holds {
		person, known := p.pr.People[hold.By.ID]
		if known && len(person.Unknown) == 0 && !person.AtLeast(p.rules.HoldPermission) || p.robot(hold.By) {
			continue
		}
		key := placed{hold.By.ID, hold.Digest}
		switch {
		case lifted[key]:
		case slices.ContainsFunc(hold.ReleasedBy, func(by User) bool { return by.ID == hold.By.ID }):
		case slices.ContainsFunc(hold.ReleasedBy, p.independent):
			lifted[key] = hold.Digest != ""
		case !slices.ContainsFunc(standing, func(u User) bool { return u.ID == hold.By.ID }):
			standing = append(standing, hold.By)
		}
	}
	return standing
}

// unattributed names commits and authors that map to nobody: while they do,
// nobody can tell whose change this is.
func (p *people) unattributed() []string {
	var words []string
	agent := p.pr.Author != nil && containsFold(p.rules.Agents, p.pr.Author.Login)
	if p.pr.Author == nil || agent && (p.pr.InitiatorUnknown || len(p.pr.Initiators) == 0) {
		words = append(words, "unattributed_author")
	}
	pusherUnknown := false
	for _, c := range p.pr.Commits {
		if c.NeutralMerge {
			continue
		}
		pusherUnknown = pusherUnknown || c.PusherUnknown
		trusted := c.Verified && c.Signer != "" && containsFold(p.rules.TrustedSigners, c.Signer)
		if !trusted && nobody(c) {
			words = append(words, "unattributed_commit:"+c.SHA)
		}
	}
	if pusherUnknown {
		words = append(words, "pusher_unknown")
	}
	return words
}

// nobody reports whether an author or a committer maps to no account: none at
// all, an App without its signature, or a web-flow that GitHub did not sign.
func nobody(c Commit) bool {
	forged := func(u *User) bool {
		return u == nil || isApp(u) && !c.Verified || strings.EqualFold(u.Login, "web-flow") && !c.WebFlow
	}
	return forged(c.Author) || !c.WebFlow && forged(c.Committer)
}

// factsMissing reports whether a person who reviewed, or the author, is not
// known well enough to say whether they count.
func (p *people) factsMissing() bool {
	for id, review := range p.last {
		person, known := p.pr.People[id]
		_, involved := p.involved[id]
		asks := review.State == "CHANGES_REQUESTED" || p.wronglyDismissed(review)
		if p.robot(*review.User) || involved && (!asks || p.involved[id] == "author") {
			continue // whatever their rights are, their word changes nothing
		}
		if !known || len(person.Unknown) > 0 {
			return true
		}
	}
	return p.pr.Author != nil && !isApp(p.pr.Author) && p.pr.AuthorRole == ""
}

func (p *people) teamsUnknown() bool {
	return slices.ContainsFunc(p.pr.Teams, func(t Team) bool { return t.Unknown != "" })
}
