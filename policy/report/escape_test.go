package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

// markdown reads as GitHub does, as far as a library can: tables, bare links,
// strikethrough and task lists too.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))

// loose is what GitHub turns into links or pictures in running text.
var loose = regexp.MustCompile(`@[A-Za-z0-9_-]|#[0-9]|(?i:\bGH-[0-9])|\b[0-9a-f]{7,40}\b|://|(?i:www\.\S)|:[a-z0-9_+-]+:|\$\S.*\$`)

// ours is the only raw HTML that a report holds.
var ours = regexp.MustCompile(`^(<details>\n<summary>[A-Za-z0-9, ]+</summary>\n|</details>\n?)$`)

// active returns what a Markdown text holds besides words, code, lists,
// headings and emphasis.
func active(source string) []string {
	var found []string
	root := markdown.Parser().Parse(text.NewReader([]byte(source)))
	walk := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			if raw := string(n.Lines().Value([]byte(source))); !ours.MatchString(raw) {
				found = append(found, "html "+raw)
			}
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if hit := loose.FindString(string(n.Value([]byte(source)))); hit != "" {
				found = append(found, "text "+hit)
			}
		case *ast.Document, *ast.Paragraph, *ast.TextBlock, *ast.List, *ast.ListItem, *ast.Heading, *ast.Emphasis:
		default:
			found = append(found, n.Kind().String())
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(root, walk); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// unseen returns a character that does not show or changes what is shown.
func unseen(text string) rune {
	for _, r := range text {
		if r != '\n' && r != ' ' && (!unicode.IsPrint(r) || strings.ContainsRune(fillers, r)) {
			return r
		}
	}
	if !utf8.ValidString(text) {
		return utf8.RuneError
	}
	return 0
}

func checkEscapes(t interface {
	Helper()
	Errorf(string, ...any)
}, input string) {
	t.Helper()
	for name, got := range map[string]string{
		"prose": "- x " + prose(input) + "\n", "code": "- x " + code(input) + "\n", "heading": "## " + prose(input) + "\n",
		"bold": "- **" + code(input) + "** " + prose(input) + " — " + code(input) + "\n",
	} {
		if found := active(got); len(found) > 0 {
			t.Errorf("%s of %q is active: %q in %q", name, input, found, got)
		}
		if strings.Count(got, "\n") != 1 {
			t.Errorf("%s of %q begins a line of its own: %q", name, input, got)
		}
		if r := unseen(got); r != 0 {
			t.Errorf("%s of %q holds %U", name, input, r)
		}
	}
	if again := visible(visible(input)); again != visible(input) {
		t.Errorf("%q is escaped twice: %q", input, again)
	}
}

// AC-071: whatever a name holds, it is no markup, link, mention or reference,
// starts no line, and shows.
func TestNamesAreHarmless(t *testing.T) {
	for _, input := range evil {
		checkEscapes(t, input)
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(evil), rapid.String(),
			rapid.StringMatching("[`*_<>@#\\[\\]()!|~$:\\\\ \n&-]{1,6}")), 0, 6).Draw(t, "parts")
		checkEscapes(t, strings.Join(parts, ""))
	})
}

func FuzzMarkdown(f *testing.F) {
	for _, input := range evil {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) { checkEscapes(t, input) })
}

func FuzzTerminal(f *testing.F) {
	for _, input := range evil {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		got := visible(input)
		if r := unseen(got); r != 0 || strings.Contains(got, "\n") {
			t.Errorf("%q shows as %q with %U", input, got, r)
		}
		p := &page{}
		p.item(input)
		p.say(4, input)
		if r := unseen(p.String()); r != 0 {
			t.Errorf("%q is written with %U", input, r)
		}
	})
}

// Different names look different: what is invisible is written out.
func TestWhatCannotBeSeenIsWritten(t *testing.T) {
	for input, want := range map[string]string{
		"a\u202eb": `a\u202eb`, "a\u200bb": `a\u200bb`, "a\nb": `a\nb`, "\x1b[31m": `\x1b[31m`, "e\u0301": `e\u0301`, "\u00e9": "\u00e9",
		"\xff": `\xff`, "\U000e0041": `\U000e0041`, "plain": "plain", "a\u3164b": `a\u3164b`, "": "",
	} {
		if got := visible(input); got != want {
			t.Errorf("visible(%q) = %q, want %q", input, got, want)
		}
	}
}

// The whole of a hostile review holds nothing active, in Markdown and in a terminal.
func TestHostileReviewIsHarmless(t *testing.T) {
	r := fixtures()["hostile"]
	if found := active(r.Markdown()); len(found) > 0 {
		t.Errorf("active: %q", found)
	}
	for form, got := range forms(t, r) {
		if c := unseen(got); c != 0 {
			t.Errorf("%s holds %U", form, c)
		}
	}
	for line := range strings.Lines(r.Markdown()) {
		if strings.HasPrefix(strings.TrimLeft(line, "-*> \t"), "/") {
			t.Errorf("a line could be a command: %q", line)
		}
	}
	if strings.Contains(r.Text(false), "\x1b") || !strings.Contains(r.Text(true), red) {
		t.Error("colour is not what was asked for")
	}
	var html bytes.Buffer
	if err := markdown.Convert([]byte(r.Markdown()), &html); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(html.String(), "<a ") || strings.Contains(html.String(), "<img") || strings.Contains(html.String(), "<h1") {
		t.Error("the page holds a link, a picture or a heading of the input")
	}
}

func TestShortKeepsRunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(8, 60).Draw(t, "limit")
		got := short(input, limit)
		if len(got) > limit || !utf8.ValidString(got) || len(input) <= limit && got != input {
			t.Errorf("short(%q, %d) = %q", input, limit, got)
		}
	})
}
