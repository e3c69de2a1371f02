package glob

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern  string
		yes, not []string
	}{
		{"clusters/**", []string{"clusters", "clusters/eu-1", "clusters/a/b/c"}, []string{"", "cluster", "my/clusters/eu"}},
		{"clusters/*", []string{"clusters/eu-1", "clusters/.hidden"}, []string{"clusters", "clusters/a/b"}},
		{"**", []string{"", "a", "a/b"}, nil},
		{".", []string{""}, []string{"a", "."}},
		{"**/*.md", []string{"README.md", "a/b/x.md"}, []string{"README.mdx", "a.md/b"}},
		{"a/**/z", []string{"a/z", "a/b/z", "a/b/c/z"}, []string{"a", "z", "a/b", "b/a/z"}},
		{"**/a/**/b/**", []string{"a/b", "x/a/y/b/z", "a/a/b/b"}, []string{"a", "b/a"}},
		{"LICENSE*", []string{"LICENSE", "LICENSE.txt"}, []string{"a/LICENSE", "MYLICENSE"}},
		{"{dev,prod}/[a-m]?", []string{"dev/a1", "prod/mü"}, []string{"test/a1", "dev/z1", "dev/a"}},
		{"a{b,c{d,e}}f{,g}", []string{"abf", "acdf", "acefg"}, []string{"acf", "a"}},
		{`a\*b/\{x\}`, []string{"a*b/{x}"}, []string{"axb/{x}"}},
		{"a**b", []string{"ab", "axxb"}, []string{"a/b"}},
		{"x y/\nz", []string{"x y/\nz"}, nil},
	} {
		pattern, err := Compile(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range test.yes {
			if !pattern.Match(name) {
				t.Errorf("%q does not match %q", test.pattern, name)
			}
		}
		for _, name := range test.not {
			if pattern.Match(name) {
				t.Errorf("%q matches %q", test.pattern, name)
			}
		}
	}
}

func TestZeroPatternMatchesNothing(t *testing.T) {
	if (Pattern{}).Match("") || (Pattern{}).Match("a") {
		t.Error("the zero pattern matches")
	}
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "is empty",
		"/a":                           "empty segment",
		"docs/":                        "empty segment",
		"a//b":                         "empty segment",
		"./a":                          "repository's top",
		"a/../b":                       "repository's top",
		"[a":                           "not closed",
		`a\`:                           "backslash",
		"{a":                           "not closed",
		"a}":                           "not open",
		strings.Repeat("{a,b,c,d}", 4): "more than 64",
	} {
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%q) = %v, want %q", text, err, want)
		}
	}
}

// Many ** against a long path that fails at its end must not explode.
func TestMatchIsNotExponential(t *testing.T) {
	pattern, err := Compile(strings.Repeat("**/a/", 40) + "b")
	if err != nil {
		t.Fatal(err)
	}
	if pattern.Match(strings.Repeat("a/", 2000) + "c") {
		t.Error("matches")
	}
}

// The same language, written as a regular expression.
func TestMatchAgreesWithRegexp(t *testing.T) {
	segment := rapid.SampledFrom([]string{"**", "*", "a", "b", "a*", "?b", "[ab]", "[^a]"})
	name := rapid.SampledFrom([]string{"a", "b", "ab", "abc", "."})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(t, "pattern"), "/")
		path := strings.Join(rapid.SliceOfN(name, 0, 6).Draw(t, "path"), "/")
		pattern, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := pattern.Match(path), oracle(text).MatchString(closed(path)); got != want {
			t.Fatalf("%q on %q: %v, want %v", text, path, got, want)
		}
	})
}

// oracle turns a pattern into an expression over paths with a slash after
// each segment.
func oracle(text string) *regexp.Regexp {
	var b strings.Builder
	for _, segment := range strings.Split(text, "/") {
		if segment == "**" {
			b.WriteString("([^/]+/)*")
			continue
		}
		b.WriteString(strings.NewReplacer("*", "[^/]*", "?", "[^/]", "[^a]", "[^a/]").Replace(segment) + "/")
	}
	return regexp.MustCompile("^" + b.String() + "$")
}

func closed(path string) string {
	if path == "" {
		return ""
	}
	return path + "/"
}

func FuzzMatch(f *testing.F) {
	f.Add("clusters/**", "clusters/eu-1")
	f.Add("{a,[b-}]}/\\*", "a/*")
	f.Add("**/**/**", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		pattern, err := Compile(text)
		if err != nil {
			return
		}
		pattern.Match(name)
		literal := text != "." && !strings.ContainsAny(text, `*?[{}\`)
		if literal && !pattern.Match(text) {
			t.Errorf("%q does not match itself", text)
		}
	})
}
