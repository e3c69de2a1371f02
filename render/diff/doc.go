// Package diff compares two values of the JSON model: map[string]any, []any,
// string, bool, json.Number and nil.
//
// In go two values, out comes every place where they differ ([Edit]), so that
// the edits turn the one into the other; [Similarity] says how much of two
// values is the same. Lists whose elements carry a merge key are compared by
// key: an insertion at the front is one edit, not a list of them. An order
// that changed is never swallowed.
//
// The package knows no objects and no repository, changes none of its input,
// and is deterministic. Values come from the pull request; they are not
// trusted, beyond being finite and free of cycles.
package diff
