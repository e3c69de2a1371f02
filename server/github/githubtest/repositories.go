package githubtest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Repository is one repository and all that lives in it.
type Repository struct {
	server        *Server
	id, store     int64 // store: the repository whose objects are used
	name          string
	owner         *User // nil: org
	org           *Organisation
	private       bool
	defaultBranch string
	parent        *Repository
	roles         map[int64]string // user → role
	teamRoles     map[int64]string // team → role
	refs          map[string]string
	issues        map[int]*issue
	comments      []*comment
	checks        []*checkRun
	suites        []*checkSuite
	statuses      []*status
	activities    []activity
	rulesets      []*storedRuleset
	protections   map[string]object
	queue         []*queued
}

// activity is a line of the repository's activity page.
type activity struct {
	id                       int64
	before, after, ref, kind string
	actor                    *User
	at                       time.Time
}

const zeroSHA = "0000000000000000000000000000000000000000"

// AddRepository makes an empty private repository of a person or organisation
// whose default branch is main.
func (s *Server) AddRepository(owner, name string) (*Repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRepository(owner, name, nil)
}

func (s *Server) addRepository(owner, name string, parent *Repository) (*Repository, error) {
	person, org := s.login(owner), s.organisation(owner)
	if person == nil && org == nil || s.repository(owner, name) != nil {
		return nil, fmt.Errorf("repository %s/%s: no such owner, or it exists", owner, name)
	}
	r := &Repository{server: s, id: s.id("repository"), name: name, owner: person, org: org, private: true,
		defaultBranch: "main", parent: parent, roles: map[int64]string{}, teamRoles: map[int64]string{},
		refs: map[string]string{}, issues: map[int]*issue{}, protections: map[string]object{}}
	r.store = r.id
	if parent != nil {
		r.store, r.private, r.defaultBranch = parent.store, parent.private, parent.defaultBranch
	}
	if err := s.createGit(r); err != nil {
		return nil, err
	}
	s.repositories[r.id] = r
	return r, nil
}

// Fork makes a person's fork with the branches that the repository has now.
func (r *Repository) Fork(login string) (*Repository, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	fork, err := s.addRepository(login, r.name, r)
	if err != nil {
		return nil, err
	}
	for name, sha := range r.refs {
		if strings.HasPrefix(name, "refs/heads/") {
			if err := fork.setRef(name, sha); err != nil {
				return nil, err
			}
		}
	}
	return fork, nil
}

// ID is the repository's numeric id.
func (r *Repository) ID() int64 { return r.id }

// FullName is "owner/name" as of now.
func (r *Repository) FullName() string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.fullName()
}

// GitFolder is the bare repository's folder, for tests that make objects that
// Commit cannot (links, modes, odd names).
func (r *Repository) GitFolder() string { return r.server.gitFolder(r.id) }

// Public makes the repository readable by everybody.
func (r *Repository) Public() {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.private = false
}

// Rename gives the repository another name; the old one redirects.
func (r *Repository) Rename(name string) error {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.repository(r.ownerLogin(), name) != nil {
		return fmt.Errorf("%s/%s exists", r.ownerLogin(), name)
	}
	old := r.name
	s.moved[strings.ToLower(r.fullName())] = r.id
	r.name = name
	s.emit(event{name: "repository", action: "renamed", repository: r, payload: object{
		"changes": object{"repository": object{"name": object{"from": old}}}}})
	return nil
}

// Transfer gives the repository to another account; the old name redirects.
// Roles of the old owner's teams end.
func (r *Repository) Transfer(owner string) error {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	person, org := s.login(owner), s.organisation(owner)
	if person == nil && org == nil || s.repository(owner, r.name) != nil {
		return fmt.Errorf("%s cannot be given to %s", r.fullName(), owner)
	}
	from := object{"user": s.userView(r.owner)}
	if r.org != nil {
		from = object{"organization": s.organisationView(r.org)}
	}
	s.moved[strings.ToLower(r.fullName())] = r.id
	r.owner, r.org = person, org
	clear(r.teamRoles)
	s.emit(event{name: "repository", action: "transferred", repository: r, payload: object{
		"changes": object{"owner": object{"from": from}}}})
	return nil
}

// Delete deletes the repository. Pull requests from it have no head repository then.
func (r *Repository) Delete() {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	delete(r.server.repositories, r.id)
}

func (s *Server) repository(owner, name string) *Repository {
	for _, r := range s.repositories {
		if strings.EqualFold(r.ownerLogin(), owner) && strings.EqualFold(r.name, name) {
			return r
		}
	}
	return nil
}

func (r *Repository) ownerLogin() string {
	if r.org != nil {
		return r.org.login
	}
	return r.owner.Login
}

func (r *Repository) fullName() string { return r.ownerLogin() + "/" + r.name }

func (r *Repository) api(path string) string { return r.server.api("/repos/" + r.fullName() + path) }

func (r *Repository) web(path string) string { return r.server.URL() + "/" + r.fullName() + path }

// Branch is the commit that a branch points to, "" where there is none.
func (r *Repository) Branch(name string) string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.branch(name)
}

func (r *Repository) branch(name string) string { return r.refs["refs/heads/"+name] }

// revision finds the commit that a {ref} of a path means.
func (c *call) revision(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/"} {
		if sha := c.repo.refs[prefix+strings.TrimPrefix(ref, "heads/")]; sha != "" {
			return sha
		}
	}
	if fullSHA(ref) && c.repo.metadata(ref) != nil {
		return ref
	}
	return ""
}

func (c *call) showRepository() *answer {
	view := c.s.repositoryView(c.repo)
	view["network_count"], view["subscribers_count"] = 0, 0
	return ok(view)
}

func (c *call) listBranches() *answer {
	return page(c, "", c.repo.sortedRefs("refs/heads/"), func(name string) any {
		sha := c.repo.refs[name]
		return object{"name": strings.TrimPrefix(name, "refs/heads/"), "protected": c.repo.isProtected(name),
			"commit": object{"sha": sha, "url": c.repo.api("/commits/" + sha)}}
	})
}

func (r *Repository) sortedRefs(prefix string) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(r.refs) {
			if strings.HasPrefix(name, prefix) && !yield(name) {
				return
			}
		}
	})
}

func (c *call) showBranch() *answer {
	name := c.r.PathValue("branch")
	m := c.repo.metadata(c.repo.branch(name))
	if m == nil {
		return refuse(404, "Branch not found")
	}
	protected := c.repo.isProtected("refs/heads/" + name)
	self := c.repo.api("/branches/" + name)
	return ok(object{"name": name, "commit": c.repo.commitView(m), "protected": protected,
		"protection": object{"enabled": protected}, "protection_url": self + "/protection",
		"_links": object{"self": self, "html": c.repo.web("/tree/" + name)}})
}

func (c *call) showCommit() *answer {
	m := c.repo.metadata(c.revision(c.r.PathValue("ref")))
	if m == nil {
		return refuse(422, "No commit found for SHA: "+c.r.PathValue("ref"))
	}
	view := c.repo.commitView(m)
	var files []any
	added, deleted := 0, 0
	for _, f := range c.repo.filesOf(m) {
		files = append(files, c.repo.fileView(f, m.sha))
		added, deleted = added+f.additions, deleted+f.deletions
	}
	view["files"] = files[:min(len(files), 300)]
	view["stats"] = object{"additions": added, "deletions": deleted, "total": added + deleted}
	return ok(view)
}

func (r *Repository) filesOf(m *metadata) []changed {
	before := "4b825dc642cb6eb9a060e54bf8d69288fbee4904" // git's name of the empty tree
	if len(m.parents) > 0 {
		before = m.parents[0]
	}
	return r.files(before, m.sha)
}

func (c *call) compare() *answer {
	base, head, found := strings.Cut(c.r.PathValue("basehead"), "...")
	from, to := c.repo.metadata(c.revision(base)), c.repo.metadata(c.revision(head))
	if !found || from == nil || to == nil {
		return notFound()
	}
	fork := c.repo.mergeBase(from.sha, to.sha)
	if fork == "" {
		return refuse(404, "No common ancestor between "+base+" and "+head+".")
	}
	ahead, behind := c.repo.between(from.sha, to.sha), c.repo.between(to.sha, from.sha)
	state := map[[2]bool]string{{true, true}: "diverged", {true, false}: "ahead", {false, true}: "behind",
		{false, false}: "identical"}[[2]bool{len(ahead) > 0, len(behind) > 0}]
	a := page(c, "", ahead, func(sha string) any { return c.repo.commitView(c.repo.metadata(sha)) })
	files := []any{}
	if c.query("page") == "" || c.query("page") == "1" {
		for _, f := range c.repo.files(fork, to.sha) {
			files = append(files, c.repo.fileView(f, to.sha))
		}
	}
	self, page := c.repo.api("/compare/"+base+"..."+head), c.repo.web("/compare/"+base+"..."+head)
	a.body = object{"url": self, "html_url": page, "permalink_url": page, "diff_url": page + ".diff",
		"patch_url": page + ".patch", "base_commit": c.repo.commitView(from), "status": state,
		"merge_base_commit": c.repo.commitView(c.repo.metadata(fork)), "ahead_by": len(ahead),
		"behind_by": len(behind), "total_commits": len(ahead), "commits": a.body, "files": files[:min(len(files), 300)]}
	return a
}

func (c *call) showContent() *answer {
	ref, name := cmp.Or(c.query("ref"), c.repo.defaultBranch), strings.Trim(c.r.PathValue("path"), "/")
	sha := c.revision(ref)
	if sha == "" {
		return refuse(404, "No commit found for the ref "+ref)
	}
	if name == "" || path.Clean(name) != name {
		return c.folder(sha, name)
	}
	entry := c.repo.entry(sha, name)
	switch {
	case entry == nil:
		return notFound()
	case entry.kind == "tree":
		return c.folder(sha, name)
	}
	view := c.repo.contentView(*entry, name)
	text, err := c.repo.same("cat-file", "blob", entry.sha)
	if err != nil || entry.kind != "blob" {
		c.s.note("repos/get-content: %s is a %s, which is not answered", name, entry.kind)
		return notFound()
	}
	view["content"], view["encoding"] = base64.StdEncoding.EncodeToString(text), "base64"
	if len(text) > 1<<20 {
		view["content"], view["encoding"] = "", "none"
	}
	return ok(view)
}

type treeEntry struct {
	mode, kind, sha, path string
	size                  int
}

func (r *Repository) entries(sha string, args ...string) []treeEntry {
	out, err := r.same(append([]string{"ls-tree", "-z", "-l"}, append(args, sha)...)...)
	if err != nil {
		r.server.note("list %s: %v", sha, err)
	}
	var all []treeEntry
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if meta, name, found := strings.Cut(line, "\t"); found {
			part := strings.Fields(meta)
			size, _ := strconv.Atoi(part[3])
			all = append(all, treeEntry{part[0], part[1], part[2], name, size})
		}
	}
	return all
}

func (r *Repository) entry(sha, name string) *treeEntry {
	for folder := range strings.SplitSeq(path.Dir(name), "/") {
		if folder == "." {
			break
		}
		i := slices.IndexFunc(r.entries(sha), func(e treeEntry) bool { return e.path == folder && e.kind == "tree" })
		if i < 0 {
			return nil
		}
		sha = r.entries(sha)[i].sha
	}
	for _, e := range r.entries(sha) {
		if e.path == path.Base(name) {
			return &e
		}
	}
	return nil
}

func (c *call) folder(sha, name string) *answer {
	if name != "" {
		if entry := c.repo.entry(sha, name); entry == nil {
			return notFound()
		} else {
			sha = entry.sha
		}
	}
	list := []any{}
	for _, e := range c.repo.entries(sha) {
		list = append(list, c.repo.contentView(e, path.Join(name, e.path)))
	}
	return ok(list)
}

func (r *Repository) contentView(e treeEntry, name string) object {
	kind := map[string]string{"tree": "dir", "blob": "file", "commit": "submodule"}[e.kind]
	self, blob := r.api("/contents/"+name), r.api("/git/"+e.kind+"s/"+e.sha)
	return object{"type": kind, "size": e.size, "name": path.Base(name), "path": name, "sha": e.sha, "url": self,
		"git_url": blob, "html_url": r.web("/blob/" + name), "download_url": r.web("/raw/" + name),
		"_links": object{"self": self, "git": blob, "html": r.web("/blob/" + name)}}
}

func (c *call) showTree() *answer {
	sha, err := c.repo.resolveObject(c.r.PathValue("tree_sha"), "tree")
	if err != nil {
		return notFound()
	}
	var args []string
	if c.query("recursive") != "" {
		args = []string{"-r", "-t"}
	}
	list := []any{}
	for _, e := range c.repo.entries(sha, args...) {
		view := object{"path": e.path, "mode": e.mode, "type": e.kind, "sha": e.sha,
			"url": c.repo.api("/git/" + e.kind + "s/" + e.sha)}
		if e.kind == "blob" {
			view["size"] = e.size
		}
		list = append(list, view)
	}
	const most = 100_000
	return ok(object{"sha": sha, "url": c.repo.api("/git/trees/" + sha), "tree": list[:min(len(list), most)],
		"truncated": len(list) > most})
}

func (c *call) showBlob() *answer {
	sha := c.r.PathValue("file_sha")
	if _, err := c.repo.resolveObject(sha, "blob"); err != nil {
		return notFound()
	}
	text, err := c.repo.same("cat-file", "blob", sha)
	if err != nil {
		return notFound()
	}
	return ok(object{"sha": sha, "node_id": "B_" + sha, "size": len(text), "url": c.repo.api("/git/blobs/" + sha),
		"content": base64.StdEncoding.EncodeToString(text), "encoding": "base64"})
}

func (c *call) showGitCommit() *answer {
	m := c.repo.metadata(c.r.PathValue("commit_sha"))
	if m == nil {
		return notFound()
	}
	view := c.repo.commitView(m)
	inner := view["commit"].(object)
	return ok(object{"sha": m.sha, "node_id": view["node_id"], "url": c.repo.api("/git/commits/" + m.sha),
		"html_url": view["html_url"], "author": inner["author"], "committer": inner["committer"],
		"tree": inner["tree"], "message": m.message, "parents": view["parents"],
		"verification": inner["verification"]})
}

func (c *call) showRef() *answer {
	name := "refs/" + c.r.PathValue("ref")
	if c.repo.refs[name] == "" {
		return notFound()
	}
	return ok(c.repo.refView(name))
}

func (c *call) listRefs() *answer {
	list := []any{}
	for _, name := range c.repo.sortedRefs("refs/" + c.r.PathValue("ref")) {
		list = append(list, c.repo.refView(name))
	}
	return ok(list)
}

func (r *Repository) refView(name string) any {
	sha := r.refs[name]
	return object{"ref": name, "node_id": "REF_" + nodeID("ref", r.id), "url": r.api("/git/" + name),
		"object": object{"type": "commit", "sha": sha, "url": r.api("/git/commits/" + sha)}}
}

func (c *call) listActivities() *answer {
	ref := c.query("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	for _, key := range []string{"before", "after", "time_period"} {
		if c.query(key) != "" {
			c.s.note("repos/list-activities: %s is not answered", key)
		}
	}
	var found []activity
	for _, a := range c.repo.activities {
		if (ref == "" || a.ref == ref) && (c.query("actor") == "" || strings.EqualFold(a.actor.Login,
			c.query("actor"))) &&
			(c.query("activity_type") == "" || a.kind == c.query("activity_type")) {
			found = append(found, a)
		}
	}
	if c.query("direction") != "asc" {
		slices.Reverse(found)
	}
	return page(c, "", found, func(a activity) any {
		return object{"id": a.id, "node_id": nodeID("PSH", a.id), "before": a.before, "after": a.after, "ref": a.ref,
			"timestamp": stamp(a.at), "activity_type": a.kind, "actor": c.s.userView(a.actor)}
	})
}

func (c *call) showPermission() *answer {
	u := c.s.login(c.r.PathValue("username"))
	if u == nil {
		return refuse(404, c.r.PathValue("username")+" is not a user")
	}
	role := c.repo.role(u)
	view := c.s.userView(u).(object)
	rank := c.repo.org.rank(role)
	view["role_name"] = role
	view["permissions"] = object{"pull": rank >= 1, "triage": rank >= 2, "push": rank >= 3, "maintain": rank >= 4,
		"admin": rank >= 5}
	return ok(object{"permission": c.repo.org.legacy(role), "role_name": role, "user": view})
}
