package child

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

// misplaced returns the positions whose line holds neither the field's key nor
// its value.
func misplaced(t *testing.T, repo string, resources []render.Resource) []string {
	t.Helper()
	files := map[string][]string{}
	var wrong []string
	for _, r := range resources {
		if strings.HasPrefix(strings.ToLower(filepath.Base(r.Source.File)), "kustomization") {
			continue // a generator's entry stands for all that it makes
		}
		for _, p := range r.Positions {
			if _, ok := files[p.Source.File]; !ok {
				content, err := os.ReadFile(filepath.Join(repo, p.Source.File))
				if err != nil {
					t.Fatal(err)
				}
				files[p.Source.File] = strings.Split(string(content), "\n")
			}
			lines := files[p.Source.File]
			if p.Source.Line < 1 || p.Source.Line > len(lines) {
				wrong = append(wrong, fmt.Sprintf("%v %v: %s:%d does not exist", r.Identity, p.Path, p.Source.File, p.Source.Line))
				continue
			}
			line := lines[p.Source.Line-1]
			value, _ := render.Lookup(r.Object, p.Path)
			if !holds(line, p.Path, value) {
				wrong = append(wrong, fmt.Sprintf("%v %v = %v: %s:%d: %s", r.Identity, p.Path, value, p.Source.File, p.Source.Line, line))
			}
		}
	}
	return wrong
}

func holds(line string, at render.Path, value any) bool {
	if strings.Contains(line, "value:") {
		return true // of an operation
	}
	for _, step := range at[max(0, len(at)-2):] {
		if key, ok := step.(string); ok && strings.Contains(line, key) {
			return true
		}
	}
	_, element := at[len(at)-1].(int)
	if trimmed := strings.TrimSpace(line); element && (strings.HasPrefix(trimmed, "- |") || strings.HasPrefix(trimmed, "- >")) {
		return true
	}
	switch value := value.(type) {
	case string:
		first, _, _ := strings.Cut(strings.TrimSpace(value), "\n")
		return strings.Contains(line, first[:min(len(first), 15)]) || strings.HasPrefix(value, "masked:")
	case []any:
		return strings.Contains(line, "-")
	case map[string]any:
		for key := range value {
			if strings.Contains(line, key) {
				return true
			}
		}
	case json.Number:
		return strings.Contains(line, value.String())
	}
	return false
}
