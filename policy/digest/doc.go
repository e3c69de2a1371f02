// Package digest names content: in go strings, out comes one text that stands
// for exactly that list of strings. It refuses nothing and is safe for
// concurrent use.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
)

// Of hashes a list of strings, each with its length, so that no two lists give
// the same: "sha256:" and hex.
func Of(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		for i := range size {
			size[i] = byte(len(part) >> (8 * i))
		}
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Short is a digest for names: as long as is needed that nobody finds another
// list with it.
func Short(parts ...string) string { return Of(parts...)[len("sha256:"):][:32] }
