package manifest

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/countersign-dev/countersign/render"
)

// Confusables reports names that can be mistaken for others: letters of
// several scripts in one name, letters of a script other than Latin that look
// Latin, control characters for direction, and invisible ones. The notices
// hold the escaped form; their Source is the caller's to fill in. Matching
// stays byte for byte.
func Confusables(identity render.Identity) []render.Problem {
	var notices []render.Problem
	for _, field := range []struct{ what, text string }{
		{"group", identity.Group},
		{"kind", identity.Kind},
		{"namespace", identity.Namespace},
		{"name", identity.Name},
	} {
		if why := confusing(field.text); why != "" {
			notices = append(notices, *problem(render.CauseHostile, 0,
				fmt.Sprintf("confusable %s %s: %s", field.what, escape(field.text), why),
				"use lower-case ASCII letters, digits and dashes"))
		}
	}
	return notices
}

func confusing(text string) string {
	scripts := map[string]bool{}
	for _, r := range text {
		switch {
		case r < unicode.MaxASCII && !unicode.IsControl(r):
			if unicode.IsLetter(r) {
				scripts["Latin"] = true
			}
		case unicode.Is(unicode.Bidi_Control, r):
			return "it holds a character that changes the direction of text"
		case invisible(r):
			return "it holds an invisible character"
		case unicode.IsLetter(r) || unicode.IsMark(r):
			scripts[script(r)] = true
		default:
			scripts["other"] = true
		}
	}
	delete(scripts, "Inherited")
	switch {
	case len(scripts) > 1:
		return "it mixes letters of several scripts"
	case len(scripts) == 1 && !scripts["Latin"]:
		return "it has characters that look like others"
	case strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }):
		return "it has characters that look like others"
	}
	return ""
}

// invisible reports whether nothing is seen of a character.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.IsSpace(r) ||
		r == unicode.ReplacementChar
}

func script(r rune) string {
	for name, table := range unicode.Scripts {
		if name != "Common" && unicode.Is(table, r) {
			return name
		}
	}
	return "other"
}

// escape writes a name in ASCII, bounded.
func escape(text string) string { return shorten(fmt.Sprintf("%+q", text)) }
