package mirror

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Kind says what went wrong, so that callers can choose what follows.
type Kind string

// The kinds of errors.
const (
	NotThere    Kind = "not there"   // the commit is gone: the head moved, or the fork was deleted
	Refused     Kind = "refused"     // no access, no such repository, or an address that is not allowed
	Unavailable Kind = "unavailable" // no connection, no sensible answer, too slow: later
	TooLarge    Kind = "too large"   // more than Options.Limit: later is no better
	Damaged     Kind = "damaged"     // the mirror could not be read, even made anew
)

// Error is trouble with bringing commits. Its text holds no token.
type Error struct {
	Kind       Kind
	Repository int64
	Commit     string // NotThere only: which one, if the server said
	Err        error  // what lies below, redacted; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	text := map[Kind]string{
		NotThere:    "the commit is not in the repository (any more); read its head again",
		Refused:     "the repository does not let us read it; the App needs contents: read there",
		Unavailable: "the repository could not be fetched; it will be tried again",
		TooLarge:    "the commits hold more than the limit of a fetch; take large files out of them",
		Damaged:     "the mirror could not be read; look at the disk, then remove its folder",
	}[e.Kind]
	if e.Commit != "" {
		text = e.Commit + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return fmt.Sprintf("repository %d: %s", e.Repository, text)
}

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// notOurs is how servers say that an object is not there.
var notOurs = regexp.MustCompile(`not our ref ([0-9a-f]{40,64})`)

// signs are what git writes for what it met, in lower case; the first that is
// found counts. All else is Unavailable: trying again is never wrong.
var signs = []struct {
	text string
	kind Kind
}{
	{"not our ref", NotThere},
	{"unadvertised object", NotThere},
	{"couldn't find remote ref", NotThere},
	{"could not read username", Refused},
	{"authentication failed", Refused},
	{"returned error: 401", Refused},
	{"returned error: 403", Refused},
	{"returned error: 404", Refused},
	{"not found", Refused},
	{"unable to update url base from redirection", Refused},
	{"returned error: 3", Refused},
	{"file too large", TooLarge},
	{"out of memory", TooLarge},
	{"memory exhausted", TooLarge},
}

// classify says what git's complaints mean.
func classify(stderr string) (kind Kind, commit string) {
	said := strings.ToLower(stderr)
	if found := notOurs.FindStringSubmatch(said); found != nil {
		commit = found[1]
	}
	for _, sign := range signs {
		if strings.Contains(said, sign.text) {
			return sign.kind, commit
		}
	}
	return Unavailable, commit
}

// fit makes what git wrote fit for people: one line, bounded, without
// control characters and without the secrets.
func fit(stderr string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			stderr = strings.ReplaceAll(stderr, secret, "[redacted]")
		}
	}
	var lines []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"fatal: ", "error: "} {
			line = strings.TrimPrefix(line, prefix)
		}
		if line != "" && !strings.HasPrefix(line, "From ") {
			lines = append(lines, line)
		}
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, strings.Join(lines, "; "))
	const longest = 300
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	if text == "" {
		return "git gave no reason"
	}
	return text
}
