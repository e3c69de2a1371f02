package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// userView shows an account; null for a deleted one.
func (s *Server) userView(u *User) any {
	if u == nil || u.Deleted {
		return nil
	}
	self := s.api("/users/" + u.Login)
	view := object{"login": u.Login, "id": u.ID, "node_id": nodeID("U", u.ID), "type": u.Type, "site_admin": false,
		"gravatar_id": "", "avatar_url": s.URL() + "/avatars/" + fmt.Sprint(u.ID), "url": self,
		"html_url": s.URL() + "/" + u.Login, "user_view_type": "public"}
	for key, path := range map[string]string{
		"followers": "/followers", "following": "/following{/other_user}", "gists": "/gists{/gist_id}",
		"starred": "/starred{/owner}{/repo}", "subscriptions": "/subscriptions", "organizations": "/orgs",
		"repos": "/repos", "events": "/events{/privacy}", "received_events": "/received_events",
	} {
		view[key+"_url"] = self + path
	}
	return view
}

// accountView shows an organisation where GitHub shows the owner of something.
func (s *Server) accountView(login string) any {
	if o := s.organisation(login); o != nil {
		return s.userView(&User{ID: o.id, Login: o.login, Type: "Organization"})
	}
	return s.userView(s.login(login))
}

func (s *Server) organisationView(o *Organisation) object {
	self := s.api("/orgs/" + o.login)
	return object{"login": o.login, "id": o.id, "node_id": nodeID("O", o.id), "url": self, "description": "",
		"avatar_url": s.URL() + "/avatars/" + fmt.Sprint(o.id), "repos_url": self + "/repos",
		"events_url": self + "/events", "hooks_url": self + "/hooks", "issues_url": self + "/issues",
		"members_url": self + "/members{/member}", "public_members_url": self + "/public_members{/member}"}
}

var repositoryURLs = strings.Fields(`archive/{archive_format}{/ref} assignees{/user} blobs=/git/blobs{/sha}
	branches{/branch} collaborators{/collaborator} comments{/number} commits{/sha} compare/{base}...{head}
	contents/{+path} contributors deployments downloads events forks git_commits=/git/commits{/sha}
	git_refs=/git/refs{/sha} git_tags=/git/tags{/sha} hooks issue_comment=/issues/comments{/number}
	issue_events=/issues/events{/number} issues{/number} keys{/key_id} labels{/name} languages merges
	milestones{/number} notifications{?since,all,participating} pulls{/number} releases{/id} stargazers
	statuses/{sha} subscribers subscription tags teams trees=/git/trees{/sha}`)

func (s *Server) repositoryView(r *Repository) object {
	stamped := stamp(s.now())
	view := object{"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(),
		"owner": s.accountView(r.ownerLogin()), "private": r.private, "html_url": r.web(""), "description": nil,
		"fork": r.parent != nil, "url": r.api(""), "default_branch": r.defaultBranch, "forks": 0, "forks_count": 0,
		"clone_url": r.web(".git"), "git_url": "git://" + strings.TrimPrefix(r.web(".git"), "http://"),
		"ssh_url": "git@localhost:" + r.fullName() + ".git", "svn_url": r.web(""), "homepage": nil, "language": nil,
		"license": nil, "mirror_url": nil, "size": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": r.open(), "open_issues_count": r.open(), "archived": false, "disabled": false,
		"has_downloads": true, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
		"has_discussions": false, "visibility": map[bool]string{true: "private", false: "public"}[r.private],
		"topics": []string{}, "is_template": false, "allow_forking": true, "web_commit_signoff_required": false,
		"created_at": stamped, "updated_at": stamped, "pushed_at": stamped}
	for _, field := range repositoryURLs {
		key, path, given := strings.Cut(field, "=")
		if !given {
			end := strings.IndexAny(key+"/", "/{")
			key, path = key[:end], "/"+field
		}
		view[key+"_url"] = r.api(path)
	}
	return view
}

func (r *Repository) open() int {
	n := 0
	for _, i := range r.issues {
		if i.state == "open" {
			n++
		}
	}
	return n
}

func (s *Server) shortRepositories(all []*Repository) []any {
	list := []any{}
	for _, r := range all {
		list = append(list, object{"id": r.id, "node_id": nodeID("R", r.id), "name": r.name,
			"full_name": r.fullName(), "private": r.private})
	}
	return list
}

func (r *Repository) commitView(m *metadata) object {
	s := r.server
	parents := []any{}
	for _, parent := range m.parents {
		parents = append(parents, object{"sha": parent, "url": r.api("/commits/" + parent),
			"html_url": r.web("/commit/" + parent)})
	}
	verification := object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil,
		"verified_at": nil}
	if at, verified := s.verified[m.sha]; verified {
		verification = object{"verified": true, "reason": "valid", "payload": "tree " + m.tree + "\n",
			"signature": "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----", "verified_at": stamp(at)}
	}
	who := func(g signature) object { return object{"name": g.name, "email": g.email, "date": g.date} }
	self := r.api("/commits/" + m.sha)
	return object{"sha": m.sha, "node_id": "C_" + m.sha, "url": self, "html_url": r.web("/commit/" + m.sha),
		"comments_url": self + "/comments", "parents": parents, "author": s.userView(s.byEmail(m.author.email)),
		"committer": s.userView(s.byEmail(m.committer.email)),
		"commit": object{"author": who(m.author), "committer": who(m.committer), "message": m.message,
			"tree": object{"sha": m.tree, "url": r.api("/git/trees/" + m.tree)}, "comment_count": 0,
			"url": r.api("/git/commits/" + m.sha), "verification": verification}}
}

func (r *Repository) fileView(f changed, sha string) object {
	view := object{"sha": f.blob, "filename": f.path, "status": f.status, "additions": f.additions,
		"deletions": f.deletions, "changes": f.additions + f.deletions,
		"blob_url": r.web("/blob/" + sha + "/" + f.path),
		"raw_url":  r.web("/raw/" + sha + "/" + f.path), "contents_url": r.api("/contents/" + f.path + "?ref=" + sha)}
	if f.from != "" {
		view["previous_filename"] = f.from
	}
	return view
}

func (s *Server) appView() object {
	app := s.options.App
	self := s.URL() + "/apps/" + app.Slug
	return object{"id": app.ID, "slug": app.Slug, "node_id": nodeID("A", app.ID), "client_id": fmt.Sprintf("Iv1.%d",
		app.ID),
		"owner": s.userView(s.operator), "name": app.Slug, "description": "", "external_url": self, "html_url": self,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "permissions": app.Permissions,
		"events": app.Events}
}

func (s *Server) installationView(i *Installation) object {
	kind := "User"
	account := s.accountView(i.owner).(object)
	if s.organisation(i.owner) != nil {
		kind = "Organization"
	}
	selection := map[bool]string{true: "all", false: "selected"}[i.selected == nil]
	self := s.api(fmt.Sprintf("/app/installations/%d", i.ID))
	view := object{"id": i.ID, "node_id": nodeID("I", i.ID), "app_id": s.options.App.ID, "app_slug": s.options.App.Slug,
		"client_id": fmt.Sprintf("Iv1.%d", s.options.App.ID), "target_id": account["id"], "target_type": kind,
		"account": account, "repository_selection": selection, "access_tokens_url": self + "/access_tokens",
		"repositories_url": s.api("/installation/repositories"), "html_url": s.URL() + "/settings/installations",
		"permissions": maps.Clone(i.permissions), "events": s.options.App.Events, "single_file_name": nil,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "suspended_by": nil,
		"suspended_at": stampOrNull(i.suspended)}
	if !i.suspended.IsZero() {
		view["suspended_by"] = s.userView(s.operator)
	}
	return view
}

func (c *call) showApp() *answer { return ok(c.s.appView()) }

func (c *call) showHook() *answer {
	return ok(object{"url": c.s.hooks.url, "content_type": "json", "insecure_ssl": "0", "secret": "********"})
}

func (c *call) listInstallations() *answer {
	var all []*Installation
	for _, id := range slices.Sorted(maps.Keys(c.s.installations)) {
		all = append(all, c.s.installations[id])
	}
	return page(c, "", all, func(i *Installation) any { return c.s.installationView(i) })
}

func (c *call) showInstallation() *answer {
	return c.installationAnswer(c.s.installations[c.number("installation_id")])
}

func (c *call) installationAnswer(i *Installation) *answer {
	if i == nil {
		return notFound()
	}
	return ok(c.s.installationView(i))
}

func (c *call) showRepositoryInstallation() *answer {
	return c.installationAnswer(c.s.installationOf(c.repo))
}

func (c *call) showOrgInstallation() *answer {
	for _, i := range c.s.installations {
		if strings.EqualFold(i.owner, c.org.login) {
			return ok(c.s.installationView(i))
		}
	}
	return notFound()
}

func (c *call) listInstallationRepositories() *answer {
	if c.installation == nil {
		return refuse(403,
			"You must authenticate with an installation access token in order to list repositories "+
				"for an installation.")
	}
	reached := slices.DeleteFunc(c.installation.repositories(), func(r *Repository) bool { return !c.reaches(r) })
	return page(c, "repositories", reached, func(r *Repository) any { return c.s.repositoryView(r) })
}

func (c *call) showLimits() *answer {
	rate := object{"limit": 60, "remaining": 60, "reset": c.s.options.TokenClock().Unix() + 3600, "used": 0}
	if i := c.installation; i != nil {
		l := i.limits()
		rate = object{"limit": l["Limit"], "remaining": l["Remaining"], "reset": l["Reset"], "used": l["Used"]}
	}
	return ok(object{"rate": rate, "resources": object{"core": rate, "search": rate, "graphql": rate}})
}

// Organisations and teams.

func (c *call) showOrg() *answer {
	view := c.s.organisationView(c.org)
	maps.Copy(view, object{"html_url": c.s.URL() + "/" + c.org.login, "has_organization_projects": false,
		"has_repository_projects": false, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"type": "Organization", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
		"archived_at": nil})
	return ok(view)
}

func (c *call) showOrgMembership() *answer {
	u := c.s.login(c.r.PathValue("username"))
	if u == nil || c.org.members[u.ID] == "" {
		return notFound()
	}
	return ok(object{"url": c.s.api("/orgs/" + c.org.login + "/memberships/" + u.Login), "role": "member",
		"state": c.org.members[u.ID], "organization_url": c.s.api("/orgs/" + c.org.login),
		"organization": c.s.organisationView(c.org), "user": c.s.userView(u)})
}

func (c *call) checkOrgMember() *answer {
	if u := c.s.login(c.r.PathValue("username")); u != nil && c.org.members[u.ID] == "active" {
		return &answer{status: 204}
	}
	return refuse(404, "User does not exist or is not a member of the organization")
}

func (s *Server) teamView(o *Organisation, t *team) object {
	view := s.flatTeamView(o, t)
	view["parent"] = nil
	if t.parent != nil {
		view["parent"] = s.flatTeamView(o, t.parent)
	}
	return view
}

func (s *Server) flatTeamView(o *Organisation, t *team) object {
	self := s.api(fmt.Sprintf("/organizations/%d/team/%d", o.id, t.id))
	return object{"id": t.id, "node_id": nodeID("T", t.id), "name": t.slug, "slug": t.slug, "description": "",
		"privacy": "closed", "notification_setting": "notifications_enabled", "permission": "pull", "url": self,
		"html_url": s.URL() + "/orgs/" + o.login + "/teams/" + t.slug, "members_url": self + "/members{/member}",
		"repositories_url": self + "/repos", "type": "organization", "organization_id": o.id}
}

func (c *call) team() *team { return c.org.team(c.r.PathValue("team_slug")) }

func (c *call) listTeams() *answer { return c.teams(func(*team) bool { return true }) }

func (c *call) teams(which func(*team) bool) *answer {
	var all []*team
	for _, id := range slices.Sorted(maps.Keys(c.org.teams)) {
		if which(c.org.teams[id]) {
			all = append(all, c.org.teams[id])
		}
	}
	return page(c, "", all, func(t *team) any { return c.s.teamView(c.org, t) })
}

func (c *call) listChildTeams() *answer {
	above := c.team()
	if above == nil {
		return notFound()
	}
	return c.teams(func(t *team) bool { return t.parent == above })
}

func (c *call) showTeam() *answer {
	t := c.team()
	if t == nil {
		return notFound()
	}
	view := c.s.teamView(c.org, t)
	organisation := c.s.organisationView(c.org)
	maps.Copy(organisation, object{"html_url": c.s.URL() + "/" + c.org.login, "has_organization_projects": false,
		"has_repository_projects": false, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"type": "Organization", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
		"archived_at": nil})
	maps.Copy(view, object{"organization": organisation, "members_count": len(c.teamMembers(t)), "repos_count": 0,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
	return ok(view)
}

func (c *call) teamMembers(t *team) []*User {
	var all []*User
	for _, id := range slices.Sorted(maps.Keys(c.s.users)) {
		if c.org.state(t, id) == "active" {
			all = append(all, c.s.users[id])
		}
	}
	return all
}

func (c *call) listTeamMembers() *answer {
	t := c.team()
	if t == nil {
		return notFound()
	}
	return page(c, "", c.teamMembers(t), func(u *User) any { return c.s.userView(u) })
}

func (c *call) showTeamMembership() *answer {
	t, u := c.team(), c.s.login(c.r.PathValue("username"))
	if t == nil || u == nil || c.org.state(t, u.ID) == "" {
		return notFound()
	}
	return ok(object{"role": "member", "state": c.org.state(t, u.ID), "url": c.s.api(fmt.Sprintf(
		"/organizations/%d/team/%d/memberships/%s", c.org.id, t.id, u.Login))})
}

func (c *call) showUser() *answer { return c.userAnswer(c.s.login(c.r.PathValue("username"))) }

func (c *call) showUserByID() *answer { return c.userAnswer(c.s.users[c.number("account_id")]) }

func (c *call) userAnswer(u *User) *answer {
	if u == nil || u.Deleted {
		return notFound()
	}
	view := c.s.userView(u).(object)
	maps.Copy(view, object{"name": u.Name, "bio": nil, "blog": "", "company": nil, "email": nil, "followers": 0,
		"following": 0, "hireable": nil, "location": nil, "public_gists": 0, "public_repos": 0,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
	return ok(view)
}
