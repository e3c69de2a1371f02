package github

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// Team resolves ORG/SLUG; NotFound when there is no such team.
func (c *Client) Team(ctx context.Context, name string) (Team, error) {
	team, _, err := c.team(ctx, name, c.lately())
	return team, err
}

func (c *Client) team(ctx context.Context, name string, oldest time.Time) (Team, time.Time, error) {
	const op = "teams/get-by-name"
	org, slug, ok := strings.Cut(name, "/")
	if !ok || org == "" || slug == "" || strings.Contains(slug, "/") {
		return Team{}, c.app.clock(), &Error{Op: op, Kind: NotFound, Err: errors.New("a team is named ORG/SLUG")}
	}
	return recall(c, "team/"+strings.ToLower(name), oldest, func() (Team, error) {
		type team struct {
			ID   int64  `json:"id"`
			Slug string `json:"slug"`
		}
		found, err := read[team](ctx, c.wire, ask{op: op, path: at("orgs", org, "teams", slug)})
		if err != nil {
			return Team{}, err
		}
		if found.ID == 0 || !strings.EqualFold(found.Slug, slug) {
			return Team{}, shape(op, errors.New("a team has no id, or it is another"))
		}
		return Team{ID: found.ID, Name: name}, nil
	})
}

// reading is one person's facts while they are read.
type reading struct {
	*Client
	repository Repository
	oldest     time.Time // what was read before does not do
	person     policy.Person
	at         time.Time // of the oldest fact used
}

// Person reads a person's rights in a repository and membership in teams, and
// whether they are members of the organisation; facts that cannot be read are
// in Unknown. Facts read at or after oldest may come from the cache. The time
// is that of the oldest fact used. What GitHub could tell later (Limited,
// Unavailable) is an error.
func (c *Client) Person(ctx context.Context, r Repository, who policy.User, teams []Team,
	oldest time.Time) (policy.Person, time.Time, error) {
	p := &reading{Client: c, repository: r, oldest: oldest, at: c.app.clock(), person: policy.Person{User: who}}
	err := p.role(ctx)
	if err == nil {
		err = p.teams(ctx, teams)
	}
	if err == nil {
		err = p.organisation(ctx)
	}
	if err != nil {
		return policy.Person{}, time.Time{}, err
	}
	return p.person, p.at, nil
}

// used notes when a fact was read.
func (p *reading) used(at time.Time) {
	if at.Before(p.at) {
		p.at = at
	}
}

// unknown notes a fact that cannot be read; it hands back what may go better later.
func (p *reading) unknown(what string, err error) error {
	switch kind := KindOf(err); kind {
	case "", Limited, Unavailable:
		return err
	default:
		p.person.Unknown = append(p.person.Unknown, what+" ("+string(kind)+")")
		return nil
	}
}

// rights are what a permission's answer tells of an account.
type rights struct {
	user             policy.User
	role, permission string
}

// role reads the permission, and by it the login that the account has now.
func (p *reading) role(ctx context.Context) error {
	who := p.person.User
	key := at("rights", p.repository.ID, who.ID)
	found, when, err := recall(p.Client, key, p.oldest, func() (rights, error) {
		return p.rights(ctx, p.repository, who)
	})
	p.used(when)
	if err == nil {
		p.person.User, p.person.Role, p.person.Permission = found.user, found.role, found.permission
		return nil
	}
	if err := p.unknown("permission in the repository", err); err != nil {
		return err
	}
	// The login in hand may be another's by now.
	user, when, err := p.user(ctx, who.ID, p.oldest)
	p.used(when)
	if err == nil {
		p.person.User = user
		return nil
	}
	p.person.Login = ""
	return p.unknown("account", err)
}

// rights asks by login, for GitHub knows no other way, and makes sure that the
// answer is about the account: logins change hands.
func (c *Client) rights(ctx context.Context, r Repository, who policy.User) (rights, error) {
	if who.Login != "" {
		found, err := c.rightsOf(ctx, r, who.Login)
		if kind := KindOf(err); kind != "" && kind != NotFound || err == nil && found.user.ID == who.ID {
			return found, err
		}
	}
	now, _, err := c.user(ctx, who.ID, c.app.clock().Add(time.Nanosecond))
	if err != nil {
		return rights{}, err
	}
	found, err := c.rightsOf(ctx, r, now.Login)
	if err == nil && found.user.ID != who.ID {
		err = shape(permissionOp, errors.New("it is about another account"))
	}
	return found, err
}

const permissionOp = "repos/get-collaborator-permission-level"

func (c *Client) rightsOf(ctx context.Context, r Repository, login string) (rights, error) {
	type permission struct {
		Permission string   `json:"permission"`
		Role       string   `json:"role_name"`
		User       *account `json:"user"`
	}
	found, err := read[permission](ctx, c.wire,
		ask{op: permissionOp, path: r.below("collaborators", login, "permission")})
	if err != nil {
		return rights{}, err
	}
	user := found.User.user()
	if found.Permission == "" || user == nil || user.Login == "" {
		return rights{}, shape(permissionOp, errors.New("it says no permission, or not whose"))
	}
	if found.Role == "" {
		found.Role = found.Permission
	}
	return rights{user: *user, role: found.Role, permission: found.Permission}, nil
}

// teams reads memberships. That somebody is no member is only true of a team
// that is there: GitHub answers both with 404.
func (p *reading) teams(ctx context.Context, teams []Team) error {
	for _, team := range teams {
		now, when, err := p.team(ctx, team.Name, p.oldest)
		p.used(when)
		if err == nil && now.ID != team.ID {
			err = &Error{Op: "teams/get-by-name", Kind: NotFound, Err: errors.New("another team has the name now")}
		}
		member := false
		if err == nil {
			member, err = p.member(ctx, team)
		}
		if err != nil {
			if err := p.unknown("membership in "+team.Name, err); err != nil {
				return err
			}
		}
		if member {
			p.person.Teams = append(p.person.Teams, team.Name)
		}
	}
	return nil
}

type membership struct {
	State string   `json:"state"`
	User  *account `json:"user"`
}

func (p *reading) member(ctx context.Context, team Team) (bool, error) {
	const op = "teams/get-membership-for-user-in-org"
	if p.person.Login == "" {
		return false, &Error{Op: op, Kind: NotFound, Err: errors.New("the account's login is not known")}
	}
	org, slug, _ := strings.Cut(team.Name, "/")
	return p.membership(at("team", team.ID, p.person.ID), func() (*membership, error) {
		return read[membership](ctx, p.wire,
			ask{op: op, path: at("orgs", org, "teams", slug, "memberships", p.person.Login)})
	})
}

// membership reads whether somebody is a member: an invitation is none.
func (p *reading) membership(key string, ask func() (*membership, error)) (bool, error) {
	member, when, err := recall(p.Client, key, p.oldest, func() (bool, error) {
		found, err := ask()
		if KindOf(err) == NotFound {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if user := found.User.user(); user != nil && user.ID != p.person.ID {
			return false, shape("membership", errors.New("it is about another account"))
		}
		return found.State == "active", nil
	})
	p.used(when)
	return member, err
}

// organisation reads membership in the owner's organisation; membership in one
// of its teams proves it.
func (p *reading) organisation(ctx context.Context) error {
	p.person.OrgMember = !p.repository.Organisation
	for _, team := range p.person.Teams {
		org, _, _ := strings.Cut(team, "/")
		p.person.OrgMember = p.person.OrgMember || strings.EqualFold(org, p.repository.Owner)
	}
	if p.person.OrgMember || p.person.Login == "" {
		return nil // nothing to ask, or Unknown says so already
	}
	var err error
	p.person.OrgMember, err = p.membership(at("org", p.repository.OwnerID, p.person.ID), func() (*membership, error) {
		return read[membership](ctx, p.wire, ask{op: "orgs/get-membership-for-user",
			path: at("orgs", p.repository.Owner, "memberships", p.person.Login)})
	})
	if err != nil {
		return p.unknown("membership in the organisation", err)
	}
	return nil
}
