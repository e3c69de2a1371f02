package pull

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/decode"
	"github.com/countersign-dev/countersign/render"
)

// short reads the YAML form: the same facts in few words.
type short struct {
	*decode.Decoder
	pr policy.PullRequest
	// people are those that the file describes, by lower-case login.
	people map[string]policy.Person
	head   string
}

func readFile(ctx context.Context, parser Parser, file string, subject Subject) (policy.PullRequest, error) {
	failed := func(format string, args ...any) policy.PullRequest {
		return policy.PullRequest{Failed: []string{fmt.Sprintf(format, args...)}}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return policy.PullRequest{}, fmt.Errorf("--pull: %w", err)
	}
	document, problem, err := parser.Parse(ctx, file, content)
	if err != nil {
		return policy.PullRequest{}, fmt.Errorf("--pull: %w", err)
	}
	if problem != nil {
		return failed("%s:%d: %s", file, problem.Source.Line, problem.Message), nil
	}
	if document.Value == nil {
		return failed("%s is empty; docs/pull.md shows what it holds", file), nil
	}
	s := &short{Decoder: decode.New(document, file), people: map[string]policy.Person{}}
	s.head = subject.Assessment.Head.Commit
	s.read(document.Value)
	if mistakes := s.Mistakes(); len(mistakes) > 0 {
		pr := policy.PullRequest{}
		for _, m := range mistakes {
			pr.Failed = append(pr.Failed, fmt.Sprintf("%s:%d: %s", file, m.Source.Line, m.Message))
		}
		return pr, nil
	}
	s.settle(subject)
	return s.pr, nil
}

func (s *short) read(value any) {
	object, _ := value.(map[string]any)
	if people, ok := object["people"].(map[string]any); ok {
		// First, for everybody else is named by login.
		for _, login := range slices.Sorted(maps.Keys(people)) {
			s.person(render.Path{"people", login}, login, people[login])
		}
	}
	s.Object(nil, value, decode.Fields{
		"people": func(p render.Path, v any) { s.mapping(p, v) },
		"number": func(p render.Path, v any) { s.pr.Number, _ = s.Number(p, v, 1) },
		"base":   s.Str(&s.pr.Base),
		"head":   s.Str(&s.head),
		"author": func(p render.Path, v any) { s.pr.Author = s.user(p, v) },
		"initiators": s.each(func(p render.Path, v any) {
			s.pr.Initiators = append(s.pr.Initiators, deref(s.user(p, v))...)
		}),
		"commits": s.each(s.commit),
		"reviews": s.each(s.review),
		"holds":   s.each(s.hold),
	})
	for _, key := range []string{"base", "author", "people"} {
		if _, ok := object[key]; !ok {
			s.Mistake(render.Path{key}, "is missing", "docs/pull.md shows what the file holds")
		}
	}
}

func (s *short) mapping(path render.Path, value any) {
	if _, ok := value.(map[string]any); !ok {
		s.Mistake(path, "must be a mapping, not "+decode.TypeName(value), "")
	}
}

// each reads a list's elements.
func (s *short) each(read func(render.Path, any)) func(render.Path, any) {
	return func(path render.Path, value any) {
		elements, ok := value.([]any)
		if !ok {
			s.Mistake(path, "must be a list, not "+decode.TypeName(value), "")
			return
		}
		for i, element := range elements {
			read(decode.Child(path, i), element)
		}
	}
}

func (s *short) person(path render.Path, login string, value any) {
	person := policy.Person{User: policy.User{ID: standIn(login), Login: login, Type: "User"}, OrgMember: true}
	if strings.HasSuffix(login, "[bot]") {
		person.Type = "Bot"
	}
	s.Object(path, value, decode.Fields{
		"id": func(p render.Path, v any) {
			if id, ok := s.Number(p, v, 1); ok {
				person.ID = policy.UserID(id)
			}
		},
		"type":       s.Str(&person.Type, "User", "Bot", "Organization"),
		"permission": s.Str(&person.Role),
		"teams":      s.Strs(&person.Teams, nil),
		"org_member": s.Flag(&person.OrgMember),
	})
	if person.Role == "" && person.Type == "User" {
		s.Mistake(path, "has no permission", "write permission: read, triage, write, maintain or admin")
	}
	s.people[strings.ToLower(login)] = person
}

// standIn gives somebody without an id one that their login decides; no real
// id is negative.
func standIn(login string) policy.UserID {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(login)))
	return policy.UserID(-1 - int64(h.Sum64()>>1))
}

// user finds somebody by login. Everybody must be among the people: whoever is
// not known cannot be judged.
func (s *short) user(path render.Path, value any) *policy.User {
	var login string
	s.Str(&login)(path, value)
	if login == "" {
		return nil
	}
	person, ok := s.people[strings.ToLower(login)]
	if !ok {
		s.Mistake(
			path,
			"names "+fmt.Sprintf("%q", login)+", who is not among people",
			"add them, with their permission",
		)
		return nil
	}
	return &person.User
}

func deref(u *policy.User) []policy.User {
	if u == nil {
		return nil
	}
	return []policy.User{*u}
}

func (s *short) users(into *[]policy.User) func(render.Path, any) {
	return s.each(func(p render.Path, v any) { *into = append(*into, deref(s.user(p, v))...) })
}

// commit reads a commit; an author or committer of null maps to no account.
func (s *short) commit(path render.Path, value any) {
	var c policy.Commit
	who := func(into **policy.User) func(render.Path, any) {
		return func(p render.Path, v any) {
			if v != nil {
				*into = s.user(p, v)
			}
		}
	}
	s.Object(path, value, decode.Fields{
		"sha": s.Str(&c.SHA), "author": who(&c.Author), "committer": who(&c.Committer),
		"co_authors": s.users(&c.CoAuthors), "pushers": s.users(&c.Pushers), "verified": s.Flag(&c.Verified),
	})
	if object, ok := value.(map[string]any); ok {
		if _, given := object["committer"]; !given {
			c.Committer = c.Author
		}
	}
	s.pr.Commits = append(s.pr.Commits, c)
}

func (s *short) time(into *time.Time) func(render.Path, any) {
	return func(path render.Path, value any) {
		text, _ := value.(string)
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			s.Mistake(path, "is no moment", "write it as 2026-01-31T12:00:00Z")
		}
		*into = at
	}
}

func (s *short) review(path render.Path, value any) {
	r := policy.Review{ID: int64(len(s.pr.Reviews) + 1), Commit: s.head}
	s.Object(path, value, decode.Fields{
		"user":   func(p render.Path, v any) { r.User = s.user(p, v) },
		"state":  s.Str(&r.State, "APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED", "PENDING"),
		"at":     s.time(&r.Submitted),
		"commit": s.Str(&r.Commit),
	})
	if r.State == "" || r.Submitted.IsZero() && r.State != "PENDING" {
		s.Mistake(path, "needs user, state and at", "")
	}
	s.pr.Reviews = append(s.pr.Reviews, r)
}

func (s *short) hold(path render.Path, value any) {
	var h policy.Hold
	s.Object(path, value, decode.Fields{
		"by":          func(p render.Path, v any) { h.By = value0(s.user(p, v)) },
		"reason":      s.Str(&h.Reason),
		"at":          s.time(&h.At),
		"released_by": func(p render.Path, v any) { h.ReleasedBy = deref(s.user(p, v)) },
	})
	if h.By.Login == "" {
		s.Mistake(path, "does not say by whom", "write by: LOGIN")
	}
	s.pr.Holds = append(s.pr.Holds, h)
}

func value0(u *policy.User) policy.User {
	if u == nil {
		return policy.User{}
	}
	return *u
}

// settle draws what follows from the facts.
func (s *short) settle(subject Subject) {
	s.pr.Head = s.head
	s.pr.NotGiven = slices.Clone(serverKnows)
	if s.head != subject.Assessment.Head.Commit {
		s.pr.Failed = append(s.pr.Failed, fmt.Sprintf("the file is about head %.12s, but --head is %.12s",
			s.head, subject.Assessment.Head.Commit))
	}
	if len(s.pr.Commits) == 0 && s.pr.Author != nil {
		s.pr.Commits = []policy.Commit{{SHA: s.head, Author: s.pr.Author, Committer: s.pr.Author}}
		s.pr.NotGiven = append(s.pr.NotGiven, "the commits (all are taken as the author's)")
	}
	if !slices.ContainsFunc(s.pr.Commits, func(c policy.Commit) bool { return len(c.Pushers) > 0 }) {
		s.pr.NotGiven = append(s.pr.NotGiven, "who pushed the commits")
	}
	s.pr.People = map[policy.UserID]policy.Person{}
	for _, person := range s.people {
		s.pr.People[person.ID] = person
	}
	if s.pr.Author != nil {
		s.pr.AuthorRole = s.pr.People[s.pr.Author.ID].Role
	}
	if c := subject.Assessment.Config; c != nil {
		for _, team := range c.Approvals.Teams {
			s.pr.Teams = append(s.pr.Teams, policy.Team{Name: team})
		}
	}
	bind(&s.pr, subject)
}
