package symbol

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Holds reports whether text may hold a placeholder.
func Holds(text string) bool {
	return strings.Contains(text, "${")
}

// maxNesting bounds placeholders in the defaults of placeholders; what is
// deeper stays as written and counts as unresolved.
const maxNesting = 16

// expander replaces the placeholders of one text.
type expander struct {
	values map[string]string
	// keep leaves every placeholder as written and only notes its name.
	keep  bool
	names []string
}

// Expand replaces every placeholder that has a value or a default and returns
// the names of those that stay. "$$" is an escape and stays as written, so that
// expanding twice changes nothing.
func Expand(text string, values map[string]string) (string, []string) {
	if !Holds(text) {
		return text, nil
	}
	e := expander{values: values}
	out := e.text(text, 0)
	if out == text {
		return text, e.names
	}
	// Pieces may have joined into a placeholder that nobody wrote.
	again := expander{values: values}
	if again.text(out, 0) != out || !slices.Equal(again.names, e.names) {
		return text, Names(text)
	}
	return out, e.names
}

// Names returns the names of the outermost placeholders.
func Names(text string) []string {
	e := expander{keep: true}
	e.text(text, 0)
	return e.names
}

func (e *expander) text(text string, depth int) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i])
		switch text[i+1] {
		case '$':
			out.WriteString("$$")
			text = text[i+2:]
		case '{':
			body, rest, closed := cutBraces(text[i+2:])
			if !closed {
				out.WriteString(text[i:])
				return out.String()
			}
			out.WriteString(e.placeholder(body, depth))
			text = rest
		default:
			out.WriteByte('$')
			text = text[i+1:]
		}
	}
}

// cutBraces splits what follows "${" at the brace that closes it.
func cutBraces(text string) (body, rest string, closed bool) {
	open := 1
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '}':
			if open--; open == 0 {
				return text[:i], text[i+1:], true
			}
		case strings.HasPrefix(text[i:], "$$"):
			i++
		case strings.HasPrefix(text[i:], "${"):
			open++
			i++
		}
	}
	return "", "", false
}

// placeholder returns what stands for ${body}.
func (e *expander) placeholder(body string, depth int) string {
	name, operation := cutName(body)
	if e.keep || depth >= maxNesting || name == "" {
		return e.stay(name, body)
	}
	value, set := e.values[name]
	if strings.Contains(value, "$") {
		return e.stay(name, body) // a value is put in as it is, never expanded again
	}
	switch {
	case operation == "" && set:
		return value
	case strings.HasPrefix(operation, ":=") || strings.HasPrefix(operation, ":-"):
		if value != "" {
			return value
		}
		return e.text(operation[2:], depth+1)
	case strings.HasPrefix(operation, "=") || strings.HasPrefix(operation, "-"):
		if set {
			return value
		}
		return e.text(operation[1:], depth+1)
	case strings.HasPrefix(operation, ":?") && value != "", strings.HasPrefix(operation, "?") && set:
		return value
	}
	return e.stay(name, body)
}

// stay notes an unresolved placeholder and returns it as written.
func (e *expander) stay(name, body string) string {
	if name == "" {
		body := strings.TrimSpace(body)
		name, _ = cutName(body)
		name = cmp.Or(name, body)
	}
	e.names = append(e.names, name)
	return "${" + body + "}"
}

// cutName splits a placeholder's body into the name and the operation on it.
// Blanks around the name are an error for Flux, and the name of a body that
// begins with one is "".
func cutName(body string) (name, operation string) {
	end := 0
	for end < len(body) && nameByte(body[end], end) {
		end++
	}
	return body[:end], body[end:]
}

// Trim returns text with the blanks around the names of its placeholders
// removed: where they are allowed at all, ${ X } and ${X} are the same.
func Trim(text string) string {
	if !Holds(text) {
		return text
	}
	return blanks.ReplaceAllString(text, "$${$1}")
}

var blanks = regexp.MustCompile(`\$\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}`)

func nameByte(b byte, at int) bool {
	letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
	return letter || at > 0 && b >= '0' && b <= '9'
}

// resolveScalar returns what a string of an object is once its placeholders
// are applied, and the names that stay. Where the string is one placeholder
// and nothing else, its value is typed as YAML would type it.
func resolveScalar(text string, values map[string]string) (any, []string) {
	if !Holds(text) {
		return text, nil
	}
	out, names := Expand(text, values)
	if out == text || !whole(text) {
		return out, names
	}
	typed, known := retype(out)
	if len(names) > 0 {
		if quoted, ok := typed.(string); ok && known {
			out = quoted
		}
		typed, known = out, true
	}
	if again, ok := typed.(string); ok && known {
		stable, left := Expand(again, values)
		known = stable == again && slices.Equal(left, names)
	}
	if !known {
		return text, Names(text)
	}
	return typed, names
}

// whole reports whether text is one placeholder and nothing else.
func whole(text string) bool {
	if !strings.HasPrefix(text, "${") {
		return false
	}
	_, rest, closed := cutBraces(text[2:])
	return closed && rest == ""
}

var (
	yamlInteger = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	yamlFloat   = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)\.[0-9]+$`)
)

// retype types a plain scalar as YAML does. It knows the forms that
// substitution really yields; for the others ok is false.
func retype(text string) (value any, ok bool) {
	text = strings.Trim(text, " ")
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nil, true
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	case "[]":
		return []any{}, true
	case "{}":
		return map[string]any{}, true
	}
	if yamlInteger.MatchString(text) || yamlFloat.MatchString(text) {
		return json.Number(strings.TrimPrefix(text, "+")), true
	}
	if text[0] == '"' || text[0] == '\'' {
		return unquote(text)
	}
	structural := strings.ContainsRune("[]{}&*!|>%@`#,?:-", rune(text[0])) && !plainStart(text)
	if structural || strings.ContainsAny(text, "\n\r") || strings.Contains(text, ": ") ||
		strings.Contains(text, " #") || strings.HasSuffix(text, ":") {
		return nil, false
	}
	return text, true
}

// plainStart reports whether a scalar that begins with one of "-?:" is plain:
// it is when the next byte is no space.
func plainStart(text string) bool {
	return strings.ContainsRune("-?:", rune(text[0])) && len(text) > 1 && text[1] != ' '
}

// unquote reads a quoted scalar.
func unquote(text string) (any, bool) {
	quote := text[0]
	if len(text) < 2 || text[len(text)-1] != quote {
		return nil, false
	}
	inner := text[1 : len(text)-1]
	if quote == '"' {
		plain, err := strconv.Unquote(text)
		return plain, err == nil
	}
	plain := strings.ReplaceAll(inner, "''", "\x00")
	if strings.Contains(plain, "'") {
		return nil, false
	}
	return strings.ReplaceAll(plain, "\x00", "'"), true
}
