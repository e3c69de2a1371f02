package ruleset

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// anyInput names the schema of what any of the scopes gets: the library's,
// where a file of it reads the input and names no other.
var anyInput = ast.MustParseRef("schema.any")

// readSchemas reads the three input schemas and closes "params" in each: only
// parameters that some rule declares exist, so that a typo does not load.
func readSchemas(fsys fs.FS, rules []Rule) (*ast.SchemaSet, error) {
	set := ast.NewSchemaSet()
	definitions, scopes := map[string]any{}, []any{}
	for _, scope := range []Scope{ScopeObject, ScopeChange, ScopeFleet} {
		name := "schemas/" + string(scope) + ".json"
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("input schema: %w", err)
		}
		var schema map[string]any
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: no properties", name)
		}
		properties["params"] = paramsSchema(rules)
		set.Put(ast.MustParseRef("schema."+string(scope)), schema)
		scopes = append(scopes, closed(properties))
		if shared, ok := schema["definitions"].(map[string]any); ok {
			maps.Copy(definitions, shared)
		}
	}
	set.Put(anyInput, map[string]any{"definitions": definitions, "anyOf": scopes})
	return set, nil
}

func paramsSchema(rules []Rule) map[string]any {
	// OPA takes an object without properties as open, so there is always one.
	byRule := map[string]any{"": map[string]any{"type": "null"}}
	for _, rule := range rules {
		if len(rule.Params) == 0 {
			continue
		}
		names := map[string]any{}
		for name, value := range rule.Params {
			names[name] = map[string]any{"type": map[string]string{
				"boolean": "boolean", "string": "string", "number": "number", "list": "array", "mapping": "object",
			}[Shape(value)]}
		}
		byRule[string(rule.ID)] = closed(names)
	}
	return closed(byRule)
}

func closed(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
