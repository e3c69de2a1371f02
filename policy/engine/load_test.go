package engine

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/countersign-dev/countersign/render"
)

func TestWhatDoesNotLoad(t *testing.T) {
	finding := func(condition string) string {
		return `findings contains {"path": [], "message": "m"} if ` + condition
	}
	tests := map[string]struct {
		draft draft
		want  string // file, line and what is wrong
	}{
		"typo in the input": {
			draft{body: finding(`input.resorce.kind == "x"`)},
			"abc/one/rule.rego:17: rego_type_error: undefined ref: input.resorce",
		},
		"typo below": {
			draft{body: finding(`input.resource.nmae == "x"`)},
			"abc/one/rule.rego:17: rego_type_error: undefined ref: input.resource.nmae",
		},
		"typo in a list": {
			draft{body: finding(`count([l | some l in input.links; l.rule == "x"]) > 0`)},
			"undefined ref",
		},
		"typo in a cluster": {
			draft{body: finding(`input.clusters[_].enviroment == "production"`)},
			"undefined ref: input.clusters[_].enviroment",
		},
		"another scope's input": {
			draft{body: finding(`input.change.action == "delete"`)},
			"undefined ref: input.change",
		},
		"unknown parameter": {draft{body: finding(`input.params["CS-ABC-001"].n > 1`)}, "undefined ref"},
		"parameter of no rule": {
			draft{body: finding(`input.params["CS-ABC-002"].n > 1`), extra: "#   params: {n: 1}\n"},
			"undefined ref",
		},
		"parameter's type": {
			draft{body: finding(`startswith(input.params["CS-ABC-001"].n, "x")`), extra: "#   params: {n: 1}\n"},
			"invalid argument",
		},
		"parameter without type": {draft{body: speaks, extra: "#   params: {n: null}\n"}, "custom.params.n"},
		"undefined data": {
			draft{body: finding(`data.countersign.rules.abc.one.nothing == 1`)},
			"rule.rego:17: data.countersign.rules.abc.one.nothing is not defined",
		},
		"undefined library": {
			draft{body: finding(`data.countersign.lib.values.set(input)`)},
			"undefined function data.countersign.lib.values.set",
		},
		"undefined library data": {draft{body: finding(`data.countersign.lib.value.nothing`)}, "is not defined"},
		"data of nobody":         {draft{body: finding(`data.secrets.x`)}, "sees its own package"},
		"no set":                 {draft{body: `finding contains 1`}, `defines the set "findings"`},
		"the wrong set":          {draft{body: speaks, kind: "harmless", scope: "change"}, `defines the set "reasons"`},
		"a rule, not a set":      {draft{body: `findings := {1}`}, "rule.rego:17: write findings contains"},
		"a set of sets": {
			draft{body: `findings[x] contains 1 if some x in [1]`}, `defines the set "findings"`,
		},
		"another package": {
			draft{slug: "abc/one", body: "", extra: "package countersign.rules.abc.two\n"},
			"rego_parse_error",
		},
		"unused variable":        {draft{body: "f(x) := 1\n" + speaks}, "unused"},
		"bad id":                 {draft{id: "ABC-1", body: speaks}, "custom.id"},
		"bad kind":               {draft{kind: "guess", body: speaks}, "custom.kind"},
		"privilege of an object": {draft{kind: "privilege", body: "reasons contains 1"}, "has scope change"},
		"unknown custom key": {
			draft{body: speaks, extra: "#   remedy: x\n"},
			"abc/one/rule.rego:15: custom: unknown field \"remedy\"",
		},
		"kinds as a string":  {draft{body: speaks, extra: "#   kinds: core/Secret\n"}, "custom"},
		"kind without group": {draft{body: speaks, extra: "#   kinds: [Secret]\n"}, "must be group/Kind"},
		"fleet with kinds": {
			draft{scope: "fleet", body: `findings contains 1`, extra: "#   kinds: [core/Secret]\n"},
			"a fleet rule has no kinds",
		},
		"waivable reason": {
			draft{kind: "harmless", scope: "change", body: "reasons contains 1", extra: "#   waivable: true\n"},
			"only findings can be waivable",
		},
		"a key twice": {draft{body: speaks, extra: "#   since: 0.2.0\n"}, "rego_parse_error"},
		"a block at a rule": {
			draft{body: "# METADATA\n# schemas:\n#   - input: schema.change\n" + speaks},
			"rule.rego:17: a second METADATA block",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(files(t, test.draft))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestMetadataMustBeComplete(t *testing.T) {
	good := draft{body: speaks}.text()
	for _, key := range []string{"title", "description", "schemas", "id", "kind", "scope", "severity", "guideline",
		"remediation", "since"} {
		t.Run(key, func(t *testing.T) {
			var kept []string
			for line := range strings.Lines(good) {
				field := strings.TrimSpace(strings.TrimPrefix(line, "#"))
				if key == "schemas" && strings.HasPrefix(field, "- input:") {
					continue
				}
				if strings.HasPrefix(field, key+":") && (key != "scope" || strings.HasPrefix(line, "#  ")) {
					continue
				}
				kept = append(kept, line)
			}
			fsys := files(t)
			fsys["abc/one/rule.rego"] = &fstest.MapFile{Data: []byte(strings.Join(kept, ""))}
			if _, err := New(fsys); err == nil || !strings.Contains(err.Error(), "abc/one/rule.rego:1: ") {
				t.Errorf("without %s: got %v", key, err)
			}
		})
	}
	for name, text := range map[string]string{
		"unknown key":       strings.Replace(good, "# custom:", "# remediaton: x\n# custom:", 1),
		"no metadata":       good[strings.Index(good, "package"):],
		"no package scope":  strings.Replace(good, "# scope: package\n", "# scope: subpackages\n", 1),
		"another package":   strings.Replace(good, "rules.abc.one", "rules.abc.two", 1),
		"authors":           strings.Replace(good, "# custom:", "# authors: [a]\n# custom:", 1),
		"looser schema":     strings.Replace(good, "schema.object", "schema.change", 1),
		"schema of a field": strings.Replace(good, "- input:", "- input.resource:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			fsys := files(t)
			fsys["abc/one/rule.rego"] = &fstest.MapFile{Data: []byte(text)}
			if _, err := New(fsys); err == nil || !strings.Contains(err.Error(), "abc/one/rule.rego:") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIDsAreUnique(t *testing.T) {
	_, err := New(files(t, draft{body: speaks}, draft{slug: "abc/two", body: speaks}))
	want := "abc/two/rule.rego:1: id CS-ABC-001 is taken by abc/one/rule.rego"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestNoRulesDoNotLoad(t *testing.T) {
	for name, fsys := range map[string]fs.FS{"empty": fstest.MapFS{}, "library alone": files(t)} {
		if _, err := New(fsys); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

// TestLibraryIsTyped makes sure that a typo in the library does not load either.
func TestLibraryIsTyped(t *testing.T) {
	for body, want := range map[string]string{
		"name := input.resource.name":               "",
		"name := input.change.name":                 "",
		"name := input.resource.nmae":               "undefined ref",
		"name := input.resorce":                     "undefined ref",
		"names := [c.name | some c in input.links]": "",
	} {
		fsys := files(t, draft{body: speaks})
		text := "# METADATA\n# title: x\npackage countersign.lib.x\n\n" + body + "\n"
		fsys["lib/x.rego"] = &fstest.MapFile{Data: []byte(text)}
		_, err := New(fsys)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	for name, text := range map[string]string{
		"no metadata":     "package countersign.lib.x\nname := input.x\n",
		"another package": "# METADATA\n# title: x\npackage countersign.rules.x\nname := 1\n",
		"schema at a rule": "# METADATA\n# title: x\npackage countersign.lib.x\n\n" +
			"# METADATA\n# schemas:\n#   - input: {type: object}\nname := input.x\n",
	} {
		fsys := files(t, draft{body: speaks})
		fsys["lib/x.rego"] = &fstest.MapFile{Data: []byte(text)}
		if _, err := New(fsys); err == nil || !strings.Contains(err.Error(), "lib/x.rego:") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestScopesSeeTheLibrary: each scope is compiled with what it uses of the
// library, by whatever way it names it; what is left out would be undefined.
func TestScopesSeeTheLibrary(t *testing.T) {
	hit := func(call string) string {
		return `findings contains {"path": [], "message": "m"} if ` + call
	}
	e := load(t,
		draft{body: "import data.countersign.lib.value as v\n" + hit(`v.set("x")`)},
		draft{slug: "abc/two", id: "CS-ABC-002", body: "import data.countersign.lib\n" + hit(`lib.value.set("x")`)},
		draft{slug: "abc/three", id: "CS-ABC-003", scope: "change", body: "import data.countersign as c\n" +
			hit(`c.lib.value.set("x")`)},
		draft{slug: "abc/four", id: "CS-ABC-004", scope: "fleet", body: `findings contains {"path": [],
			"message": "m", "object": {"group": "", "kind": "", "namespace": "", "name": "", "destination": ""}} if {
			data.countersign.lib.value.set("x")
		}`})
	report := judge(t, e, object("a", nil))
	change := Change{Change: &render.Change{Action: render.ActionCreate, After: object("a", nil).Resource}}
	changes, err := e.Changes(t.Context(), []Change{change}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := e.Fleet(t.Context(), Fleet{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Hits) != 2 || len(changes[0].Findings) != 1 || len(fleet.Hits) != 1 {
		t.Errorf("got %+v\n%+v\n%+v", report, changes, fleet)
	}
}

// TestSchemasReachNoNetwork: a schema that names a URL is refused, not fetched.
func TestSchemasReachNoNetwork(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer server.Close()
	fsys := files(t, draft{body: speaks})
	schema := fsys["schemas/object.json"]
	text := strings.Replace(string(schema.Data), `"$ref": "#/definitions/link"`, `"$ref": "`+server.URL+`/link"`, 1)
	if text == string(schema.Data) {
		t.Fatal("nothing replaced")
	}
	fsys["schemas/object.json"] = &fstest.MapFile{Data: []byte(text)}
	if _, err := New(fsys); err == nil {
		t.Error("loaded")
	}
	if len(asked) > 0 {
		t.Errorf("asked the network for %s", <-asked)
	}
}

func TestRulesAreSortedAndFound(t *testing.T) {
	e := load(t, draft{slug: "abc/one", id: "CS-ABC-002", body: speaks},
		draft{slug: "abc/two", id: "CS-ABC-001", body: speaks})
	rules := e.Rules()
	if len(rules) != 2 || rules[0].ID != "CS-ABC-001" || rules[1].Slug != "abc/one" {
		t.Errorf("got %v", rules)
	}
	want := Rule{ID: "CS-ABC-002", Slug: "abc/one", Title: "A title", Kind: KindFinding, Scope: ScopeObject,
		Severity: High,
		Effect:   Block, Guideline: "section/anchor", Description: "A description", Remediation: "mend it",
		Since:    "0.1.0",
		Waivable: true}
	got, ok := e.Rule("CS-ABC-002")
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	if _, ok := e.Rule("CS-ABC-003"); ok {
		t.Error("found what is not there")
	}
}

// TestEffects: a finding's effect follows its severity unless it says so.
func TestEffects(t *testing.T) {
	for severity, want := range map[string]Effect{"critical": Block, "high": Block, "medium": Warn, "low": Info} {
		fsys := files(t, draft{body: speaks})
		text := strings.Replace(string(fsys["abc/one/rule.rego"].Data), "severity: high", "severity: "+severity, 1)
		fsys["abc/one/rule.rego"] = &fstest.MapFile{Data: []byte(text)}
		e, err := New(fsys)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Rules()[0].Effect; got != want {
			t.Errorf("%s: %s", severity, got)
		}
	}
	e := load(t, draft{body: speaks, extra: "#   effect: info\n#   waivable: false\n"},
		draft{slug: "abc/two", id: "CS-ABC-002", kind: "privilege", scope: "change",
			body: `reasons contains {"message": "m"}`})
	if first, second := e.Rules()[0], e.Rules()[1]; first.Effect != Info || first.Waivable || second.Effect != "" ||
		second.Waivable {
		t.Errorf("got %+v %+v", first, second)
	}
}

// TestRefusedBuiltinsDoNotLoad calls each of them.
func TestRefusedBuiltinsDoNotLoad(t *testing.T) {
	names, err := os.ReadFile("ruleset/testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	arity := map[string]int{}
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		arity[builtin.Name] = builtin.Decl.Arity()
	}
	for _, name := range strings.Fields(string(names)) {
		t.Run(name, func(t *testing.T) {
			args := strings.TrimSuffix(strings.Repeat(`"x", `, arity[name]), ", ")
			_, err := New(files(t, draft{body: "x := " + name + "(" + args + ")\n" + speaks}))
			if err == nil || !strings.Contains(err.Error(), "undefined function "+name) {
				t.Errorf("got %v", err)
			}
		})
	}
}
