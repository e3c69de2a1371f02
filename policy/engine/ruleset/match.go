package ruleset

import (
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// Applies reports whether a rule is asked about objects of a kind. "*" in a
// pattern stands for any run of characters, none and dots included:
// "*.cluster.x-k8s.io/*" takes infrastructure.cluster.x-k8s.io and not
// cluster.x-k8s.io itself, "*cluster.x-k8s.io/*" takes both.
func (r *Rule) Applies(id render.Identity) bool {
	group := id.Group
	if group == "" {
		group = "core"
	}
	for _, pattern := range r.Kinds {
		groups, kinds, _ := strings.Cut(pattern, "/")
		if matches(groups, group) && matches(kinds, id.Kind) {
			return true
		}
	}
	return len(r.Kinds) == 0
}

// matches reports whether text is pattern, where each "*" is any run of characters.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == text
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
