package fleet

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render"
)

// TestCorpus reads every manifest that parses as a root of its own and asks
// all questions of it: nothing may panic, and every link must name something.
func TestCorpus(t *testing.T) {
	top := os.Getenv("COUNTERSIGN_CORPUS")
	if top == "" {
		t.Skip("COUNTERSIGN_CORPUS names no folder with real manifests")
	}
	roots, objects, links, missing, writes := 0, 0, 0, map[string]int{}, 0
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		docs, err := documents(string(raw))
		if err != nil || len(docs) == 0 {
			return nil // not YAML before it is substituted
		}
		b := buildOf(path, docs)
		ix := New([]render.Build{b}, noConfig)
		roots++
		for i := range b.Resources {
			res := &b.Resources[i]
			out := ix.Object(res, b.Root)
			objects++
			writes += len(out.ClassWrites)
			for _, l := range out.Links {
				links++
				if l.Target.Name == "" || l.Target.Kind == "" || l.Role == "" {
					t.Errorf("%s: %s has an empty link %+v", path, identityText(res.Identity), l)
				}
				if l.Found == FoundMissing {
					missing[l.Role]++
				}
			}
			ix.Change(&render.Change{Action: render.ActionUpdate, Before: res, After: res, Destination: path}, ix)
		}
		ix.Fleet(New(nil, noConfig), Question{})
		FactsDigest(b)
		Needs(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d objects, %d links, missing by role %v, %d class writes", roots, objects, links, missing, writes)
}
