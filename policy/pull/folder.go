package pull

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
)

// maxFile bounds one of the folder's files, in bytes.
const maxFile = 64 << 20

// account is a user as GitHub's REST API returns it.
type account struct {
	ID    policy.UserID `json:"id"`
	Login string        `json:"login"`
	Type  string        `json:"type"`
}

func (a *account) user() *policy.User {
	if a == nil || a.ID == 0 {
		return nil
	}
	kind := a.Type
	if kind == "" {
		kind = "User"
	}
	return &policy.User{ID: a.ID, Login: a.Login, Type: kind}
}

type pullJSON struct {
	Number    int       `json:"number"`
	User      *account  `json:"user"`
	Assignees []account `json:"assignees"`
	Commits   int       `json:"commits"`
	Base      struct {
		Ref  string `json:"ref"`
		Repo struct {
			ID       int64   `json:"id"`
			FullName string  `json:"full_name"`
			Owner    account `json:"owner"`
		} `json:"repo"`
	} `json:"base"`
	Head struct {
		SHA string `json:"sha"`
	} `json:"head"`
}

type reviewJSON struct {
	ID          int64     `json:"id"`
	User        *account  `json:"user"`
	State       string    `json:"state"`
	Commit      string    `json:"commit_id"`
	Submitted   time.Time `json:"submitted_at"`
	Body        string    `json:"body"`
	Association string    `json:"author_association"`
}

type commentJSON struct {
	User    *account  `json:"user"`
	Body    string    `json:"body"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
	App     *struct{} `json:"performed_via_github_app"`
	// Association is the author's place in the organisation.
	Association string `json:"author_association"`
}

type permissionJSON struct {
	Permission string   `json:"permission"`
	Role       string   `json:"role_name"`
	User       *account `json:"user"`
}

type pushJSON struct {
	Actor  *account `json:"actor"`
	Before string   `json:"before"`
	After  string   `json:"after"`
}

// folder reads GitHub's JSON from a folder and gathers what is wrong with it.
type folder struct {
	dir  string
	pull pullJSON
	pr   policy.PullRequest
	// associations are what reviews say of their authors' place in the organisation.
	associations map[policy.UserID]string
	// membersOnly says that only the organisation's members may approve.
	membersOnly bool
}

func readFolder(ctx context.Context, dir string, subject Subject) policy.PullRequest {
	f := &folder{dir: dir, associations: map[policy.UserID]string{}, membersOnly: true}
	if c := subject.Assessment.Config; c != nil {
		f.membersOnly = c.Approvals.RequireOrgMember
	}
	f.pr.People = map[policy.UserID]policy.Person{}
	f.pr.NotGiven = slices.Clone(serverKnows)
	if !f.need("pull.json", "pulls/NUMBER", &f.pull) {
		return f.pr
	}
	f.pr.Repository, f.pr.Number = f.pull.Base.Repo.ID, f.pull.Number
	f.pr.Base, f.pr.Head, f.pr.Author = f.pull.Base.Ref, f.pull.Head.SHA, f.pull.User.user()
	if head := subject.Assessment.Head.Commit; f.pr.Head != head {
		f.fail(
			"pull.json is about head %.12s, but --head is %.12s: fetch the pull request's head, or pull.json, anew",
			f.pr.Head,
			head,
		)
	}
	f.initiators(subject)
	reviews := f.reviews()
	f.commits(ctx, subject)
	f.pushes()
	f.remarks(reviews)
	f.teams(subject)
	f.people()
	bind(&f.pr, subject)
	return f.pr
}

func (f *folder) fail(format string, args ...any) {
	f.pr.Failed = append(f.pr.Failed, fmt.Sprintf(format, args...))
}

// need reads a file that the decision cannot do without. endpoint is what
// gh api takes to fill it.
func (f *folder) need(name, endpoint string, into any) bool {
	found := f.read(name, into)
	if found == nil {
		return true
	}
	if errors.Is(found, fs.ErrNotExist) {
		f.fail("%s is missing: gh api %s > %s", name, f.endpoint(endpoint), name)
		return false
	}
	f.fail("%s: %v", name, found)
	return false
}

// endpoint fills in what pull.json tells of an API path.
func (f *folder) endpoint(path string) string {
	repo, number := "repos/OWNER/REPO", "NUMBER"
	if name := f.pull.Base.Repo.FullName; name != "" {
		repo = "repos/" + name
	}
	if f.pull.Number > 0 {
		number = fmt.Sprint(f.pull.Number)
	}
	path = strings.ReplaceAll(path, "NUMBER", number)
	if !strings.HasPrefix(path, "orgs/") {
		path = repo + "/" + path
	}
	return path
}

// list reads a list that may come in pages (gh api --paginate --slurp).
func list[T any](f *folder, name, endpoint string, needed bool) (elements []T, ok bool) {
	var raw []json.RawMessage
	if !needed {
		if err := f.read(name, &raw); errors.Is(err, fs.ErrNotExist) {
			return nil, false
		} else if err != nil {
			f.fail("%s: %v", name, err)
			return nil, false
		}
	} else if !f.need(name, endpoint, &raw) {
		return nil, false
	}
	for _, element := range raw {
		page := []json.RawMessage{element}
		if strings.HasPrefix(strings.TrimSpace(string(element)), "[") {
			page = nil
			if err := json.Unmarshal(element, &page); err != nil {
				f.fail("%s: %v", name, err)
				return nil, false
			}
		}
		for _, text := range page {
			var one T
			if err := json.Unmarshal(text, &one); err != nil {
				f.fail("%s: %v", name, err)
				return nil, false
			}
			elements = append(elements, one)
		}
	}
	return elements, true
}

// read reads one JSON file. The error is about its content, or fs.ErrNotExist.
func (f *folder) read(name string, into any) error {
	file := filepath.Join(f.dir, filepath.FromSlash(name))
	at, err := os.Stat(file)
	if err != nil {
		return err
	}
	if at.Size() > maxFile {
		return fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("line %d: %w; ask the API for it again", lineOf(text, err), err)
	}
	return nil
}

func lineOf(text []byte, err error) int {
	offset := int64(0)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = wrong.Offset
	}
	return 1 + strings.Count(string(text[:min(int(offset), len(text))]), "\n")
}

// initiators are the human assignees of an agent's pull request.
func (f *folder) initiators(subject Subject) {
	c := subject.Assessment.Config
	if c == nil || f.pr.Author == nil || !slices.Contains(c.Approvals.Agents, f.pr.Author.Login) {
		return
	}
	for _, assignee := range f.pull.Assignees {
		if u := assignee.user(); u != nil && u.Type == "User" {
			f.pr.Initiators = append(f.pr.Initiators, *u)
		}
	}
	f.pr.InitiatorUnknown = len(f.pr.Initiators) == 0
}

// reviews reads reviews.json and returns the reviews' texts.
func (f *folder) reviews() []remark {
	reviews, ok := list[reviewJSON](f, "reviews.json", "pulls/NUMBER/reviews --paginate --slurp", true)
	if !ok {
		return nil
	}
	var remarks []remark
	for _, r := range reviews {
		user := r.User.user()
		f.pr.Reviews = append(f.pr.Reviews, policy.Review{ID: r.ID, User: user, State: strings.ToUpper(r.State),
			Submitted: r.Submitted, Commit: r.Commit})
		if user != nil {
			f.associations[user.ID] = cmp.Or(r.Association, f.associations[user.ID])
			remarks = append(remarks, remark{by: *user, at: r.Submitted, body: r.Body})
		}
	}
	return remarks
}

// remarks reads the optional comments.json and plays the holds. A comment that
// was edited says what it says now, not what it said: it holds, but lifts
// nothing. One sent through an App is nobody's word.
func (f *folder) remarks(all []remark) {
	comments, ok := list[commentJSON](f, "comments.json", "", false)
	if !ok {
		f.pr.NotGiven = append(f.pr.NotGiven, "holds in comments (comments.json)")
	}
	for _, c := range comments {
		user := c.User.user()
		lifts := command.Stance(c.Body).Word == command.Unhold
		if user == nil || c.App != nil || lifts && !c.Updated.IsZero() && !c.Updated.Equal(c.Created) {
			continue
		}
		all = append(all, remark{by: *user, at: c.Created, body: c.Body})
		f.associations[user.ID] = cmp.Or(f.associations[user.ID], c.Association)
	}
	f.pr.Holds = holds(all)
}

// teams reads the members of the config's teams.
func (f *folder) teams(subject Subject) {
	c := subject.Assessment.Config
	if c == nil {
		return
	}
	for _, team := range c.Approvals.Teams {
		org, slug, _ := strings.Cut(team, "/")
		name := path.Join("members", org, slug+".json")
		members, ok := list[account](f, name, "orgs/"+org+"/teams/"+slug+"/members --paginate --slurp", true)
		if !ok {
			f.pr.Teams = append(f.pr.Teams, policy.Team{Name: team, Unknown: name + " is missing or wrong"})
			continue
		}
		f.pr.Teams = append(f.pr.Teams, policy.Team{Name: team})
		for _, member := range members {
			person := f.pr.People[member.ID]
			person.Teams = append(person.Teams, team)
			f.pr.People[member.ID] = person
		}
	}
}

// people reads the permission of everybody whose word may matter.
func (f *folder) people() {
	matter := map[policy.UserID]policy.User{}
	for _, r := range f.pr.Reviews {
		if r.User != nil && r.State != "COMMENTED" && r.State != "PENDING" {
			matter[r.User.ID] = *r.User
		}
	}
	for _, h := range f.pr.Holds {
		matter[h.By.ID] = h.By
		for _, by := range h.ReleasedBy {
			matter[by.ID] = by
		}
	}
	if f.pr.Author != nil {
		matter[f.pr.Author.ID] = *f.pr.Author
	}
	for _, user := range matter {
		if user.Type != "User" {
			continue
		}
		f.person(user)
	}
	for id := range f.pr.People {
		if _, ok := matter[id]; !ok {
			delete(f.pr.People, id) // a team's member who said nothing
		}
	}
	slices.Sort(f.pr.Failed)
	if f.pr.Author != nil {
		f.pr.AuthorRole = f.pr.People[f.pr.Author.ID].Role
	}
}

func (f *folder) person(user policy.User) {
	var p permissionJSON
	name := path.Join("permissions", user.Login+".json")
	if user.Login != path.Base(path.Clean("/"+user.Login)) {
		f.fail("the login %q cannot be looked up", user.Login)
		return
	}
	if !f.need(name, "collaborators/"+user.Login+"/permission", &p) {
		return
	}
	if p.User != nil && p.User.ID != user.ID {
		f.fail("%s is about the account %d, not %d: the login has changed hands", name, p.User.ID, user.ID)
		return
	}
	person := f.pr.People[user.ID]
	person.User, person.Role, person.Permission = user, p.Role, p.Permission
	if person.Role == "" {
		person.Role = p.Permission
	}
	var known bool
	if person.OrgMember, known = f.member(user.ID, person); !known && f.membersOnly {
		person.Unknown = append(person.Unknown, "membership in the organisation")
	}
	f.pr.People[user.ID] = person
}

// member reports whether somebody belongs to the organisation, by a team of it
// or by what GitHub wrote on their reviews and comments. known is false where
// neither says anything.
func (f *folder) member(id policy.UserID, person policy.Person) (member, known bool) {
	if len(person.Teams) > 0 || f.pull.Base.Repo.Owner.Type == "User" {
		return true, true
	}
	association := f.associations[id]
	return association == "MEMBER" || association == "OWNER", association != ""
}
