package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/digest"
)

// The kinds of entries.
const (
	EntryResource = "resource"
	EntryFile     = "file"
	EntryRoot     = "root"
)

// newEntry makes a member of the privileged change. The parts are all that the
// approval covers: they are hashed with their lengths, so that no two lists of
// parts give the same digest.
func newEntry(kind, name string, parts ...string) Entry {
	return Entry{Kind: kind, Name: name, Digest: digest.Of(append([]string{kind, name}, parts...)...)}
}

// digestSet hashes a set of entry digests; "" for the empty set.
func digestSet(digests []string) string {
	set := slices.Clone(digests)
	slices.Sort(set)
	set = slices.Compact(set)
	if len(set) == 0 {
		return ""
	}
	return digest.Of(set...)
}

// seal sorts the entries and sets the digest of the privileged change.
func (a *Assessment) seal() {
	slices.SortFunc(a.Entries, func(x, y Entry) int {
		return cmp.Or(strings.Compare(x.Digest, y.Digest), strings.Compare(x.Name, y.Name))
	})
	a.Entries = slices.Compact(a.Entries)
	digests := make([]string, 0, len(a.Entries))
	for _, entry := range a.Entries {
		digests = append(digests, entry.Digest)
	}
	a.Digest = digestSet(digests)
}
