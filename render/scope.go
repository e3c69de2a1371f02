package render

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/glob"
)

// PatternError says that a glob of the [Options] is wrong or, for an include,
// matches nothing. It is for the owner of the config.
type PatternError struct {
	// Key is the config's key: "roots.include", "roots.exclude", "ignore", "protect".
	Key, Pattern string
	// Reason continues the sentence that key and pattern begin.
	Reason string
}

func (e *PatternError) Error() string { return fmt.Sprintf("%s: %q %s", e.Key, e.Pattern, e.Reason) }

// standardIgnore is what needs no eyes unless a config says otherwise.
var standardIgnore = []string{
	"**/*.{md,markdown}", "**/LICENSE*", "docs/**", "**/*.{png,jpg,jpeg,gif,svg,webp,ico}",
}

// scope is the compiled [Options].
type scope struct {
	include, exclude, ignore, protect []glob.Pattern
	all                               bool
}

func newScope(opts Options) (*scope, error) {
	s := &scope{all: opts.All}
	ignore := opts.Ignore
	if ignore == nil {
		ignore = standardIgnore
	}
	for _, list := range []struct {
		key   string
		texts []string
		into  *[]glob.Pattern
	}{
		{"roots.include", opts.Include, &s.include},
		{"roots.exclude", opts.Exclude, &s.exclude},
		{"ignore", ignore, &s.ignore},
		{"protect", opts.Protect, &s.protect},
	} {
		for _, text := range list.texts {
			pattern, err := glob.Compile(text)
			if err != nil {
				_, reason, _ := strings.Cut(err.Error(), ": ")
				return nil, &PatternError{list.key, text, reason}
			}
			*list.into = append(*list.into, pattern)
		}
	}
	return s, nil
}

func matches(patterns []glob.Pattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p glob.Pattern) bool { return p.Match(name) })
}

// included reports whether a root's path is in the governed part.
func (s *scope) included(root string) bool {
	return len(s.include) == 0 || matches(s.include, root)
}

// judged reports whether a root is built: governed and not excluded. What is
// excluded stays governed; nobody reads it, so that its files count themselves.
func (s *scope) judged(root string) bool {
	return s.included(root) && !matches(s.exclude, root)
}

// governed reports whether a file lies in the governed part: a pattern matches
// it or a folder above it.
func (s *scope) governed(name string) bool {
	for at := name; ; at = parent(at) {
		if s.included(at) {
			return true
		}
		if at == "" {
			return false
		}
	}
}

// protected reports whether deployers or we ourselves obey a file. Case does
// not matter: some file systems do not see it.
func (s *scope) protected(name string) bool {
	lower := strings.ToLower(name)
	first, _, _ := strings.Cut(lower, "/")
	if first == ".github" || strings.HasPrefix(first, ".countersign") || matches(s.protect, name) {
		return true
	}
	base := path.Base(lower)
	switch base {
	case ".sourceignore", ".krmignore", ".helmignore":
		return true
	}
	return strings.HasPrefix(base, ".argocd-source") || lower == "codeowners" || lower == "docs/codeowners"
}

// unmatched returns the first include that matches none of the roots.
func (s *scope) unmatched(sets ...*RootSet) error {
	for _, pattern := range s.include {
		found := slices.ContainsFunc(sets, func(set *RootSet) bool {
			return slices.ContainsFunc(set.found, func(root Root) bool { return pattern.Match(root.Path) })
		})
		if !found {
			return &PatternError{"roots.include", pattern.String(), "matches no root; run the command roots to list them"}
		}
	}
	return nil
}
