package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const webFlowID = 19864447

// User is an account of a person or a bot.
type User struct {
	ID     int64  // 0: the next free one
	Login  string // unique whatever its case
	Type   string // "User" or "Bot"; empty means "User"
	Name   string // shown in commits; empty means the login
	Emails []string
	// Deleted accounts are null in answers.
	Deleted bool
}

// Organisation owns repositories and teams.
type Organisation struct {
	server  *Server
	id      int64
	login   string
	members map[int64]string // user → "active" or "pending"
	teams   map[int64]*team
	roles   map[string]string // custom role → the built-in one it inherits
}

type team struct {
	id      int64
	slug    string
	parent  *team
	members map[int64]string // user → "active" or "pending"
}

// AddUser makes an account and returns its id.
func (s *Server) AddUser(u User) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login(u.Login) != nil || s.organisation(u.Login) != nil {
		return 0, fmt.Errorf("the name %q is taken", u.Login)
	}
	if s.users[u.ID] != nil {
		return 0, fmt.Errorf("the account %d exists", u.ID)
	}
	return s.addUser(u).ID, nil
}

func (s *Server) addUser(u User) *User {
	if u.ID == 0 {
		u.ID = s.id("account")
	}
	u.Type, u.Name = cmp.Or(u.Type, "User"), cmp.Or(u.Name, u.Login)
	u.Emails = append(slices.Clone(u.Emails), noReply(&u))
	s.users[u.ID] = &u
	return &u
}

func noReply(u *User) string { return fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, u.Login) }

// UserID is the id of the account with this login, 0 where there is none.
func (s *Server) UserID(login string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.login(login); u != nil {
		return u.ID
	}
	return 0
}

// RenameUser gives an account another login. Its id and addresses stay.
func (s *Server) RenameUser(id int64, login string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil || u.Deleted || s.login(login) != nil {
		return fmt.Errorf("rename account %d to %q: no such account, or the name is taken", id, login)
	}
	u.Login = login
	u.Emails = append(u.Emails, noReply(u))
	return nil
}

// DeleteUser deletes an account: it is null from then on and in no team.
func (s *Server) DeleteUser(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil {
		return fmt.Errorf("no account %d", id)
	}
	u.Deleted = true
	for _, o := range s.organisations {
		delete(o.members, id)
		for _, t := range o.teams {
			delete(t.members, id)
		}
	}
	for _, r := range s.repositories {
		delete(r.roles, id)
	}
	return nil
}

func (s *Server) login(login string) *User {
	for _, u := range s.users {
		if strings.EqualFold(u.Login, login) && !u.Deleted {
			return u
		}
	}
	return nil
}

// person is the account that acts; actions by unknown people are refused.
func (s *Server) person(login string) (*User, error) {
	if u := s.login(login); u != nil {
		return u, nil
	}
	return nil, fmt.Errorf("no account %q", login)
}

// byEmail is whom GitHub attributes a commit to, nil for an unknown address.
func (s *Server) byEmail(email string) *User {
	for _, u := range s.users {
		if !u.Deleted && slices.ContainsFunc(u.Emails, func(e string) bool { return strings.EqualFold(e, email) }) {
			return u
		}
	}
	return nil
}

// AddOrganisation makes an organisation without members.
func (s *Server) AddOrganisation(login string) (*Organisation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login(login) != nil || s.organisation(login) != nil {
		return nil, fmt.Errorf("the name %q is taken", login)
	}
	o := &Organisation{server: s, id: s.id("account"), login: login, members: map[int64]string{},
		teams: map[int64]*team{}, roles: map[string]string{}}
	s.organisations[o.id] = o
	return o, nil
}

func (s *Server) organisation(login string) *Organisation {
	for _, o := range s.organisations {
		if strings.EqualFold(o.login, login) {
			return o
		}
	}
	return nil
}

// Role makes a custom repository role that inherits read, triage, write or maintain.
func (o *Organisation) Role(name, inherits string) {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	o.roles[name] = inherits
}

// Member makes somebody a member ("active"), invites them ("pending") or
// removes them (""), from teams too, and sends what GitHub sends.
func (o *Organisation) Member(login, state string) error {
	s := o.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(login)
	if err != nil {
		return err
	}
	before := o.members[u.ID]
	if state == "" {
		delete(o.members, u.ID)
		for _, t := range o.teams {
			delete(t.members, u.ID)
		}
	} else {
		o.members[u.ID] = state
	}
	action := map[bool]string{true: "member_added", false: "member_removed"}[state == "active"]
	if state == "active" != (before == "active") {
		s.emit(event{name: "organization", action: action, org: o, payload: object{
			"membership": object{"url": s.api("/orgs/" + o.login + "/memberships/" + u.Login), "state": "active",
				"role": "member", "organization_url": s.api("/orgs/" + o.login), "user": s.userView(u)}}})
	}
	return nil
}

// Team makes a team; parent is the slug of the team it is a child of, or empty.
func (o *Organisation) Team(slug, parent string) error {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	above := o.team(parent)
	if parent != "" && above == nil || o.team(slug) != nil {
		return fmt.Errorf("team %s/%s: no parent %q, or it exists", o.login, slug, parent)
	}
	t := &team{id: o.server.id("team"), slug: slug, parent: above, members: map[int64]string{}}
	o.teams[t.id] = t
	return nil
}

func (o *Organisation) team(slug string) *team {
	for _, t := range o.teams {
		if strings.EqualFold(t.slug, slug) {
			return t
		}
	}
	return nil
}

// TeamMember adds somebody to a team ("active"), invites them ("pending") or
// removes them ("").
func (o *Organisation) TeamMember(slug, login, state string) error {
	s := o.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(login)
	t := o.team(slug)
	if err != nil || t == nil {
		return fmt.Errorf("team %s/%s, member %s: %w", o.login, slug, login, cmp.Or(err, errNoTeam))
	}
	action := ""
	switch before := t.members[u.ID]; {
	case state == "active" && before != "active":
		action = "added"
	case state != "active" && before == "active":
		action = "removed"
	}
	if state == "" {
		delete(t.members, u.ID)
	} else {
		t.members[u.ID] = state
	}
	if action != "" {
		s.emit(event{name: "membership", action: action, org: o, payload: object{
			"scope": "team", "member": s.userView(u), "team": s.teamView(o, t)}})
	}
	return nil
}

var errNoTeam = fmt.Errorf("no such team")

// DeleteTeam deletes a team and its children.
func (o *Organisation) DeleteTeam(slug string) error {
	s := o.server
	s.mu.Lock()
	defer s.mu.Unlock()
	t := o.team(slug)
	if t == nil {
		return errNoTeam
	}
	for _, child := range o.teams {
		if child.within(t) {
			delete(o.teams, child.id)
			for _, r := range s.repositories {
				delete(r.teamRoles, child.id)
			}
		}
	}
	s.emit(event{name: "team", action: "deleted", org: o, payload: object{"team": s.teamView(o, t)}})
	return nil
}

// RenameTeam changes a team's slug. Its id stays.
func (o *Organisation) RenameTeam(slug, to string) error {
	s := o.server
	s.mu.Lock()
	defer s.mu.Unlock()
	t := o.team(slug)
	if t == nil || o.team(to) != nil {
		return errNoTeam
	}
	t.slug = to
	s.emit(event{name: "team", action: "edited", org: o, payload: object{
		"team": s.teamView(o, t), "changes": object{"name": object{"from": slug}}}})
	return nil
}

func (t *team) within(above *team) bool {
	for ; t != nil; t = t.parent {
		if t == above {
			return true
		}
	}
	return false
}

// state is the membership of a user in a team, its child teams included:
// "active", "pending" or "".
func (o *Organisation) state(t *team, user int64) string {
	best := ""
	for _, child := range o.teams {
		if has := child.members[user]; child.within(t) && (has == "active" || best == "") {
			best = has
		}
	}
	return best
}

var builtinRoles = []string{"none", "read", "triage", "write", "maintain", "admin"}

func (o *Organisation) rank(role string) int {
	if o != nil && o.roles[role] != "" {
		role = o.roles[role]
	}
	return slices.Index(builtinRoles, role)
}

// legacy is the permission that the old field can say.
func (o *Organisation) legacy(role string) string {
	return []string{"none", "none", "read", "read", "write", "write", "admin"}[o.rank(role)+1]
}

// role is the highest role that somebody has in a repository.
func (r *Repository) role(user *User) string {
	best := "none"
	consider := func(role string) {
		if r.org.rank(role) > r.org.rank(best) || best == "none" && role != "" {
			best = role
		}
	}
	if !r.private {
		consider("read")
	}
	if user == nil || user.Deleted {
		return best
	}
	if r.owner == user {
		return "admin"
	}
	consider(r.roles[user.ID])
	if r.org != nil {
		for _, id := range slices.Sorted(maps.Keys(r.teamRoles)) {
			if t := r.org.teams[id]; t != nil && r.org.state(t, user.ID) == "active" {
				consider(r.teamRoles[id])
			}
		}
	}
	return best
}

// can reports whether somebody has at least a built-in role.
func (r *Repository) can(user *User, role string) bool {
	return r.org.rank(r.role(user)) >= slices.Index(builtinRoles, role)
}

// Permit gives somebody a role in the repository; "" takes it away.
func (r *Repository) Permit(login, role string) error {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(login)
	if err != nil {
		return err
	}
	if role != "" && r.org.rank(role) < 1 {
		return fmt.Errorf("%s has no role %q", r.fullName(), role)
	}
	before := r.roles[u.ID]
	payload := object{"member": s.userView(u)}
	action := "edited"
	switch {
	case role == "":
		delete(r.roles, u.ID)
		action = "removed"
	case before == "":
		action = "added"
		payload["changes"] = object{"permission": object{"to": r.org.legacy(role)}, "role_name": object{"to": role}}
	default:
		payload["changes"] = object{"permission": object{"from": r.org.legacy(before), "to": r.org.legacy(role)}}
	}
	if role != "" {
		r.roles[u.ID] = role
	}
	if role != before {
		s.emit(event{name: "member", action: action, repository: r, payload: payload})
	}
	return nil
}

// PermitTeam gives a team of the owner a role in the repository.
func (r *Repository) PermitTeam(slug, role string) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if r.org == nil || r.org.team(slug) == nil || r.org.rank(role) < 1 {
		return fmt.Errorf("%s: no team %q or no role %q", r.fullName(), slug, role)
	}
	r.teamRoles[r.org.team(slug).id] = role
	return nil
}
