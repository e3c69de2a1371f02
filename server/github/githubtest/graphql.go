package githubtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// field answers a GraphQL field that takes arguments or costs a computation.
type field func(args map[string]any) any

// graphql answers queries over what query names; an unknown field is a problem.
func (c *call) graphql() *answer {
	document, err := parser.ParseQuery(&ast.Source{Input: c.text("query")})
	if err != nil || len(document.Operations) != 1 || document.Operations[0].Operation != ast.Query {
		c.s.note("graphql: one query is needed: %v", err)
		return refuse(http.StatusBadRequest, "A query attribute must be specified and must be a string.")
	}
	variables, _ := c.body["variables"].(object)
	g := &selection{call: c, document: document, variables: variables}
	result := g.object(c.root(), document.Operations[0].SelectionSet, nil)
	body := object{"data": result}
	if len(g.errors) > 0 {
		body["errors"] = g.errors
	}
	return ok(body)
}

type selection struct {
	*call
	document  *ast.QueryDocument
	variables map[string]any
	errors    []object
}

// object answers a selection of an object's fields.
func (g *selection) object(of object, set ast.SelectionSet, path []string) object {
	result := object{}
	for _, selected := range set {
		switch selected := selected.(type) {
		case *ast.InlineFragment:
			if selected.TypeCondition == "" || selected.TypeCondition == of["__typename"] {
				for key, value := range g.object(of, selected.SelectionSet, path) {
					result[key] = value
				}
			}
		case *ast.FragmentSpread:
			fragment := g.document.Fragments.ForName(selected.Name)
			if fragment != nil && fragment.TypeCondition == of["__typename"] {
				for key, value := range g.object(of, fragment.SelectionSet, path) {
					result[key] = value
				}
			}
		case *ast.Field:
			result[selected.Alias] = g.field(of, selected, append(slices.Clone(path), selected.Alias))
		}
	}
	return result
}

func (g *selection) field(of object, f *ast.Field, path []string) any {
	value, known := of[f.Name]
	if !known {
		g.s.note("graphql: %s: %v has no field %q here", strings.Join(path, "."), of["__typename"], f.Name)
		g.fail(path, "undefinedField", fmt.Sprintf("Field '%s' doesn't exist on type '%v'", f.Name, of["__typename"]))
		return nil
	}
	if compute, isField := value.(field); isField {
		args := map[string]any{}
		for _, argument := range f.Arguments {
			given, err := argument.Value.Value(g.variables)
			if err != nil {
				g.s.note("graphql: %s: argument %s: %v", strings.Join(path, "."), argument.Name, err)
			}
			args[argument.Name] = given
		}
		value = compute(args)
	} else if len(f.Arguments) > 0 {
		g.s.note("graphql: %s takes no arguments here", strings.Join(path, "."))
	}
	return g.value(value, f, path)
}

func (g *selection) value(value any, f *ast.Field, path []string) any {
	switch value := value.(type) {
	case error:
		kind := map[bool]string{true: "FORBIDDEN", false: "NOT_FOUND"}[errors.Is(value, errForbidden)]
		g.fail(path, kind, value.Error())
		return nil
	case object:
		return g.object(value, f.SelectionSet, path)
	case []object:
		list := []any{}
		for _, item := range value {
			list = append(list, g.object(item, f.SelectionSet, path))
		}
		return list
	}
	return value
}

func (g *selection) fail(path []string, kind, message string) {
	g.errors = append(g.errors, object{"type": kind, "path": path, "message": message})
}

var errForbidden = errors.New("Resource not accessible by integration")

func (c *call) root() object {
	return object{"__typename": "Query", "repository": field(func(args map[string]any) any {
		owner, _ := args["owner"].(string)
		name, _ := args["name"].(string)
		r := c.s.repository(owner, name)
		if r == nil || c.installation != nil && !c.reaches(r) || c.user != nil && !r.can(c.user, "read") {
			return fmt.Errorf("Could not resolve to a Repository with the name '%s/%s'.", owner, name)
		}
		return c.repositoryNode(r)
	})}
}

func (c *call) allowed(needs string) bool {
	return c.installation == nil || grants(c.permissions, needs)
}

func (c *call) repositoryNode(r *Repository) object {
	return object{"__typename": "Repository", "id": nodeID("R", r.id), "databaseId": r.id,
		"nameWithOwner": r.fullName(),
		"mergeQueue": field(func(args map[string]any) any {
			branch, _ := args["branch"].(string)
			if branch == "" {
				branch = r.defaultBranch
			}
			if !c.allowed("merge_queues:read") {
				return errForbidden
			}
			if !r.gateOf(branch, nil).queue {
				return nil
			}
			return c.queueNode(r, branch)
		}),
		"pullRequest": field(func(args map[string]any) any {
			i := r.issues[int(whole(args["number"]))]
			if i == nil || i.pull == nil {
				return fmt.Errorf("Could not resolve to a PullRequest with the number of %v.", args["number"])
			}
			if !c.allowed("pull_requests:read") {
				return errForbidden
			}
			return c.pullNode(r, i)
		}),
		"object": field(func(args map[string]any) any {
			sha, _ := args["oid"].(string)
			if m := r.metadata(sha); m != nil && c.allowed("contents:read") {
				return c.commitNode(m)
			}
			return nil
		})}
}

// connection pages nodes by a cursor that is the last one's place.
func connection(c *call, kind string, nodes []object) field {
	return func(args map[string]any) any {
		first := int(whole(args["first"]))
		if first < 1 || first > 100 {
			c.s.note("graphql: %s needs first, 1 to 100", kind)
			return errors.New("You must provide a `first` or `last` value to properly paginate the connection.")
		}
		from := 0
		if after, _ := args["after"].(string); after != "" {
			if _, err := fmt.Sscanf(after, "c%d", &from); err != nil {
				return fmt.Errorf("`%s` does not appear to be a valid cursor.", after)
			}
		}
		from = min(from, len(nodes))
		to := min(from+first, len(nodes))
		return object{"__typename": kind, "totalCount": len(nodes), "nodes": nodes[from:to],
			"pageInfo": object{"__typename": "PageInfo", "hasNextPage": to < len(nodes), "hasPreviousPage": from > 0,
				"endCursor": fmt.Sprintf("c%d", to), "startCursor": fmt.Sprintf("c%d", from)}}
	}
}

func (c *call) queueNode(r *Repository, branch string) object {
	var entries []object
	for _, q := range r.queue {
		if q.issue.pull.baseRef == branch {
			entries = append(entries, c.entryNode(r, q, len(entries)+1))
		}
	}
	return object{"__typename": "MergeQueue", "id": nodeID("MQ", r.id), "url": r.web("/queue/" + branch),
		"entries": connection(c, "MergeQueueEntryConnection", entries)}
}

func (c *call) entryNode(r *Repository, q *queued, position int) object {
	node := object{"__typename": "MergeQueueEntry", "id": nodeID("MQE", q.id), "position": position, "state": "QUEUED",
		"enqueuedAt": stamp(q.at), "enqueuer": actorNode(q.by), "headCommit": nil, "baseCommit": nil, "solo": false,
		"jump": false, "pullRequest": field(func(map[string]any) any { return c.pullNode(r, q.issue) })}
	if q.group != nil {
		node["state"] = "AWAITING_CHECKS"
		node["headCommit"] = c.commitNode(r.metadata(q.group.Head))
		node["baseCommit"] = c.commitNode(r.metadata(q.group.BaseSHA))
	}
	return node
}

func actorNode(u *User) any {
	if u == nil || u.Deleted {
		return nil
	}
	return object{"__typename": u.Type, "login": strings.TrimSuffix(u.Login, "[bot]"), "databaseId": u.ID,
		"name": u.Name}
}

func (c *call) pullNode(r *Repository, i *issue) object {
	p := i.pull
	state := strings.ToUpper(i.state)
	if !p.merged.IsZero() {
		state = "MERGED"
	}
	var commits []object
	for _, sha := range r.commitsOf(p) {
		commits = append(commits, object{"__typename": "PullRequestCommit", "commit": field(func(map[string]any) any {
			return c.commitNode(r.metadata(sha))
		})})
	}
	node := object{"__typename": "PullRequest", "id": nodeID("IS", i.id), "databaseId": i.id, "number": i.number,
		"title": i.title, "state": state, "isDraft": p.draft, "merged": !p.merged.IsZero(), "headRefOid": p.headSHA,
		"headRefName": p.headRef, "baseRefName": p.baseRef, "baseRefOid": p.baseSHA, "author": actorNode(i.author),
		"isInMergeQueue": r.inQueue(i) != nil, "mergeQueueEntry": nil,
		"commits": connection(c, "PullRequestCommitConnection", commits)}
	if at := slices.Index(r.queue, r.inQueue(i)); at >= 0 {
		node["mergeQueueEntry"] = field(func(map[string]any) any { return c.entryNode(r, r.queue[at], at+1) })
	}
	return node
}

// commitNode shows a commit with GitHub's own reading of its co-authors.
func (c *call) commitNode(m *metadata) object {
	actor := func(name, email string) object {
		return object{"__typename": "GitActor", "name": name, "email": email, "user": actorNode(c.s.byEmail(email))}
	}
	authors := []object{actor(m.author.name, m.author.email)}
	for line := range strings.Lines(m.message) {
		key, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if name, rest, raw := strings.Cut(value, "<"); found && raw && strings.EqualFold(key, "co-authored-by") {
			authors = append(authors, actor(strings.TrimSpace(name), strings.TrimSuffix(rest, ">")))
		}
	}
	_, verified := c.s.verified[m.sha]
	node := object{"__typename": "Commit", "oid": m.sha, "message": m.message, "author": authors[0],
		"committer": actor(m.committer.name, m.committer.email),
		"authors":   connection(c, "GitActorConnection", authors), "signature": nil}
	if verified {
		node["signature"] = object{"__typename": "GpgSignature", "isValid": true, "state": "VALID",
			"keyId": "3AA5C34371567BD2", "wasSignedByGitHub": m.committer.email == "noreply@github.com"}
	}
	return node
}
