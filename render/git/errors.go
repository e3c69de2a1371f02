package git

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrClosed says that the repository was closed.
var ErrClosed = errors.New("repository is closed")

// ErrDamaged says that an object is there and cannot be read as it was written.
var ErrDamaged = errors.New("object is damaged")

// SetupError says that a folder or this machine's git cannot be used. Its
// text says what to do.
type SetupError struct {
	Reason string // never empty
	Remedy string // never empty
}

func (e *SetupError) Error() string { return e.Reason + "; " + e.Remedy }

// RevisionError says that a revision does not name one commit. Its text says
// what to do.
type RevisionError struct {
	Revision string // as given
	Reason   string // never empty
	Remedy   string // "" when the reason says it
}

func (e *RevisionError) Error() string {
	text := fmt.Sprintf("revision %q %s", e.Revision, e.Reason)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// MissingError says that an object that should be there is not: the clone is
// shallow or partial, or damaged. Its text says what to fetch.
type MissingError struct {
	// Object is the missing object's id; "" when git did not name it.
	Object string
	// Shallow says that the user's repository is a shallow clone.
	Shallow bool
}

func (e *MissingError) Error() string {
	what := "an object is missing from the repository"
	if e.Object != "" {
		what = fmt.Sprintf("object %s is not in the repository", e.Object)
	}
	if e.Shallow {
		return what + ", which is a shallow clone; run: git fetch --unshallow"
	}
	return what + "; in a partial clone run: git fetch --refetch --no-filter"
}

// NoMergeBaseError says that two commits have no common ancestor that the
// repository knows. Its text says what to do.
type NoMergeBaseError struct {
	Base, Head string // commit ids
	// Shallow says that the user's repository is a shallow clone, so that the
	// common ancestor may exist elsewhere.
	Shallow bool
}

func (e *NoMergeBaseError) Error() string {
	text := fmt.Sprintf("commits %s and %s have no common ancestor", e.Base, e.Head)
	if e.Shallow {
		return text + " in this shallow clone; run: git fetch --unshallow"
	}
	return text + "; name two revisions of one history"
}

// sentence makes the first line of what git wrote fit for people: without
// control characters and of bounded length.
func sentence(stderr string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	for _, prefix := range []string{"fatal: ", "error: "} {
		line = strings.TrimPrefix(line, prefix)
	}
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, line)
	const longest = 300
	if runes := []rune(line); len(runes) > longest {
		line = string(runes[:longest]) + "…"
	}
	if line == "" {
		return "git gave no reason"
	}
	return line
}
