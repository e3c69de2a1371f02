package scope

import (
	"errors"
	"testing"
)

func TestFlags(t *testing.T) {
	s, err := New(Globs{Include: []string{"in/**", "one"}, Protect: []string{"ci/**"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"in/a/b": "G", "one/deep/x": "G", "out/x": "", "README.md": "I", "in/README.md": "GI", "docs/x.yaml": "I",
		"in/docs/x.yaml": "G", "LICENSE": "I", "in/LICENSE-MIT": "GI", "in/a.svg": "GI",
		".github/workflows/x.yaml": "P", ".GitHub/x": "P", "CODEOWNERS": "P", "docs/CODEOWNERS": "PI", "x/CODEOWNERS": "",
		".countersign.yaml": "P", ".countersign/waivers/w.yaml": "P", "in/.countersign.yaml": "G",
		"in/.sourceignore": "GP", "out/.argocd-source-app.yaml": "P", "a/.krmignore": "P", ".helmignore": "P", "ci/run": "P",
	} {
		got := ""
		if s.Governed(name) {
			got += "G"
		}
		if s.Protected(name) {
			got += "P"
		}
		if s.Ignored(name) {
			got += "I"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestJudged(t *testing.T) {
	s, err := New(Globs{Include: []string{"in/**"}, Exclude: []string{"in/b/**"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"in": true, "in/a": true, "in/b": false, "in/b/c": false, "out": false, "": false,
	} {
		if s.Judged(name) != want {
			t.Errorf("%q: judged %v", name, !want)
		}
	}
	if !s.Governed("in/b/x.yaml") {
		t.Error("what is excluded is no longer governed")
	}
	zero := &Scope{}
	if !zero.Judged("") || !zero.Governed("a/b") || zero.Ignored("README.md") || !zero.Protected(".github/x") {
		t.Error("the zero Scope does not govern everything")
	}
}

func TestUnmatched(t *testing.T) {
	s, err := New(Globs{Include: []string{"a/*", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unmatched([]string{"a/x"}, []string{"b"}); err != nil {
		t.Error(err)
	}
	var wrong *PatternError
	if err := s.Unmatched([]string{"a/x"}, nil); !errors.As(err, &wrong) || wrong.Pattern != "b" {
		t.Error(err)
	}
}
