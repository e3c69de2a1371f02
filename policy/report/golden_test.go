package report

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// forms are the formats of a report, by the name that its golden files end in.
func forms(t *testing.T, r Report) map[string]string {
	t.Helper()
	asJSON, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	asSARIF, err := r.SARIF()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"md": r.Markdown(), "txt": r.Text(false), "json": string(asJSON), "sarif": string(asSARIF)}
}

// What people and programs read is kept byte for byte: a change of words is
// seen in review. Those that are made to be large are kept as Markdown only.
func TestGolden(t *testing.T) {
	reports := fixtures()
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		for form, got := range forms(t, reports[name]) {
			if name == "huge" || name == "hostile" && form != "md" && form != "txt" {
				continue
			}
			file := filepath.Join("testdata", name+"."+form+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run go test ./policy/report -update and read what it writes", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-kept +now); if it is meant, run with -update:\n%s", file, diff)
			}
		}
	}
}
