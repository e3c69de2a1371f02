package manifest

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest/credential"
)

const (
	redactedToken = 12         // shorter values are words, not tokens
	redactedText  = 500        // bytes of a redacted text
	seenValues    = 20_000     // of one root
	seenBytes     = 4 << 20    // of one root
	ellipsis      = "…"        // ends a text that was cut
	redacted      = "[secret]" // stands for what was taken out
)

// Seen holds the secret values that the child came across, so that they can be
// taken out of texts that are not ours. The zero Seen is empty and ready. It
// is not safe for concurrent use.
type Seen struct {
	values map[string]bool
	bytes  int
	// full says that not all values fit: then no foreign text may be shown.
	full bool
}

// Observe notes the secret values of a file of the tree. What cannot be parsed
// is noted by its lines.
func (s *Seen) Observe(content []byte) {
	docs, failure := decode(content, Limits{}.orStandard())
	for _, doc := range docs {
		s.document(doc)
	}
	text := string(content)
	if failure != nil && secretKind.MatchString(text) {
		for line := range strings.Lines(text) {
			s.Add(line)
			if _, value, found := strings.Cut(line, ":"); found {
				s.Add(strings.Trim(value, "\"' \n"))
			}
		}
	}
	for _, found := range credential.Find(text, true) {
		s.Add(text[found.From:found.To])
	}
}

// document notes what Secrets hold, and what a kustomization makes Secrets of.
func (s *Seen) document(doc Doc) {
	generators, _ := render.Lookup(doc.Value, render.Path{"secretGenerator"})
	entries, _ := generators.([]any)
	for _, generator := range entries {
		literals, _ := render.Lookup(generator, render.Path{"literals"})
		list, _ := literals.([]any)
		for _, literal := range list {
			text, _ := literal.(string)
			_, value, _ := strings.Cut(text, "=")
			s.Add(strings.Trim(value, `"'`))
		}
	}
	for object := range objects(doc) {
		if words(object.value, "kind") != "Secret" {
			continue
		}
		for _, field := range []string{"data", "stringData"} {
			values, _ := object.value[field].(map[string]any)
			for _, value := range values {
				text, _ := value.(string)
				s.Add(text)
				if raw, ok := credential.Unbase64(text); ok && field == "data" {
					s.Add(raw)
				}
			}
		}
	}
}

// Add notes a secret value: its lines of 12 bytes and more, and its base64.
func (s *Seen) Add(value string) {
	if s.values == nil {
		s.values = map[string]bool{}
	}
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if len(line) < redactedToken || s.values[line] || credential.Placeholder(line) {
			continue
		}
		if len(s.values) >= seenValues || s.bytes+len(line) > seenBytes {
			s.full = true
			return
		}
		s.values[line] = true
		s.bytes += len(line)
	}
	if packed := base64.StdEncoding.EncodeToString([]byte(value)); len(value) >= redactedToken && len(value) < 1<<12 {
		s.values[packed] = true
		s.bytes += len(packed)
	}
}

// Redact makes a library's text fit to be shown: values that were seen as
// secrets, and what looks like one, are taken out, control characters are
// dropped, and one line of at most 500 bytes is left. A nil Seen is empty.
func Redact(text string, seen *Seen) string {
	if seen != nil && seen.full {
		return "the text is not shown: too many secret values to take out of it"
	}
	text = strings.ToValidUTF8(text[:min(len(text), 64<<10)], "")
	if seen != nil {
		// The longest first: a value may be part of another.
		values := make([]string, 0, len(seen.values))
		for value := range seen.values {
			values = append(values, value)
		}
		slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
		for _, value := range values {
			text = strings.ReplaceAll(text, value, redacted)
		}
	}
	text = withoutSpans(text)
	return shorten(strings.Join(strings.Fields(strings.Map(printable, text)), " "))
}

func withoutSpans(text string) string {
	for _, found := range slices.Backward(credential.Find(text, true)) {
		if found.To <= len(text) {
			text = text[:found.From] + redacted + text[found.To:]
		}
	}
	return text
}

// printable keeps what a terminal shows as it is; white space becomes a space.
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
		return -1
	}
	return r
}

func shorten(text string) string {
	if len(text) <= redactedText {
		return text
	}
	cut := redactedText - len(ellipsis)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}
