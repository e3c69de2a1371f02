package fleet

import (
	"path"
	"slices"
	"strings"
)

// matchAny reports whether one of the patterns matches a slash-separated
// name. "*" stays within one element, "**" spans any number of them.
func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return match(strings.Split(pattern, "/"), strings.Split(name, "/"))
	})
}

func match(pattern, name []string) bool {
	for i, part := range pattern {
		if part == "**" {
			rest := pattern[i+1:]
			for j := i; j <= len(name); j++ {
				if match(rest, name[j:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) {
			return false
		}
		if ok, err := path.Match(part, name[i]); err != nil || !ok {
			return false
		}
	}
	return len(pattern) == len(name)
}
