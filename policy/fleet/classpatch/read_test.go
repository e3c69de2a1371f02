package classpatch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

func TestPointer(t *testing.T) {
	object := map[string]any{"list": []any{map[string]any{"a": 1}}, "map": map[string]any{"0": "x"}}
	for text, want := range map[string]render.Path{
		"/list/0/a":   {"list", 0, "a"},
		"/list/-":     {"list", "-"},
		"/map/0":      {"map", "0"},
		"/new/0":      {"new", 0},
		"/a~1b/c~0d":  {"a/b", "c~d"},
		"/list/-1":    {"list", "-1"},
		"/list/9/x/1": {"list", 9, "x", 1},
	} {
		if got, ok := Pointer(text, object); !ok || !cmp.Equal(got, want) {
			t.Errorf("Pointer(%q) = %v, %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{strings.Repeat("/x", maxTokens+1), "/" + strings.Repeat("x", maxLength)} {
		if path, ok := Pointer(text, object); ok {
			t.Errorf("a pointer of %d bytes became a path of %d steps", len(text), len(path))
		}
	}
}
