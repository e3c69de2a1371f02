package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
)

// fillers are letters and symbols that show nothing.
const fillers = "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5"

// visible makes a text one line in which everything shows: what cannot be
// seen, or changes how its neighbours are seen, is written as an escape such
// as \u202e. It is safe for a terminal.
func visible(text string) string {
	if plainASCII(text) {
		return text
	}
	var b strings.Builder
	previous, marks := ' ', 0
	for i, r := range text {
		if unicode.IsMark(r) {
			marks++
		} else {
			marks = 0
		}
		lonely := marks > 0 && (previous < utf8.RuneSelf || marks > 2)
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
			r = '0'
		case lonely || r != ' ' && !unicode.IsPrint(r) || strings.ContainsRune(fillers, r) || unicode.Is(variation, r):
			b.WriteString(escaped(r))
			previous = '0' // what an escape ends with
			continue
		default:
			b.WriteRune(r)
		}
		previous = r
	}
	return b.String()
}

// variation are marks that choose another look for a character.
var variation = unicode.Variation_Selector

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// code is a Markdown code span: nothing in it is a link, a mention or markup,
// because its fence is longer than any run of backticks inside.
func code(text string) string {
	text = visible(text)
	if strings.TrimSpace(text) == "" {
		return "(empty)"
	}
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if edge := "` "; strings.ContainsAny(text[:1], edge) || strings.ContainsAny(text[len(text)-1:], edge) {
		text = " " + text + " "
	}
	return fence + text + fence
}

var (
	// word is what may stand in running text: it is no markup, no mention, no
	// reference and no link wherever it stands.
	word = regexp.MustCompile(`^(?:[A-Za-z]+(?:['’-][A-Za-z]+)*|[0-9]{1,6}%?|[0-9]{1,3}(?:,[0-9]{3})+|[=/+–—→…×])$`)
	// reference is what GitHub could take for a commit.
	reference = regexp.MustCompile(`^[0-9a-fA-F]{7,}$`)
)

// The marks that may stand around a word.
const opening, closing = `("“‘'`, `.,;:!?)"”’'`

// prose writes a sentence that may hold names from anywhere as Markdown text:
// plain words stay, all else becomes a code span. What already stands between
// backticks stays together.
func prose(text string) string {
	parts := strings.Split(visible(text), "`")
	if len(parts)%2 == 0 {
		parts = []string{strings.Join(parts, "`")}
	}
	out := ""
	for i, part := range parts {
		next := words(part)
		if i%2 == 1 {
			next = code(part)
		}
		if strings.HasSuffix(out, "`") && strings.HasPrefix(next, "`") {
			out += " " // two fences must not become one
		}
		out += next
	}
	return out
}

func words(text string) string {
	tokens := strings.Split(text, " ")
	for i, token := range tokens {
		if token == "" {
			continue
		}
		rest := strings.TrimLeft(token, opening)
		middle := strings.TrimRight(rest, closing)
		if middle != "" && (!word.MatchString(middle) || reference.MatchString(middle)) {
			tokens[i] = token[:len(token)-len(rest)] + code(middle) + rest[len(middle):]
		}
	}
	return strings.Join(tokens, " ")
}

// maxPlace bounds a file's path.
const maxPlace = 200

// place is FILE:LINE as far as it is known.
func place(s render.Source) string {
	switch {
	case s.File == "":
		return ""
	case s.Line > 0:
		return fmt.Sprintf("%s:%d", clip(s.File, maxPlace), s.Line)
	}
	return clip(s.File, maxPlace)
}

// clip makes a text visible and cuts it.
func clip(text string, limit int) string { return short(visible(text), limit) }

// short cuts a text to at most limit bytes, whole runes, from its middle: what
// a path or a name ends with often tells most.
func short(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	head := (limit - len(mark)) * 2 / 3
	tail := len(text) - (limit - len(mark) - head)
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + mark + text[tail:]
}
