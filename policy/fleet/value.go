package fleet

import (
	"encoding/json"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// at returns the value below a chain of keys; nil when any is missing.
func at(value any, keys ...string) any {
	for _, key := range keys {
		node, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = node[key]
	}
	return value
}

// textAt returns the scalar below a chain of keys as text; "" when it is
// missing or no scalar that names something.
func textAt(value any, keys ...string) string {
	switch scalar := at(value, keys...).(type) {
	case string:
		return scalar
	case json.Number:
		return scalar.String()
	}
	return ""
}

// listAt returns the list below a chain of keys; nil when there is none.
func listAt(value any, keys ...string) []any {
	list, _ := at(value, keys...).([]any)
	return list
}

// textMap returns the mapping below a chain of keys with its scalars as text.
func textMap(value any, keys ...string) map[string]string {
	node, _ := at(value, keys...).(map[string]any)
	texts := make(map[string]string, len(node))
	for key, item := range node {
		switch item := item.(type) {
		case string:
			texts[key] = item
		case json.Number:
			texts[key] = item.String()
		case bool:
			texts[key] = map[bool]string{true: "true", false: "false"}[item]
		}
	}
	return texts
}

// visit calls see for each value that a pattern of keys reaches; "*" stands
// for every element of a list. The path is see's to keep.
func visit(value any, pattern []string, see func(render.Path, any)) {
	visitFrom(value, pattern, nil, see)
}

func visitFrom(value any, pattern []string, path render.Path, see func(render.Path, any)) {
	if value == nil {
		return
	}
	if len(pattern) == 0 {
		see(append(render.Path(nil), path...), value)
		return
	}
	if pattern[0] == "*" {
		list, _ := value.([]any)
		for i, item := range list {
			visitFrom(item, pattern[1:], append(path, i), see)
		}
		return
	}
	if node, ok := value.(map[string]any); ok {
		visitFrom(node[pattern[0]], pattern[1:], append(path, pattern[0]), see)
	}
}

// keys splits a pattern such as "spec.files.*.name".
func keys(pattern string) []string {
	return strings.Split(pattern, ".")
}

// pathOf turns a chain of keys into a path.
func pathOf(chain ...string) render.Path {
	path := make(render.Path, len(chain))
	for i, key := range chain {
		path[i] = key
	}
	return path
}

// groupOf returns the API group of an apiVersion: "" for the core group.
func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// symbolic reports whether text still holds a placeholder.
func symbolic(text string) bool {
	return strings.Contains(text, "${")
}
