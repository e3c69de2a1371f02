package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/countersign-dev/countersign/render"
)

// Canonical turns a rendered object into the form in which objects are
// compared, shown and approved. It fills Identity, Version, RenderedNamespace,
// Object, Digest, Masked, Nested, Opaque and Local; the other fields are the
// caller's. The object comes from the pull request and is not changed; the
// result may share parts of it. The key is that of the keyed hashes; an empty
// one is allowed in tests only, for its hashes can be guessed.
//
// The problem, without file and line, says that the object lacks what it would
// be known by.
func Canonical(object map[string]any, key Key, scopes Scopes) (render.Resource, *render.Problem) {
	resource, failure := identify(object, scopes)
	if failure != nil {
		return render.Resource{}, failure
	}
	kind := GroupKind{resource.Group, resource.Kind}
	resource.Local = isLocal(object)
	m := newMasker(key)
	resource.Object = m.object(trim(object, kind, scopes))
	resource.Opaque = m.opaque
	resource.Masked = slices.SortedFunc(slices.Values(m.masked), func(a, b render.Masked) int {
		return a.Path.Compare(b.Path)
	})
	resource.Nested = slices.SortedStableFunc(slices.Values(m.nested), func(a, b render.Nested) int {
		return a.Path.Compare(b.Path)
	})
	sum := sha256.Sum256(AppendCanonical(nil, resource.Object))
	resource.Digest = hex.EncodeToString(sum[:])
	return resource, nil
}

// trim copies the top of an object without what is not part of its meaning.
func trim(object map[string]any, kind GroupKind, scopes Scopes) map[string]any {
	trimmed := maps.Clone(object)
	if hasStatus(kind) {
		delete(trimmed, "status")
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		metadata = maps.Clone(metadata)
		delete(metadata, "creationTimestamp")
		if scopes.cluster(kind) {
			delete(metadata, "namespace")
		}
		trimmed["metadata"] = metadata
	}
	if sops, ok := object["sops"].(map[string]any); ok {
		sops = maps.Clone(sops)
		delete(sops, "mac")
		delete(sops, "lastmodified")
		trimmed["sops"] = sops
	}
	return trimmed
}

// AppendCanonical appends the canonical JSON of a value: keys sorted by bytes,
// no spaces, strings with the fewest escapes (only ", \ and control
// characters; bytes that are no UTF-8 stay as they are), numbers as written.
// Different values have different encodings: nil, [] and an absent key stay
// apart. The value holds map[string]any, []any, string, bool, json.Number and
// nil; anything else is encoded as null.
func AppendCanonical(dst []byte, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(value)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, key), ':')
			dst = AppendCanonical(dst, value[key])
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, item := range value {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, item)
		}
		return append(dst, ']')
	case string:
		return appendString(dst, value)
	case json.Number:
		return append(dst, value...)
	case bool:
		return strconv.AppendBool(dst, value)
	}
	return append(dst, "null"...)
}

const hexDigits = "0123456789abcdef"

func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, text[start:]...), '"')
}
