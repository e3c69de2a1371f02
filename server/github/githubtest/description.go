package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Description is GitHub's own description of its REST interface and webhooks,
// cut to what is answered here. It is safe for concurrent use.
type Description struct {
	operations map[string]*openapi3.Operation
	webhooks   map[string]*openapi3.Schema // by GitHub's name, as "pull-request-opened"
}

// the files below the folder of node_modules.
const (
	restFile = "@octokit/openapi/generated/api.github.com.json"
	hookFile = "@octokit/openapi-webhooks/generated/api.github.com.json"
)

// loaded is the description that all tests of a process share. It is no
// sync.OnceValues: a variable that names LoadDescription would link it into
// every program.
var loaded struct {
	once        sync.Once
	description *Description
	err         error
}

// testDescription is nil, and the test says why, where there is none.
func testDescription(t testing.TB) Checker {
	t.Helper()
	if os.Getenv("COUNTERSIGN_GITHUB_DESCRIPTION") == "" {
		t.Log("not checked against GitHub's description: COUNTERSIGN_GITHUB_DESCRIPTION names no node_modules" +
			" with @octokit/openapi and @octokit/openapi-webhooks (see testdata/github/package.json)")
		return nil
	}
	loaded.once.Do(func() {
		loaded.description, loaded.err = LoadDescription(os.Getenv("COUNTERSIGN_GITHUB_DESCRIPTION"))
	})
	if loaded.err != nil {
		t.Fatal(loaded.err)
	}
	return loaded.description
}

// LoadDescription reads the npm packages @octokit/openapi and
// @octokit/openapi-webhooks from a node_modules folder.
func LoadDescription(folder string) (*Description, error) {
	d := &Description{operations: map[string]*openapi3.Operation{}, webhooks: map[string]*openapi3.Schema{}}
	rest, err := readDocument(filepath.Join(folder, restFile))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, op := range operations {
		names[op.name] = true
	}
	document, err := prune(rest, "paths",
		func(operation object) bool { return names[fmt.Sprint(operation["operationId"])] })
	if err != nil {
		return nil, err
	}
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			d.operations[operation.OperationID] = operation
		}
	}
	for name := range names {
		if d.operations[name] == nil && name != "graphql" {
			return nil, fmt.Errorf("GitHub's description has no operation %s", name)
		}
	}
	hooks, err := readDocument(filepath.Join(folder, hookFile))
	if err != nil {
		return nil, err
	}
	paths := object{}
	for name, item := range hooks["webhooks"].(object) {
		paths["/"+name] = item
	}
	hooks["paths"], hooks["openapi"] = paths, "3.0.3"
	document, err = prune(hooks, "webhooks",
		func(operation object) bool { return sent(fmt.Sprint(operation["operationId"])) })
	if err != nil {
		return nil, err
	}
	for name, item := range document.Paths.Map() {
		d.webhooks[strings.TrimPrefix(name,
			"/")] = item.Post.RequestBody.Value.Content.Get("application/json").Schema.Value
	}
	return d, nil
}

// sent reports whether a webhook is among those that the server sends.
func sent(operation string) bool {
	name, _, _ := strings.Cut(operation, "/")
	return slices.Contains([]string{"pull-request", "pull-request-review", "issue-comment", "check-run", "check-suite",
		"push", "merge-group", "membership", "team", "member", "organization", "repository", "repository-ruleset",
		"installation", "installation-repositories", "status", "branch-protection-rule"}, name)
}

func readDocument(name string) (object, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("GitHub's description: %w", err)
	}
	var document object
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("GitHub's description %s: %w", name, err)
	}
	return document, nil
}

// prune keeps the operations that are wanted and the components that they
// reach, and loads that: the whole takes seconds.
func prune(document object, from string, want func(object) bool) (*openapi3.T, error) {
	paths, kept := object{}, object{}
	for path, item := range document["paths"].(object) {
		methods := object{}
		for method, operation := range item.(object) {
			if operation, isOperation := operation.(object); isOperation && want(operation) {
				delete(operation, "x-github")
				methods[method] = operation
			}
		}
		if len(methods) > 0 {
			paths[path] = methods
		}
	}
	reach(document, plain(paths), kept)
	text, err := json.Marshal(object{"openapi": "3.0.3", "info": document["info"], "paths": paths, "components": kept})
	if err != nil {
		return nil, err
	}
	loader := openapi3.NewLoader()
	loaded, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("load GitHub's %s: %w", from, err)
	}
	return loaded, nil
}

// reach copies the components that a value refers to, and what they refer to.
func reach(document object, value any, kept object) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			reach(document, item, kept)
		}
	case object:
		if ref, isRef := value["$ref"].(string); isRef {
			parts := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
			section, _ := kept[parts[0]].(object)
			if section == nil {
				section = object{}
				kept[parts[0]] = section
			}
			if _, done := section[parts[1]]; !done {
				found := document["components"].(object)[parts[0]].(object)[parts[1]]
				section[parts[1]] = found
				reach(document, plain(found), kept)
			}
		}
		for _, item := range value {
			reach(document, item, kept)
		}
	}
}

// plain makes schemas of OpenAPI 3.1 those of 3.0, in place: null as a type
// or an alternative is "nullable". Alternatives need not exclude each other,
// since GitHub's do not. Examples are dropped.
func plain(value any) any { return plainAt(value, false) }

// plainAt knows whether an object's keys are names chosen by GitHub (of
// properties) or words of OpenAPI.
func plainAt(value any, names bool) any {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			plainAt(item, false)
		}
	case object:
		if !names {
			delete(value, "example")
			delete(value, "examples")
			nullable(value)
		}
		for key, item := range value {
			if names && key == "head" {
				orphan(item)
			}
			plainAt(item, !names && key == "properties")
		}
	}
	return value
}

// orphan lets a head have no repository, which GitHub says of a deleted fork
// and does not describe.
func orphan(head any) {
	schema, _ := head.(object)
	properties, _ := schema["properties"].(object)
	if repository, has := properties["repo"].(object); has {
		properties["repo"] = object{"nullable": true, "allOf": []any{repository}}
	}
}

func nullable(schema object) {
	if names, isEnum := schema["enum"].([]any); isEnum && slices.Contains(names, "merge_queue_entry") {
		delete(schema, "enum") // of events: older than repository_ruleset
	}
	if types, isList := schema["type"].([]any); isList {
		rest := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
		schema["nullable"] = len(rest) < len(types)
		delete(schema, "type")
		if len(rest) == 1 {
			schema["type"] = rest[0]
		}
	}
	if all, isList := schema["allOf"].([]any); isList && len(all) == 2 && title(all[1]) == "Enterprise" {
		schema["anyOf"] = all // nobody is both a person and an enterprise
		delete(schema, "allOf")
	}
	if one, isList := schema["oneOf"].([]any); isList {
		schema["anyOf"] = one
		delete(schema, "oneOf")
	}
	if alternatives, isList := schema["anyOf"].([]any); isList {
		rest := slices.DeleteFunc(slices.Clone(alternatives), func(a any) bool {
			alternative, _ := a.(object)
			return alternative["type"] == "null"
		})
		if len(rest) < len(alternatives) {
			schema["nullable"], schema["anyOf"] = true, rest
		}
	}
}

func title(schema any) any {
	named, _ := schema.(object)
	return named["title"]
}

// undocumented are refusals that GitHub gives without describing them.
var undocumented = []int{401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504, 301, 304}

// Exchange says what of a request and its answer is not as GitHub describes
// it. A nil answer is an empty one.
func (d *Description) Exchange(name string, query url.Values, request []byte, status int, answer []byte) []string {
	operation := d.operations[name]
	if operation == nil {
		return nil // GraphQL
	}
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, name+": "+fmt.Sprintf(format, args...)) }
	// ghinstallation posts null, which GitHub takes for nothing.
	if body := strings.TrimSpace(string(request)); operation.RequestBody != nil && status < 300 && body != "" &&
		body != "null" {
		if media := operation.RequestBody.Value.Content.Get("application/json"); media != nil {
			if problem := visit(media.Schema.Value, request, openapi3.VisitAsRequest()); problem != "" {
				add("the request is not GitHub's: %s", problem)
			}
		}
	}
	for key := range query {
		if !slices.ContainsFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
			return p.Value.In == "query" && p.Value.Name == key
		}) {
			add("GitHub's description has no query parameter %q", key)
		}
	}
	response := operation.Responses.Value(strconv.Itoa(status))
	if response == nil || response.Value == nil {
		if !slices.Contains(undocumented, status) {
			add("GitHub's description has no answer %d", status)
		}
		return problems
	}
	if media := response.Value.Content.Get("application/json"); media != nil && answer != nil && status < 300 {
		if problem := visit(media.Schema.Value, answer, openapi3.VisitAsResponse()); problem != "" {
			add("the answer is not GitHub's: %s", problem)
		}
	}
	return problems
}

func visit(schema *openapi3.Schema, text []byte, options ...openapi3.SchemaValidationOption) string {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err.Error()
	}
	if err := schema.VisitJSON(value, append(options, openapi3.MultiErrors())...); err != nil {
		return short(err)
	}
	return ""
}

// short is an error without the schema and the value that kin-openapi appends.
func short(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if strings.HasPrefix(line, "Error at") || strings.HasPrefix(line, " | Error") || strings.Contains(line,
			"doesn't") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return err.Error()
	}
	return strings.Join(lines[:min(len(lines), 12)], "; ")
}

// Webhook says what of a payload is not as GitHub describes it.
func (d *Description) Webhook(name, action string, payload []byte) []string {
	key := strings.ReplaceAll(name, "_", "-")
	if action != "" {
		key = strings.ReplaceAll(name+"_"+action, "_", "-")
	}
	if name == "organization" {
		key = "organization-" + strings.ReplaceAll(action, "_", "-")
	}
	schema := d.webhooks[key]
	if schema == nil {
		return []string{"GitHub's description has no webhook " + key + "; it has " +
			strings.Join(slices.Sorted(maps.Keys(d.webhooks)), " ")}
	}
	if problem := visit(schema, payload); problem != "" {
		return []string{"webhook " + key + " is not GitHub's: " + problem}
	}
	return nil
}
