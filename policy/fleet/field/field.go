package field

import (
	"encoding/json"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// At returns the value below a chain of keys; nil when any is missing.
func At(value any, keys ...string) any {
	for _, key := range keys {
		node, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = node[key]
	}
	return value
}

// Text returns the scalar below a chain of keys as text; "" when it is
// missing or no scalar that names something.
func Text(value any, keys ...string) string {
	switch scalar := At(value, keys...).(type) {
	case string:
		return scalar
	case json.Number:
		return scalar.String()
	}
	return ""
}

// List returns the list below a chain of keys; nil when there is none.
func List(value any, keys ...string) []any {
	list, _ := At(value, keys...).([]any)
	return list
}

// Texts returns the mapping below a chain of keys with its scalars as text.
func Texts(value any, keys ...string) map[string]string {
	node, _ := At(value, keys...).(map[string]any)
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

// Visit calls see for each value that a pattern of keys reaches; "*" stands
// for every element of a list. The path is see's to keep.
func Visit(value any, pattern []string, see func(render.Path, any)) {
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

// Keys splits a pattern such as "spec.files.*.name".
func Keys(pattern string) []string {
	return strings.Split(pattern, ".")
}

// Path turns a chain of keys into a path.
func Path(chain ...string) render.Path {
	path := make(render.Path, len(chain))
	for i, key := range chain {
		path[i] = key
	}
	return path
}
