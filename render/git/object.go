package git

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// The lengths of object ids in hex.
const (
	sha1Hex   = 2 * sha1.Size
	sha256Hex = 2 * sha256.Size
)

// isID reports whether text is a full object id as git writes it.
func isID(text string) bool {
	if len(text) != sha1Hex && len(text) != sha256Hex {
		return false
	}
	return strings.Trim(text, "0123456789abcdef") == ""
}

// newHash begins the hash of an object whose id has the given length in hex.
func newHash(idLength int, kind string, size int64) hash.Hash {
	h := sha1.New()
	if idLength == sha256Hex {
		h = sha256.New()
	}
	fmt.Fprintf(h, "%s %d\x00", kind, size)
	return h
}

// objectID is the SHA-1 id of an object with this content.
func objectID(kind string, content []byte) string {
	h := newHash(sha1Hex, kind, int64(len(content)))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

func malformed(kind, id, reason string) error {
	return fmt.Errorf("%s %s: %s: %w", kind, id, reason, render.ErrMalformed)
}

// modes are the file modes that a tree may hold. 100664 was written by early
// versions of git.
var modes = map[string]render.Mode{
	"100644": render.ModeFile,
	"100664": render.ModeFile,
	"100755": render.ModeExecutable,
	"120000": render.ModeSymlink,
	"40000":  render.ModeDir,
	"160000": render.ModeSubmodule,
}

// parseTree reads a tree object whose ids have idLength hex digits. The
// content is not trusted: what git would not write, and what two readers
// could take differently, is refused. The entries are sorted by name.
func parseTree(id string, content []byte, idLength int) ([]render.Entry, error) {
	var entries []render.Entry
	previous := ""
	for len(content) > 0 {
		mode, rest, found := bytes.Cut(content, []byte(" "))
		kind, known := modes[string(mode)]
		if !found || !known {
			return nil, malformed("tree", id, fmt.Sprintf("unknown mode %.20q", mode))
		}
		name, rest, found := bytes.Cut(rest, []byte("\x00"))
		if !found || len(rest) < idLength/2 {
			return nil, malformed("tree", id, "cut short")
		}
		if reason := badName(string(name)); reason != "" {
			return nil, malformed("tree", id, reason)
		}
		entry := render.Entry{Name: string(name), Mode: kind, ID: hex.EncodeToString(rest[:idLength/2])}
		if strings.Trim(entry.ID, "0") == "" {
			return nil, malformed("tree", id, fmt.Sprintf("name %q has no object", entry.Name))
		}
		key := sortKey(entry)
		if previous != "" && key <= previous {
			return nil, malformed("tree", id, fmt.Sprintf("name %q is twice or out of order", entry.Name))
		}
		previous, content = key, rest[idLength/2:]
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, compareEntries)
	for i := 1; i < len(entries); i++ {
		if entries[i].Name == entries[i-1].Name {
			return nil, malformed("tree", id, fmt.Sprintf("name %q is a file and a folder", entries[i].Name))
		}
	}
	return entries, nil
}

// badName says what is wrong with a name in a tree, or "".
func badName(name string) string {
	switch {
	case name == "":
		return "empty name"
	case name == "." || name == "..":
		return fmt.Sprintf("name %q", name)
	case strings.EqualFold(name, ".git"):
		return fmt.Sprintf("name %q", name)
	case strings.Contains(name, "/"):
		return fmt.Sprintf("name %q with a slash", name)
	}
	return ""
}

// sortKey orders entries as git does: folders as if their names ended in a
// slash.
func sortKey(e render.Entry) string {
	if e.Mode == render.ModeDir {
		return e.Name + "/"
	}
	return e.Name
}

// compareEntries orders entries as [render.Tree] does.
func compareEntries(a, b render.Entry) int { return strings.Compare(a.Name, b.Name) }

// lookup finds a name among sorted entries.
func lookup(entries []render.Entry, name string) (render.Entry, bool) {
	i, found := slices.BinarySearchFunc(entries, name, func(e render.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !found {
		return render.Entry{}, false
	}
	return entries[i], true
}

// parseCommit reads the head of a commit object: its tree and its parents.
func parseCommit(id string, content []byte) (Commit, error) {
	c := Commit{ID: id}
	next := func(key string) (string, bool) {
		line, rest, found := bytes.Cut(content, []byte("\n"))
		value, ok := strings.CutPrefix(string(line), key+" ")
		if !found || !ok {
			return "", false
		}
		content = rest
		return value, true
	}
	var ok bool
	if c.Tree, ok = next("tree"); !ok || !isID(c.Tree) || len(c.Tree) != len(id) {
		return Commit{}, malformed("commit", id, "no tree")
	}
	for parent, ok := next("parent"); ok; parent, ok = next("parent") {
		if !isID(parent) || len(parent) != len(id) {
			return Commit{}, malformed("commit", id, "bad parent")
		}
		c.Parents = append(c.Parents, parent)
	}
	if _, ok := next("author"); !ok {
		return Commit{}, malformed("commit", id, "no author after its parents")
	}
	return c, nil
}
