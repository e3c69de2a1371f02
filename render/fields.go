package render

import (
	"slices"

	"github.com/countersign-dev/countersign/render/diff"
)

// Locate says where a field of the resource was written: its own position,
// else that of the nearest thing around it, else the resource's.
func (r *Resource) Locate(path Path) Source {
	for n := len(path); n > 0; n-- {
		at, found := slices.BinarySearchFunc(r.Positions, path[:n], func(p Position, path Path) int {
			return p.Path.Compare(path)
		})
		if found {
			return r.Positions[at].Source
		}
	}
	return r.Source
}

// fields lists where two forms of an object differ, sorted by path.
func fields(before, after *Resource) []Field {
	var all []Field
	for _, edit := range diff.Values(before.Object, after.Object) {
		field := Field{Path: edit.Path, Before: edit.Before, After: edit.After}
		if edit.Added {
			field.Before = Absent{}
		}
		if edit.Removed {
			field.After = Absent{}
			field.Source = before.Locate(field.Path)
		} else {
			field.Source = after.Locate(field.Path)
		}
		all = append(all, field)
	}
	// An element that was removed and one that came have the same index at
	// times: stable, so that what left comes first.
	slices.SortStableFunc(all, func(a, b Field) int { return a.Path.Compare(b.Path) })
	return all
}
