package graph

import (
	"maps"
	"path"
)

// Looks is what something looks at. The zero Looks is nothing, and ready to use.
type Looks struct {
	exact, below map[string]bool
	anything     bool
}

// At adds a path: a file, a symlink, or a name that would be taken if it existed.
func (l *Looks) At(name string) { set(&l.exact, name) }

// Below adds a path and everything below it: a folder that is read as a whole,
// or a place where nothing is yet. The top is "".
func (l *Looks) Below(name string) { set(&l.below, name) }

// Anything says that there is no telling what is looked at.
func (l *Looks) Anything() { l.anything = true }

// Add adds all that others look at.
func (l *Looks) Add(others Looks) {
	l.exact, l.below = merged(l.exact, others.exact), merged(l.below, others.below)
	l.anything = l.anything || others.anything
}

// See reports whether a change to a path can be seen.
func (l *Looks) See(name string) bool {
	if l.anything || l.exact[name] || l.below[""] {
		return true
	}
	for at := name; at != "" && at != "."; at = path.Dir(at) {
		if l.below[at] {
			return true
		}
	}
	return false
}

func set(names *map[string]bool, name string) {
	if *names == nil {
		*names = map[string]bool{}
	}
	(*names)[name] = true
}

func merged(names, others map[string]bool) map[string]bool {
	if names == nil {
		return maps.Clone(others)
	}
	maps.Copy(names, others)
	return names
}
