package scope

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render/glob"
)

// PatternError says that a glob of a config is wrong or, for an include,
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

// Globs are the settings. Include and Exclude are of root paths; without an
// Include everything is governed. A nil Ignore means the standard list.
type Globs struct{ Include, Exclude, Ignore, Protect []string }

// Scope is compiled globs. The zero Scope governs everything, ignores nothing
// and protects what is always protected.
type Scope struct{ include, exclude, ignore, protect []glob.Pattern }

// New compiles globs. The error is a [*PatternError].
func New(globs Globs) (*Scope, error) {
	s := &Scope{}
	ignore := globs.Ignore
	if ignore == nil {
		ignore = standardIgnore
	}
	for _, list := range []struct {
		key   string
		texts []string
		into  *[]glob.Pattern
	}{
		{"roots.include", globs.Include, &s.include},
		{"roots.exclude", globs.Exclude, &s.exclude},
		{"ignore", ignore, &s.ignore},
		{"protect", globs.Protect, &s.protect},
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

// Ignored reports whether a file needs no eyes.
func (s *Scope) Ignored(name string) bool { return matches(s.ignore, name) }

// Included reports whether a root's path is in the governed part.
func (s *Scope) Included(root string) bool {
	return len(s.include) == 0 || matches(s.include, root)
}

// Judged reports whether a root is built: governed and not excluded. What is
// excluded stays governed; nobody reads it, so that its files count themselves.
func (s *Scope) Judged(root string) bool {
	return s.Included(root) && !matches(s.exclude, root)
}

// Governed reports whether a file lies in the governed part: a pattern matches
// it or a folder above it.
func (s *Scope) Governed(name string) bool {
	for at := name; at != "."; at = path.Dir(at) {
		if s.Included(at) {
			return true
		}
	}
	return s.Included("")
}

// Protected reports whether deployers or we ourselves obey a file. Case does
// not matter: some file systems do not see it.
func (s *Scope) Protected(name string) bool {
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

// Unmatched says which include matches none of the roots of either list; nil
// when each matches.
func (s *Scope) Unmatched(roots ...[]string) error {
	for _, pattern := range s.include {
		if !slices.ContainsFunc(slices.Concat(roots...), pattern.Match) {
			return &PatternError{"roots.include", pattern.String(),
				"matches no root; run the command roots to list them"}
		}
	}
	return nil
}
