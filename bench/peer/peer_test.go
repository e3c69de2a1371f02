package peer_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/bench/peer"
)

// beyond are rules whose good examples conftest cannot tell from bad ones: it
// sees one object, and no more of it than is written.
var beyond = map[string]string{
	"CS-AUD-003": "a policy may lie in the machine image",
	"CS-CP-008":  "the roles of providers are known by name",
	"CS-IMM-009": "hosts and images that a configuration allows",
	"CS-ISO-006": "a Secret with nothing but public certificates",
	"CS-ISO-007": "endpoints that somebody else makes",
	"CS-SSH-007": "the key of the cluster that a machine belongs to",
}

func prepared(t *testing.T) rego.PreparedEvalQuery {
	t.Helper()
	options := []func(*rego.Rego){rego.Query("data.main.deny")}
	err := fs.WalkDir(peer.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := peer.FS.ReadFile(path)
		options = append(options, rego.Module(path, string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	query, err := rego.New(options...).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// denials counts what the policies say of the objects in a folder, by rule.
func denials(t *testing.T, query rego.PreparedEvalQuery, dir string) map[string]int {
	t.Helper()
	found := map[string]int{}
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no examples in %s: %v", dir, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := yaml.NewDecoder(strings.NewReader(string(text))); ; {
			var object any
			if decoder.Decode(&object) != nil {
				break
			}
			results, err := query.Eval(t.Context(), rego.EvalInput(object))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, message := range results[0].Expressions[0].Value.([]any) {
				id, _, _ := strings.Cut(message.(string), " ")
				found[id]++
			}
		}
	}
	return found
}

// The comparison is fair when the policies find what the rules find: each
// speaks on the bad examples of its rule and is silent on the good ones.
func TestPoliciesFollowTheRules(t *testing.T) {
	query := prepared(t)
	ported := 0
	rules, err := filepath.Glob("../../rego/*/*/rule.rego")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		text, err := os.ReadFile(rule)
		if err != nil {
			t.Fatal(err)
		}
		id := regexp.MustCompile(`CS-[A-Z]+-[0-9]+`).FindString(string(text[strings.Index(string(text), "#   id:"):]))
		file := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(id, "CS-"), "-", "_")) + ".rego"
		if _, err := fs.Stat(peer.FS, file); err != nil {
			continue
		}
		ported++
		if denials(t, query, filepath.Join(filepath.Dir(rule), "bad"))[id] == 0 {
			t.Errorf("%s: silent on all bad examples", id)
		}
		if n := denials(t, query, filepath.Join(filepath.Dir(rule), "good"))[id]; n > 0 && beyond[id] == "" {
			t.Errorf("%s: speaks %d times on good examples", id, n)
		}
	}
	if ported != 20 {
		t.Errorf("%d rules are ported, want 20", ported)
	}
}
