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

// Changes are changed paths, arranged so that looking for one costs the same
// however many they are. The zero Changes are none.
type Changes struct{ at, above map[string]bool }

// NewChanges arranges changed paths.
func NewChanges(paths []string) Changes {
	c := Changes{map[string]bool{}, map[string]bool{}}
	for _, name := range paths {
		c.at[name], c.above[""] = true, true
		for at := name; at != "" && at != "." && !c.above[at]; at = path.Dir(at) {
			c.above[at] = true
		}
	}
	return c
}

// SeeAny reports whether one of the changes can be seen.
func (l *Looks) SeeAny(changes Changes) bool {
	if l.anything && len(changes.at) > 0 {
		return true
	}
	for name := range l.exact {
		if changes.at[name] {
			return true
		}
	}
	for name := range l.below {
		if changes.above[name] {
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
