package command

import (
	"iter"
	"regexp"
	"slices"
	"strings"
)

// page walks a Markdown text line by line and knows what a line stands in. It
// follows how GitHub shows a comment; where that is in doubt, a line says
// nothing.
type page struct {
	// items are the columns at which the content of the open list items begins.
	items []int
	// fence is the run of marks that opened a code block, "" outside of one; a
	// line left of margin ends it, for the list item around it ends there.
	fence  string
	margin int
	// until ends what a page hides or shows as it is (an HTML comment, <pre>); "" outside.
	until string
	// quoted says that the paragraph began in a block quote: a line without ">"
	// that follows still belongs to it, until a blank one.
	quoted bool
}

// forwarded is the line below which some mail programs put what they answer to.
var forwarded = regexp.MustCompile(`(?i)^-{2,} ?original message ?-{2,}$`)

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// spoken yields the lines that the author of a text says, without their indent.
func spoken(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var p page
		for line := range strings.SplitSeq(newlines.Replace(text), "\n") {
			if forwarded.MatchString(strings.TrimSpace(line)) {
				return
			}
			if body, ok := p.line(line); ok && !yield(body) {
				return
			}
		}
	}
}

// line takes the next line and reports whether it is spoken.
func (p *page) line(line string) (string, bool) {
	if p.until != "" {
		p.leave(line)
		return "", false
	}
	column, body := cut(0, line)
	if p.code(column, body) {
		return "", false
	}
	if body == "" {
		p.quoted = false
		return "", false
	}
	for len(p.items) > 0 && column < p.item() {
		p.items = p.items[:len(p.items)-1]
	}
	inner, at := p.markers(column, body)
	indented := at-p.item() >= 4
	switch fence := opens(inner); {
	case indented && !strings.Contains(inner, "<!--"):
		return "", false
	case fence != "" && !indented:
		p.fence, p.margin, p.quoted = fence, p.item(), false
		return "", false
	case strings.HasPrefix(inner, ">"):
		p.quoted = true
		return "", false
	}
	p.hide(inner)
	return body, column < 4 && !p.quoted
}

// item is where the content of the innermost list item begins; 0 without one.
func (p *page) item() int {
	if len(p.items) == 0 {
		return 0
	}
	return p.items[len(p.items)-1]
}

// code reports whether a line belongs to the code block that is open.
func (p *page) code(column int, body string) bool {
	if p.fence == "" {
		return false
	}
	if body != "" && column < p.margin {
		p.fence = ""
		return false
	}
	if column-p.margin < 4 && closes(body, p.fence) {
		p.fence = ""
	}
	return true
}

// cut takes the white space off the rest of a line that begins at a column.
// Only spaces and tabs are white: any other space is a word of the line.
func cut(column int, rest string) (int, string) {
	for i := range len(rest) {
		switch rest[i] {
		case ' ':
			column++
		case '\t':
			column += 4 - column%4
		default:
			return column, rest[i:]
		}
	}
	return column, ""
}

var bullet = regexp.MustCompile(`^(?:[-+*]|[0-9]{1,9}[.)])(?:[ \t]|$)`)

// markers opens the list items that a line begins, and returns what is left of
// it and its column.
func (p *page) markers(column int, body string) (string, int) {
	for column-p.item() < 4 {
		marker := strings.TrimRight(bullet.FindString(body), " \t")
		if marker == "" {
			break
		}
		after := column + len(marker)
		column, body = cut(after, body[len(marker):])
		begin := column
		if body == "" || column-after > 4 {
			begin = after + 1
		}
		p.items = append(p.items, begin)
	}
	return body, column
}

// opens returns the run of marks by which a line opens a code block; "" when
// it opens none.
func opens(body string) string {
	for _, mark := range []string{"`", "~"} {
		rest := strings.TrimLeft(body, mark)
		if run := len(body) - len(rest); run >= 3 && (mark == "~" || !strings.Contains(rest, mark)) {
			return body[:run]
		}
	}
	return ""
}

func closes(body, fence string) bool {
	return strings.HasPrefix(body, fence) && strings.Trim(strings.TrimLeft(body, fence[:1]), " \t") == ""
}

// raw opens, at a line's start, what is no text of the commenter's.
var raw = regexp.MustCompile(`(?i)^<(?:(\?)|(!\[CDATA\[)|(![a-z])|(pre|blockquote|script|style|textarea)(?:[\s>]|$))`)

// hide looks for what a page does not show as text; afterwards until says
// whether that goes on below.
func (p *page) hide(body string) {
	if m := raw.FindStringSubmatch(body); m != nil {
		switch {
		case m[1] != "":
			p.until = "?>"
		case m[2] != "":
			p.until = "]]>"
		case m[3] != "":
			p.until = ">"
		default:
			p.until = "</" + strings.ToLower(m[4]) + ">"
		}
		p.leave(body[len(m[0]):])
		return
	}
	p.comments(outsideSpans(body))
}

// comments looks for a comment that is still open at the end of a line.
func (p *page) comments(rest string) {
	for {
		start := strings.Index(rest, "<!--")
		if start < 0 {
			return
		}
		_, after, closed := strings.Cut(rest[start+len("<!"):], "-->") // <!--> is a comment, too
		if !closed {
			p.until = "-->"
			return
		}
		rest = after
	}
}

// leave ends what is hidden at a line that holds its end. A comment may open
// again behind it.
func (p *page) leave(line string) {
	if _, after, ended := strings.Cut(strings.ToLower(line), p.until); ended {
		p.until = ""
		p.comments(after)
	}
}

var ticks = regexp.MustCompile("`+")

// outsideSpans takes the code spans out of a line.
func outsideSpans(line string) string {
	runs := ticks.FindAllStringIndex(line, -1)
	if len(runs) < 2 {
		return line
	}
	var kept strings.Builder
	from := 0
	for i := 0; i < len(runs); i++ {
		width := runs[i][1] - runs[i][0]
		end := slices.IndexFunc(runs[i+1:], func(r []int) bool { return r[1]-r[0] == width })
		if end < 0 {
			continue
		}
		kept.WriteString(line[from:runs[i][0]])
		i += 1 + end
		from = runs[i][1]
	}
	kept.WriteString(line[from:])
	return kept.String()
}
