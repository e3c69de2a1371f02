package glob

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// maxChoices bounds what the braces of one pattern may stand for.
const maxChoices = 64

// Pattern is a compiled pattern. The zero Pattern matches nothing.
type Pattern struct {
	text    string
	choices [][]string // each one choice of the braces, split into segments
}

// Compile reads a pattern. The error says in one sentence what is wrong.
func Compile(text string) (Pattern, error) {
	expanded, err := expand(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	pattern := Pattern{text: text}
	for _, choice := range expanded {
		segments, err := split(choice)
		if err != nil {
			return Pattern{}, fmt.Errorf("pattern %q: %w", text, err)
		}
		pattern.choices = append(pattern.choices, segments)
	}
	return pattern, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Match reports whether the pattern matches the whole path. The top of the
// repository is "".
func (p Pattern) Match(name string) bool {
	var segments []string
	if name != "" {
		segments = strings.Split(name, "/")
	}
	for _, choice := range p.choices {
		if matchSegments(choice, segments) {
			return true
		}
	}
	return false
}

// split cuts a pattern without braces into segments that path.Match takes.
func split(text string) ([]string, error) {
	switch text {
	case "":
		return nil, errors.New("is empty; write ** for everything")
	case ".":
		return nil, nil
	}
	segments := strings.Split(text, "/")
	for _, segment := range segments {
		switch segment {
		case "":
			return nil, errors.New("has an empty segment; write folder/** for all below a folder, " +
				"without a leading slash")
		case ".", "..":
			return nil, fmt.Errorf("has the segment %q; paths begin at the repository's top", segment)
		}
		if _, err := path.Match(segment, ""); err != nil {
			return nil, fmt.Errorf("segment %q is not closed or ends in a backslash", segment)
		}
	}
	return segments, nil
}

// matchSegments keeps the set of pattern positions that the path read so far
// can have reached, so that many ** cost no more than one.
func matchSegments(pattern, name []string) bool {
	reached := make([]bool, len(pattern)+1)
	reached[0] = true
	skipStars(pattern, reached)
	for _, segment := range name {
		next := make([]bool, len(pattern)+1)
		for i, here := range reached[:len(pattern)] {
			switch {
			case !here:
			case pattern[i] == "**":
				next[i] = true
			case matchSegment(pattern[i], segment):
				next[i+1] = true
			}
		}
		skipStars(pattern, next)
		reached = next
	}
	return reached[len(pattern)]
}

// skipStars lets each ** that was reached stand for no segment at all.
func skipStars(pattern []string, reached []bool) {
	for i, segment := range pattern {
		if reached[i] && segment == "**" {
			reached[i+1] = true
		}
	}
}

func matchSegment(pattern, segment string) bool {
	matched, err := path.Match(pattern, segment)
	return err == nil && matched // split has refused what path.Match refuses
}

// expand resolves braces: "a{b,c{d,e}}" is "ab", "acd", "ace".
func expand(text string) ([]string, error) {
	open := indexUnescaped(text, "{")
	if open < 0 {
		if indexUnescaped(text, "}") >= 0 {
			return nil, errors.New("closes a brace that is not open")
		}
		return []string{text}, nil
	}
	options, end, err := braces(text[open:])
	if err != nil {
		return nil, err
	}
	var all []string
	for _, option := range options {
		rest, err := expand(text[:open] + option + text[open+end:])
		if err != nil {
			return nil, err
		}
		if all = append(all, rest...); len(all) > maxChoices {
			return nil, fmt.Errorf("stands for more than %d patterns", maxChoices)
		}
	}
	return all, nil
}

// braces reads the choice that text begins with, and where it ends.
func braces(text string) (options []string, end int, err error) {
	depth, start := 0, 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '{':
			depth++
		case ',':
			if depth == 1 {
				options, start = append(options, text[start:i]), i+1
			}
		case '}':
			if depth--; depth == 0 {
				return append(options, text[start:i]), i + 1, nil
			}
		}
	}
	return nil, 0, errors.New("opens a brace that is not closed")
}

func indexUnescaped(text, char string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case char[0]:
			return i
		}
	}
	return -1
}
