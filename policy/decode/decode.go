package decode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// Decoder reads one document and collects every mistake, each with its line.
// It is not safe for concurrent use.
type Decoder struct {
	file     string
	lines    []render.Position
	mistakes []render.Problem
}

// New makes a decoder for a document; file is its name for people.
func New(document render.Document, file string) *Decoder {
	return &Decoder{file: file, lines: document.Positions}
}

// Mistakes are all that were found so far, sorted by line.
func (d *Decoder) Mistakes() []render.Problem {
	slices.SortStableFunc(d.mistakes, func(a, b render.Problem) int { return a.Source.Line - b.Source.Line })
	return d.mistakes
}

// Fields maps the keys that a mapping may have to what reads their value.
type Fields map[string]func(render.Path, any)

// Object reads a mapping strictly: an unknown key is a mistake that names the
// keys there are.
func (d *Decoder) Object(path render.Path, value any, known Fields) {
	if value == nil {
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		d.Mistake(path, "must be a mapping, not "+TypeName(value), "")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := Child(path, key)
		read, ok := known[key]
		if !ok {
			d.Mistake(
				at,
				"is not a known key",
				"the keys here are "+strings.Join(slices.Sorted(maps.Keys(known)), ", "),
			)
			continue
		}
		read(at, object[key])
	}
}

// Str reads a string, one of allowed where any are given.
func (d *Decoder) Str(into *string, allowed ...string) func(render.Path, any) {
	return func(path render.Path, value any) {
		text, ok := value.(string)
		switch {
		case !ok || text == "":
			d.Mistake(path, "must be a string, not "+TypeName(value), "")
		case len(allowed) > 0 && !slices.Contains(allowed, text):
			d.Mistake(path, "is "+strconv.Quote(text)+", which is none of "+strings.Join(allowed, ", "), "")
		default:
			*into = text
		}
	}
}

// Strs reads a list of strings; check, where given, says what is wrong with
// one of them.
func (d *Decoder) Strs(into *[]string, check func(string) string) func(render.Path, any) {
	return func(path render.Path, value any) {
		list, ok := value.([]any)
		if !ok {
			d.Mistake(path, "must be a list of strings, not "+TypeName(value), "")
			return
		}
		texts := make([]string, 0, len(list))
		for i, element := range list {
			text, ok := element.(string)
			at := Child(path, i)
			if !ok || text == "" {
				d.Mistake(at, "must be a string, not "+TypeName(element), "")
				continue
			}
			if check != nil {
				if wrong := check(text); wrong != "" {
					d.Mistake(at, "is "+strconv.Quote(text)+", "+wrong, "")
					continue
				}
			}
			texts = append(texts, text)
		}
		*into = texts
	}
}

// Number reads a whole number of at least least.
func (d *Decoder) Number(path render.Path, value any, least int) (int, bool) {
	text, ok := value.(json.Number)
	if !ok {
		d.Mistake(path, "must be a whole number, not "+TypeName(value), "")
		return 0, false
	}
	n, err := strconv.Atoi(text.String())
	if err != nil || n < least {
		d.Mistake(path, fmt.Sprintf("is %s, but must be a whole number of at least %d", text, least), "")
		return 0, false
	}
	return n, true
}

// Limit reads a whole number that may be left out.
func (d *Decoder) Limit(into **int) func(render.Path, any) {
	return func(path render.Path, value any) {
		if n, ok := d.Number(path, value, 0); ok {
			*into = &n
		}
	}
}

// Flag reads true or false.
func (d *Decoder) Flag(into *bool) func(render.Path, any) {
	return func(path render.Path, value any) {
		b, ok := value.(bool)
		if !ok {
			d.Mistake(path, "must be true or false, not "+TypeName(value), "")
			return
		}
		*into = b
	}
}

// Mistake records that what stands at a path is wrong; what continues the
// sentence that the path begins.
func (d *Decoder) Mistake(path render.Path, what, remedy string) {
	where := path.String()
	if where == "" {
		where = "the file"
	}
	d.mistakes = append(d.mistakes, render.Problem{
		Cause: render.CauseSyntax, Message: where + " " + what, Remedy: remedy,
		Source: render.Source{File: d.file, Line: d.line(path)},
	})
}

// line is that of the path itself, else of its nearest ancestor.
func (d *Decoder) line(path render.Path) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		at := sort.Search(len(d.lines), func(i int) bool { return d.lines[i].Path.Compare(path) >= 0 })
		if at < len(d.lines) && d.lines[at].Path.Compare(path) == 0 {
			return d.lines[at].Source.Line
		}
	}
	return 1
}

// Child is a path with one more step.
func Child(path render.Path, step any) render.Path {
	return append(slices.Clip(path), step)
}

// TypeName says in words what a value is.
func TypeName(value any) string {
	switch value := value.(type) {
	case nil:
		return "empty"
	case string:
		if value == "" {
			return "an empty string"
		}
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "a mapping"
}
