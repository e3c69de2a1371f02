package symbol

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// resolver walks one object and applies placeholders.
type resolver struct {
	values map[string]string
	path   render.Path
	holes  []engine.Placeholder
}

// Resolve returns the object with placeholder defaults and known values
// applied, and the placeholders that stay, sorted. What does not change is
// shared with the object that came in, which is not touched. Scripts are left
// alone: what looks like a placeholder there is the shell's.
func Resolve(object map[string]any, values map[string]string) (map[string]any, []engine.Placeholder) {
	r := resolver{values: values}
	out, changed := r.mapping(object)
	slices.SortStableFunc(r.holes, func(a, b engine.Placeholder) int {
		return cmp.Or(a.Path.Compare(b.Path), strings.Compare(a.Symbol, b.Symbol))
	})
	if !changed {
		return object, r.holes
	}
	return out, r.holes
}

func (r *resolver) value(value any) (any, bool) {
	switch value := value.(type) {
	case string:
		return r.text(value)
	case map[string]any:
		return r.mapping(value)
	case []any:
		return r.list(value)
	}
	return value, false
}

func (r *resolver) text(text string) (any, bool) {
	if !Holds(text) || strings.Contains(strings.TrimRight(text, "\n"), "\n") {
		return text, false
	}
	out, names := resolveScalar(text, r.values)
	r.note(names)
	if same, ok := out.(string); ok && same == text {
		return text, false
	}
	return out, true
}

func (r *resolver) mapping(node map[string]any) (map[string]any, bool) {
	out, changed := node, false
	scripted := patchesScript(node)
	for key, item := range node {
		r.path = append(r.path, key)
		if Holds(key) {
			r.note(Names(key))
		}
		if !scripted && !r.script(key) {
			if fresh, differs := r.value(item); differs {
				if !changed {
					out, changed = maps.Clone(node), true
				}
				out[key] = fresh
			}
		}
		r.path = r.path[:len(r.path)-1]
	}
	return out, changed
}

func (r *resolver) list(list []any) ([]any, bool) {
	out, changed := list, false
	for i, item := range list {
		r.path = append(r.path, i)
		if fresh, differs := r.value(item); differs {
			if !changed {
				out, changed = slices.Clone(list), true
			}
			out[i] = fresh
		}
		r.path = r.path[:len(r.path)-1]
	}
	return out, changed
}

func (r *resolver) note(names []string) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		r.holes = append(r.holes, engine.Placeholder{Path: slices.Clone(r.path), Symbol: name})
	}
}

// script reports whether the field at the walker's place holds text that a
// shell or cloud-init reads.
func (r *resolver) script(key string) bool {
	if strings.Contains(key, "Command") {
		return true
	}
	switch key {
	case "bootcmd", "runcmd", "userData", "additionalUserData", "additionalConfig", "cloudInit":
		return true
	case "content":
		return slices.Contains(r.path, any("files"))
	}
	return false
}

// patchesScript reports whether a mapping is a JSON patch of a script field.
func patchesScript(node map[string]any) bool {
	path, _ := node["path"].(string)
	_, patches := node["op"].(string)
	return patches && (strings.Contains(path, "Commands") || strings.HasSuffix(path, "/content"))
}
