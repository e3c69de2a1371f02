package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// decoder reads a document field by field and collects every mistake, each
// with its line, so that one run shows them all.
type decoder struct {
	file     string
	lines    []render.Position
	mistakes []render.Problem
}

// fields maps the keys that a mapping may have to what reads their value.
type fields map[string]func(render.Path, any)

// object reads a mapping strictly: an unknown key is a mistake that names the
// keys there are.
func (d *decoder) object(path render.Path, value any, known fields) {
	if value == nil {
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		d.mistake(path, "must be a mapping, not "+typeName(value), "")
		return
	}
	for _, key := range sortedKeys(object) {
		at := child(path, key)
		read, ok := known[key]
		if !ok {
			d.mistake(at, "is not a known key", "the keys here are "+strings.Join(sortedKeys(known), ", "))
			continue
		}
		read(at, object[key])
	}
}

// str reads a string, one of allowed where any are given.
func (d *decoder) str(into *string, allowed ...string) func(render.Path, any) {
	return func(path render.Path, value any) {
		text, ok := value.(string)
		switch {
		case !ok || text == "":
			d.mistake(path, "must be a string, not "+typeName(value), "")
		case len(allowed) > 0 && !slices.Contains(allowed, text):
			d.mistake(path, "is "+strconv.Quote(text)+", which is none of "+strings.Join(allowed, ", "), "")
		default:
			*into = text
		}
	}
}

// strs reads a list of strings; check, where given, says what is wrong with
// one of them.
func (d *decoder) strs(into *[]string, check func(string) string) func(render.Path, any) {
	return func(path render.Path, value any) {
		list, ok := value.([]any)
		if !ok {
			d.mistake(path, "must be a list of strings, not "+typeName(value), "")
			return
		}
		texts := make([]string, 0, len(list))
		for i, element := range list {
			text, ok := element.(string)
			at := child(path, i)
			if !ok || text == "" {
				d.mistake(at, "must be a string, not "+typeName(element), "")
				continue
			}
			if check != nil {
				if wrong := check(text); wrong != "" {
					d.mistake(at, "is "+strconv.Quote(text)+", "+wrong, "")
					continue
				}
			}
			texts = append(texts, text)
		}
		*into = texts
	}
}

// number reads a whole number of at least least.
func (d *decoder) number(path render.Path, value any, least int) (int, bool) {
	text, ok := value.(json.Number)
	if !ok {
		d.mistake(path, "must be a whole number, not "+typeName(value), "")
		return 0, false
	}
	n, err := strconv.Atoi(text.String())
	if err != nil || n < least {
		d.mistake(path, fmt.Sprintf("is %s, but must be a whole number of at least %d", text, least), "")
		return 0, false
	}
	return n, true
}

func (d *decoder) limit(into **int) func(render.Path, any) {
	return func(path render.Path, value any) {
		if n, ok := d.number(path, value, 0); ok {
			*into = &n
		}
	}
}

func (d *decoder) flag(into *bool) func(render.Path, any) {
	return func(path render.Path, value any) {
		b, ok := value.(bool)
		if !ok {
			d.mistake(path, "must be true or false, not "+typeName(value), "")
			return
		}
		*into = b
	}
}

func (d *decoder) mistake(path render.Path, what, remedy string) {
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
func (d *decoder) line(path render.Path) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		at := sort.Search(len(d.lines), func(i int) bool { return d.lines[i].Path.Compare(path) >= 0 })
		if at < len(d.lines) && d.lines[at].Path.Compare(path) == 0 {
			return d.lines[at].Source.Line
		}
	}
	return 1
}

func child(path render.Path, step any) render.Path {
	return append(slices.Clip(path), step)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func typeName(value any) string {
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
