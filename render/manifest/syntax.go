package manifest

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// phrases are the YAML library's errors in our words: its own may quote the
// file. The first that is contained in the error's text wins.
var phrases = []struct{ theirs, ours string }{
	{"mapping values are not allowed", "a \": \" where no key can stand"},
	{"found character that cannot start any token", "a character that cannot start a value (a tab, @ or `)"},
	{"found a tab character", "a tab where only spaces may indent"},
	{"did not find expected key", "wrong indentation, or a line that is neither a key nor a list item"},
	{"did not find expected '-' indicator", "wrong indentation in a list"},
	{"did not find expected ',' or ']'", "a list in [ ] that is not closed or separated properly"},
	{"did not find expected ',' or '}'", "a mapping in { } that is not closed or separated properly"},
	{"did not find expected node content", "a value is missing"},
	{"did not find expected <document start>", "text after the end of a document, where \"---\" is expected"},
	{"could not find expected ':'", "a key without \":\", or wrong indentation"},
	{"found unexpected end of stream", "a quote that is not closed"},
	{"found unexpected document indicator", "a quote that is not closed before \"---\""},
	{"unknown anchor", "an alias (*name) without an anchor (&name) before it"},
	{"while scanning an alias", "an alias (*) without a proper name"},
	{"while scanning an anchor", "an anchor (&) without a proper name"},
	{"unknown escape character", "an escape in double quotes that YAML does not know"},
	{"undefined tag handle", "a tag (!) that is not declared"},
	{"exceeded max depth", "nested too deeply"},
	{"control characters are not allowed", "a control character"},
	{"block scalar", "a wrong header or indentation of a | or > text"},
}

var lineInError = regexp.MustCompile(`^yaml: line (\d+):`)

// syntaxProblem words an error of the YAML library, without its text.
func syntaxProblem(err error, content []byte) *render.Problem {
	if errors.Is(err, errParserPanic) {
		return problem(render.CauseHostile, 0, "the YAML parser cannot cope with this file",
			"simplify or remove the file")
	}
	text := err.Error()
	line := 0
	if match := lineInError.FindStringSubmatch(text); match != nil {
		line, _ = strconv.Atoi(match[1]) // digits only; one too long for an int stays unknown
	}
	message := "cannot be read as YAML"
	for _, phrase := range phrases {
		if strings.Contains(text, phrase.theirs) {
			message = phrase.ours
			break
		}
	}
	switch {
	case strings.Contains(text, "unknown anchor"):
		line = unknownAliasLine(text, content)
	case strings.Contains(text, "control characters"):
		line = controlLine(content)
	case line == 0 || strings.Contains(text, "did not find expected"):
		line++ // the library's parser, unlike its scanner, counts from 0, and leaves 0 out
	}
	remedy := "correct the YAML near this line"
	if strings.Contains(string(content), "${") {
		remedy = "correct the YAML near this line; if it is a ${…} placeholder that breaks it, put it in quotes"
	}
	return problem(render.CauseSyntax, line, message, remedy)
}

// controlLine finds the first character that YAML forbids.
func controlLine(content []byte) int {
	at := bytes.IndexFunc(content, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' ||
			r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
	})
	return lineAt(content, max(at, 0))
}

var anchorInError = regexp.MustCompile(`unknown anchor '([^']*)'`)

// unknownAliasLine finds the alias that an error without a line is about.
func unknownAliasLine(text string, content []byte) int {
	match := anchorInError.FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	at := strings.Index(string(content), "*"+match[1])
	if at < 0 {
		return 0
	}
	return lineAt(content, at)
}

var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]{0,39}$`)

// named quotes a key of the file where it is a plain word, and else only says
// that there is one.
func named(what, key string) string {
	if plainWord.MatchString(key) && !longRun.MatchString(key) {
		return what + " " + strconv.Quote(key)
	}
	return what
}

// longRun finds what could be a token rather than a word.
var longRun = regexp.MustCompile(`[A-Za-z0-9_]*[0-9][A-Za-z0-9_]{11,}|[A-Za-z0-9_]{30,}`)
