package render

import (
	"strconv"
	"strings"
)

// Path is a place inside an object: strings for keys, ints for indices.
type Path []any

// String writes the path as Kubernetes does: spec.machineDeployments[0].name,
// metadata.annotations["a.b/c"].
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch step := step.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(step) + "]")
		case string:
			if plainKey(step) {
				if i > 0 {
					b.WriteByte('.')
				}
				b.WriteString(step)
			} else {
				b.WriteString("[" + strconv.Quote(step) + "]")
			}
		}
	}
	return b.String()
}

// plainKey reports whether a key can be written without quotes.
func plainKey(key string) bool {
	for _, r := range key {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return key != ""
}

// Compare orders paths step by step; an index sorts before a key.
func (p Path) Compare(q Path) int {
	for i := 0; i < len(p) && i < len(q); i++ {
		if c := compareStep(p[i], q[i]); c != 0 {
			return c
		}
	}
	return len(p) - len(q)
}

func compareStep(a, b any) int {
	ai, aIsInt := a.(int)
	bi, bIsInt := b.(int)
	switch {
	case aIsInt && bIsInt:
		return ai - bi
	case aIsInt:
		return -1
	case bIsInt:
		return 1
	}
	return strings.Compare(a.(string), b.(string))
}

// HasPrefix reports whether q is p or an ancestor of it.
func (p Path) HasPrefix(q Path) bool {
	return len(p) >= len(q) && p[:len(q)].Compare(q) == 0
}

// Lookup returns the value at a path of an object, and whether it is there.
func Lookup(object any, path Path) (any, bool) {
	for _, step := range path {
		switch node := object.(type) {
		case map[string]any:
			key, ok := step.(string)
			if !ok {
				return nil, false
			}
			if object, ok = node[key]; !ok {
				return nil, false
			}
		case []any:
			index, ok := step.(int)
			if !ok || index < 0 || index >= len(node) {
				return nil, false
			}
			object = node[index]
		default:
			return nil, false
		}
	}
	return object, true
}
