package closure

import (
	"fmt"
	"path"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign-dev/countersign/render"
)

// Collisions tells of names in one folder that are one name elsewhere: where
// case is folded, or where Unicode is normalised. Such a folder checks out as
// something else there. Here names are compared as bytes.
func Collisions(tree *Tree, dir string) []render.Problem {
	entries, err := tree.source.ReadDir(dir)
	if err != nil {
		return nil // the folder's files have been read: a listing adds nothing that must be known
	}
	fold := cases.Fold()
	first := make(map[string]string, len(entries))
	var notices []render.Problem
	for _, entry := range entries {
		folded := norm.NFC.String(fold.String(norm.NFC.String(entry.Name)))
		other, taken := first[folded]
		if !taken {
			first[folded] = entry.Name
			continue
		}
		notices = append(notices, render.Problem{
			Cause: render.CauseHostile, Source: render.Source{File: path.Join(dir, entry.Name)},
			Message: fmt.Sprintf("the file names %s and %s differ only in case or in Unicode form",
				asciiQuoted(other), asciiQuoted(entry.Name)),
			Remedy: "rename one of them",
		})
	}
	return notices
}
