package command

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// words of a text: the commands' names as written, joined.
func said(text string) string {
	var given []string
	for _, c := range Parse(text) {
		word := string(c.Word)
		if word == "" {
			word = "?" + c.Given
		}
		given = append(given, word)
	}
	return strings.Join(given, " ")
}

func TestParse(t *testing.T) {
	got := Parse("hi\n/countersign hold until\u00a0Monday,  please\r\n /cs explain CS-SSH-001\r/cs frobnicate now\n/cs\n   /cs override the fleet burns")
	want := []Command{
		{Hold, "hold", "until Monday, please"}, {Explain, "explain", "CS-SSH-001"}, {"", "frobnicate", "now"}, {},
		{Override, "override", "the fleet burns"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, word := range []Word{Help, Recheck, Status, Explain, Hold, Unhold, Override} {
		if got := Parse("/cs " + string(word)); len(got) != 1 || got[0].Word != word {
			t.Errorf("%s: %+v", word, got)
		}
	}
	if got := Parse(strings.Repeat("/cs status\n", 40)); len(got) != 16 {
		t.Errorf("%d commands of one text", len(got))
	}
}

// Where a command stands decides whether it is one. The cases are those of
// AC-076 and what Markdown makes of them.
func TestWhereACommandCounts(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"alone":                           {"/countersign hold", "hold"},
		"three spaces":                    {"   /cs hold", "hold"},
		"no other name":                   {"/countersigns hold\n/csx hold\n/cs-hold\n//cs hold", ""},
		"capitals are other words":        {"/CS hold\n/Countersign hold\n/cs HOLD", "?HOLD"},
		"not the first word":              {"please /cs hold\n- /cs hold\n1. /cs hold\n# /cs hold\n**/cs hold**", ""},
		"CRLF":                            {"thanks\r\n/cs hold\r\n", "hold"},
		"a lone CR is a line's end":       {"thanks\r/cs hold\rbye", "hold"},
		"other line ends are none":        {"thanks\u2028/cs hold\v/cs hold\f/cs hold\u0085/cs hold", ""},
		"leading no-break space":          {"\u00a0/cs hold", ""},
		"leading wide space":              {"\u3000/cs hold\n\u2003/cs hold\n\ufeff/cs hold\n\u200b/cs hold", ""},
		"leading control":                 {"\x00/cs hold\n\v/cs hold\n\f/cs hold", ""},
		"a look-alike slash":              {"\u2215cs hold\n\uff0fcs hold", ""},
		"indented code":                   {"    /cs hold\n\n\t/cs hold\n  \t/cs hold", ""},
		"quote":                           {"> /cs hold\n>/cs hold\n   > /cs hold\n> > /cs hold", ""},
		"what follows a quote":            {"> why?\n\n/cs hold", "hold"},
		"a quote's lazy line":             {"> please say\n/cs hold\nor not", ""},
		"a quote in an item":              {"- > a\n  /cs hold", ""},
		"an e-mail reply":                 {"fine\n\nOn Monday bob wrote:\n> hi\n> /cs hold\n>\n> /cs override x", ""},
		"an original message":             {"/cs status\n\n-----Original Message-----\nFrom: bob\n\n/cs hold", "status"},
		"fence":                           {"```\n/cs hold\n```", ""},
		"fence of tildes":                 {"~~~ yaml\n/cs hold\n~~~", ""},
		"after a fence":                   {"```\nx\n```\n/cs hold", "hold"},
		"unclosed fence":                  {"```\n/cs hold", ""},
		"longer fence":                    {"````\n```\n/cs hold\n````\n/cs unhold", "unhold"},
		"a longer end":                    {"```\nx\n`````  \n/cs hold", "hold"},
		"an end with words is none":       {"```\nx\n``` y\n/cs hold", ""},
		"another mark ends no fence":      {"```\nx\n~~~\n/cs hold", ""},
		"an indented end is none":         {"```\nx\n    ```\n/cs hold", ""},
		"an indented fence is none":       {"a\n\n    ```\n\n/cs hold", "hold"},
		"three ticks in a line":           {"``` a ``` b\n/cs hold", "hold"},
		"fence in an item":                {"- ```\n  /cs hold\n  ```\n/cs unhold", "unhold"},
		"fence after an item":             {"1. a\n\n     ```\n   /cs hold\n     ```\n\n/cs unhold", "unhold"},
		"fence in nested items":           {"- a\n  - ```\n    x\n  ```\n  /cs hold\n  ```\n/cs unhold", "unhold"},
		"a fence ends with its item":      {"- ```\n  x\n/cs hold", "hold"},
		"a fence ends a quote":            {"> a\n```\n/cs hold\n```\n/cs unhold", "unhold"},
		"code in an item":                 {"-     ```\n\n/cs hold", "hold"},
		"an empty item":                   {"-\n  ```\n  /cs hold\n  ```\n/cs unhold", "unhold"},
		"tab after a bullet":              {"-\t```\n    /cs hold\n    ```\n/cs unhold", "unhold"},
		"comment":                         {"<!-- /cs hold -->\n<!--\n/cs hold\n\n/cs hold\n-->\n/cs unhold", "unhold"},
		"unclosed comment":                {"<!--\n/cs hold\n\n```\n-- >\n/cs hold", ""},
		"a comment within a line":         {"see <!-- below\n/cs hold\n--> and\n/cs unhold", "unhold"},
		"behind a comment's end":          {"<!--\n--> /cs hold", ""},
		"behind a comment":                {"<!-- x --> /cs hold", ""},
		"a comment that opens again":      {"<!--\n--><!--\n/cs hold\n-->\n/cs unhold", "unhold"},
		"short comments":                  {"<!-->\n/cs hold\n<!--->\n/cs unhold", "hold unhold"},
		"a comment mark in a fence":       {"```\n<!--\n```\n/cs hold", "hold"},
		"a comment mark in a span":        {"use `<!--` here\n/cs hold\n`` ` `` `<!--`\n/cs unhold", "hold unhold"},
		"a comment mark after a span":     {"`a` <!--\n/cs hold", ""},
		"a fence in a comment":            {"<!--\n```\n-->\n/cs hold", "hold"},
		"a comment at a command":          {"/cs hold <!--\n/cs unhold\n-->", "hold"},
		"a comment in indented text":      {"a\n     <!--\n/cs hold", ""},
		"pre":                             {"<pre>\n/cs hold\n</pre>\n/cs unhold", "unhold"},
		"PRE with attributes":             {"<PRE lang=x>\n/cs hold\n\n/cs hold\n</Pre>\n/cs unhold", "unhold"},
		"a quote in HTML":                 {"<blockquote>\n\n/cs hold\n\n</blockquote>\n/cs unhold", "unhold"},
		"instruction":                     {"<?\n/cs hold\n?>\n/cs unhold", "unhold"},
		"declaration":                     {"<!x\n/cs hold\n>\n/cs unhold", "unhold"},
		"character data":                  {"<![CDATA[\n/cs hold\n]]>\n/cs unhold", "unhold"},
		"<present> is no <pre>":           {"<present>\n/cs hold", "hold"},
		"pre within one line":             {"<pre>x</pre>\n/cs hold", "hold"},
		"a paragraph, then a command":     {"text\n/cs hold\ntext\n/cs unhold", "hold unhold"},
		"a thematic break":                {"* * *\n/cs hold", "hold"},
		"nothing":                         {"", ""},
		"the name alone":                  {"/countersign\n/cs \t", "? ?"},
		"the name with another separator": {"/cs\thold\n/cs\u00a0unhold", "hold unhold"},
	} {
		if got := said(test.text); got != test.want {
			t.Errorf("AC-076 %s: %q says %q, want %q", name, test.text, got, test.want)
		}
	}
}

func TestStance(t *testing.T) {
	for text, want := range map[string]Command{
		"/cs unhold fine\n/cs hold after all\n/cs hold again": {Hold, "hold", "after all"},
		"/cs hold\n/cs unhold":                                {Hold, "hold", ""},
		"/cs status\n/cs unhold a\n/cs unhold b":              {Unhold, "unhold", "a"},
		"/cs holds":                                           {}, "": {}, "hold": {},
	} {
		if diff := cmp.Diff(want, Stance(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// Nobody's text may make the reader slow: its cost grows with its size alone.
func TestLargeTexts(t *testing.T) {
	ticks := &strings.Builder{}
	for n := range 600 {
		ticks.WriteString(strings.Repeat("`", n+1) + " ")
	}
	for name, text := range map[string]string{
		"runs of ticks":  ticks.String(),
		"comments":       strings.Repeat("<!---->", 40_000),
		"open comments":  strings.Repeat("<!--\n-->", 30_000),
		"bullets":        strings.Repeat("- ", 130_000),
		"nested bullets": nested(700),
		"lines":          strings.Repeat("\r", 260_000),
		"digits":         strings.Repeat("1", 260_000),
	} {
		start := time.Now()
		if got := Parse(text + "\n\n/cs hold"); len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func nested(depth int) string {
	var text strings.Builder
	for n := range depth {
		fmt.Fprintf(&text, "%s- a\n", strings.Repeat(" ", 2*n))
	}
	return text.String()
}

// Whatever a text says: a command is a line of its own that begins with the
// name, quoting it or putting it into code takes every command away, and
// line ends do not matter.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/cs hold", "```\n/cs hold", "> /cs hold", "~~~\n/cs hold\n~~~~\n/cs unhold x", "<!--\n/cs hold\n-->\n/cs",
		"- ```\n  /cs hold\n", "a `<!--` b\r/cs override x\r\n", "<pre>\n/cs hold", "1. > a\n/cs hold",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := Parse(text)
		unix := newlines.Replace(text)
		for _, c := range found {
			begins := func(line string) bool {
				line = strings.TrimLeft(line, " ")
				return strings.HasPrefix(line, "/cs") || strings.HasPrefix(line, "/countersign")
			}
			lines := strings.Split(unix, "\n")
			for len(lines) > 0 && (!begins(lines[0]) || !strings.Contains(lines[0], c.Given)) {
				lines = lines[1:]
			}
			if len(lines) == 0 || strings.ContainsFunc(c.Given, unicode.IsSpace) {
				t.Fatalf("%q holds no command %+v", text, c)
			}
		}
		for name, other := range map[string]string{
			"a quote":  "> " + strings.ReplaceAll(unix, "\n", "\n> "),
			"a fence":  strings.Repeat("~", len(text)+3) + "\n" + text,
			"indented": "    " + strings.ReplaceAll(unix, "\n", "\n    "),
			"comment":  "<!--\n" + strings.ReplaceAll(text, ">", ""),
		} {
			if got := Parse(other); len(got) > 0 {
				t.Fatalf("%s of %q says %+v", name, text, got)
			}
		}
		if diff := cmp.Diff(found, Parse(strings.ReplaceAll(unix, "\n", "\r\n"))); diff != "" {
			t.Fatalf("line ends matter in %q: %s", text, diff)
		}
		if s := Stance(text); s.Word != "" && s.Word != Hold && s.Word != Unhold {
			t.Fatalf("%q stands at %+v", text, s)
		}
	})
}
