package review

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/people"
)

// introduce fills in who is who: accounts, teams, and the rights of everybody
// whose word may matter, read at oldest or later. It returns the teams.
func (n *run) introduce(ctx context.Context, f *people.Facts, oldest time.Time) ([]github.Team, error) {
	f.Users = map[policy.UserID]policy.User{}
	for _, id := range people.Senders(*f) {
		user, err := n.client.User(ctx, id)
		if github.KindOf(err) == github.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.Users[id] = user
	}
	teams, err := n.teams(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := n.named(ctx, f); err != nil {
		return nil, err
	}
	return teams, n.rights(ctx, f, teams, oldest)
}

// rights reads those of everybody concerned. Who may override is asked of those
// alone who do.
func (n *run) rights(ctx context.Context, f *people.Facts, teams []github.Team, oldest time.Time) error {
	approvers := slices.DeleteFunc(slices.Clone(teams), func(t github.Team) bool {
		return !slices.Contains(f.Config.Approvals.Teams, t.Name)
	})
	overriders := people.PullRequest(*f).Overrides
	f.People = map[policy.UserID]policy.Person{}
	for _, user := range people.Concerned(*f) {
		if user.Type != "User" {
			continue
		}
		of := approvers
		if slices.ContainsFunc(overriders, func(o policy.OverrideRequest) bool { return o.By.ID == user.ID }) {
			of = teams
		}
		switch person, err := n.person(ctx, user, of, oldest); {
		case momentary(err):
			f.People[user.ID] = n.lack(user, err)
		case err != nil:
			return err
		default:
			f.People[user.ID] = person
		}
	}
	return nil
}

// person reads somebody's rights. Where a fact is older than what woke us, an
// event that another replica took may have changed it: look again when it is
// out of date.
func (n *run) person(
	ctx context.Context, who policy.User, teams []github.Team, oldest time.Time,
) (policy.Person, error) {
	person, read, err := n.client.Person(ctx, n.repository, who, teams, oldest)
	if err != nil {
		return person, err
	}
	if !read.IsZero() && read.Before(n.lease.Woken) && read.Before(n.began) {
		n.wakeAt(read.Add(freshness))
	}
	return person, nil
}

// teams resolves the config's teams. A team that is not there, or no longer the
// one that it was, is a fact that the decision lacks.
func (n *run) teams(ctx context.Context, f *people.Facts) ([]github.Team, error) {
	names := slices.Clone(f.Config.Approvals.Teams)
	if over := f.Config.Override; over != nil && !slices.Contains(names, over.Team) {
		names = append(names, over.Team)
	}
	var resolved []github.Team
	for _, name := range names {
		team, err := n.client.Team(ctx, name)
		why := ""
		switch github.KindOf(err) {
		case github.NotFound:
			why = "there is no such team, or the App may not see it"
		case github.Forbidden, github.Refused:
			why = reason(err)
		default:
			if err != nil {
				return nil, err
			}
			if why, err = n.same(ctx, f.Config, "team "+name, team.ID); err != nil {
				return nil, err
			}
		}
		if why == "" {
			resolved = append(resolved, team)
		} else {
			unresolved(f)
		}
		if slices.Contains(f.Config.Approvals.Teams, name) || why != "" {
			f.Teams = append(f.Teams, policy.Team{Name: name, Unknown: why})
		}
	}
	return resolved, nil
}

// named looks whether the config's users are still those that it named first
// (D37): whoever takes over a name does not take over its rights.
func (n *run) named(ctx context.Context, f *people.Facts) error {
	for _, login := range f.Config.Approvals.Users {
		user, err := n.client.UserNamed(ctx, login)
		if github.KindOf(err) == github.NotFound {
			unresolved(f)
			continue // nobody bears the name, so nobody counts by it
		}
		if err != nil {
			return err
		}
		why, err := n.same(ctx, f.Config, "user "+login, int64(user.ID))
		if err != nil {
			return err
		}
		if why != "" {
			unresolved(f)
			f.Failed = append(f.Failed, "approvals.users names "+login+": "+why)
		}
	}
	return nil
}

// unresolved notes that the config names what is not there, or another.
func unresolved(f *people.Facts) {
	if word := "config_unresolvable"; !slices.Contains(f.Audit, word) {
		f.Audit = append(f.Audit, word)
	}
}

// same says what is wrong when a name of the config means another id than when
// this config was first read; "" when nothing is.
func (n *run) same(ctx context.Context, c config.Config, name string, id int64) (string, error) {
	key := fmt.Sprintf("identity/%d/%s/%s", n.repository.ID, c.Digest, name)
	want, known := n.memory.ids.get(key)
	if !known {
		value := []byte(strconv.FormatInt(id, 10))
		first, err := n.Store.Begin(ctx, key, value)
		if err != nil {
			return "", err
		}
		if err := n.Store.Finish(ctx, key, first.Intent); err != nil {
			return "", err
		}
		if want, err = strconv.ParseInt(string(first.Intent), 10, 64); err != nil {
			return "", fmt.Errorf("read who %s was: %w", name, err)
		}
		n.memory.ids.put(key, want, len(key))
	}
	if want != id {
		return "the name is another's by now: change .countersign.yaml so that it is read anew", nil
	}
	return "", nil
}

// atLeast reports whether a person is known to have a permission. A custom role
// counts as the level that it comes down to.
func atLeast(p policy.Person, level string) bool {
	rank := slices.Index(config.Permissions, p.Role)
	if rank < 0 {
		rank = slices.Index(config.Permissions, p.Permission)
	}
	want := slices.Index(config.Permissions, level)
	return len(p.Unknown) == 0 && rank >= 0 && want >= 0 && rank >= want
}
