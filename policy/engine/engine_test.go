package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// draft is a rule under test: METADATA lines that differ from the usual ones,
// and the rule's text.
type draft struct {
	slug, id, kind, scope string
	extra                 string // lines of custom
	body                  string
}

func (d draft) text() string {
	or := func(s, usual string) string {
		if s == "" {
			return usual
		}
		return s
	}
	scope := or(d.scope, "object")
	return fmt.Sprintf(`# METADATA
# scope: package
# title: A title
# description: A description
# schemas:
#   - input: schema.%s
# custom:
#   id: %s
#   kind: %s
#   scope: %s
#   severity: high
#   guideline: section/anchor
#   remediation: mend it
#   since: 0.1.0
%spackage countersign.rules.%s

%s
`, scope, or(d.id, "CS-ABC-001"), or(d.kind, "finding"), scope, d.extra,
		strings.ReplaceAll(or(d.slug, "abc/one"), "/", "."), d.body)
}

// files puts drafts beside the real library and schemas.
func files(t *testing.T, drafts ...draft) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, dir := range []string{"schemas/*.json", "lib/value.rego"} {
		names, err := fs.Glob(rego.FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(rego.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			fsys[name] = &fstest.MapFile{Data: text}
		}
	}
	for _, d := range drafts {
		slug := d.slug
		if slug == "" {
			slug = "abc/one"
		}
		fsys[slug+"/rule.rego"] = &fstest.MapFile{Data: []byte(d.text())}
	}
	return fsys
}

func load(t *testing.T, drafts ...draft) *Engine {
	t.Helper()
	e, err := New(files(t, drafts...))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// object returns an input for a ConfigMap with the given fields.
func object(name string, fields map[string]any) Object {
	content := map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": name}}
	maps.Copy(content, fields)
	return Object{
		Resource: &render.Resource{
			Identity: render.Identity{Kind: "ConfigMap", Namespace: "ns", Name: name}, Version: "v1", Object: content,
		},
		Root: "clusters/a", Destination: "clusters/a", Resolved: content,
		Clusters: []Cluster{{Namespace: "ns", Name: "eu-1", Role: "workload"}},
	}
}

func judge(t *testing.T, e *Engine, objects ...Object) Report {
	t.Helper()
	report, err := e.Objects(t.Context(), objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

const speaks = `findings contains {"path": ["data"], "message": "m"} if input.resource.kind == "ConfigMap"`

func TestWhatDoesNotLoad(t *testing.T) {
	finding := func(condition string) string {
		return `findings contains {"path": [], "message": "m"} if ` + condition
	}
	tests := map[string]struct {
		draft draft
		want  string // file, line and what is wrong
	}{
		"typo in the input":      {draft{body: finding(`input.resorce.kind == "x"`)}, "abc/one/rule.rego:17: rego_type_error: undefined ref: input.resorce"},
		"typo below":             {draft{body: finding(`input.resource.nmae == "x"`)}, "abc/one/rule.rego:17: rego_type_error: undefined ref: input.resource.nmae"},
		"typo in a list":         {draft{body: finding(`count([l | some l in input.links; l.rule == "x"]) > 0`)}, "undefined ref"},
		"typo in a cluster":      {draft{body: finding(`input.clusters[_].enviroment == "production"`)}, "undefined ref: input.clusters[_].enviroment"},
		"another scope's input":  {draft{body: finding(`input.change.action == "delete"`)}, "undefined ref: input.change"},
		"unknown parameter":      {draft{body: finding(`input.params["CS-ABC-001"].n > 1`)}, "undefined ref"},
		"parameter of no rule":   {draft{body: finding(`input.params["CS-ABC-002"].n > 1`), extra: "#   params: {n: 1}\n"}, "undefined ref"},
		"parameter's type":       {draft{body: finding(`startswith(input.params["CS-ABC-001"].n, "x")`), extra: "#   params: {n: 1}\n"}, "invalid argument"},
		"parameter without type": {draft{body: speaks, extra: "#   params: {n: null}\n"}, "custom.params.n"},
		"undefined data":         {draft{body: finding(`data.countersign.rules.abc.one.nothing == 1`)}, "rule.rego:17: data.countersign.rules.abc.one.nothing is not defined"},
		"undefined library":      {draft{body: finding(`data.countersign.lib.values.set(input)`)}, "undefined function data.countersign.lib.values.set"},
		"undefined library data": {draft{body: finding(`data.countersign.lib.value.nothing`)}, "is not defined"},
		"data of nobody":         {draft{body: finding(`data.secrets.x`)}, "sees its own package"},
		"no set":                 {draft{body: `finding contains 1`}, `defines the set "findings"`},
		"the wrong set":          {draft{body: speaks, kind: "harmless", scope: "change"}, `defines the set "reasons"`},
		"a rule, not a set":      {draft{body: `findings := {1}`}, "rule.rego:17: write findings contains"},
		"a set of sets":          {draft{body: `findings[x] contains 1 if some x in [1]`}, `defines the set "findings"`},
		"another package":        {draft{slug: "abc/one", body: "", extra: "package countersign.rules.abc.two\n"}, "rego_parse_error"},
		"unused variable":        {draft{body: "f(x) := 1\n" + speaks}, "unused"},
		"bad id":                 {draft{id: "ABC-1", body: speaks}, "custom.id"},
		"bad kind":               {draft{kind: "guess", body: speaks}, "custom.kind"},
		"privilege of an object": {draft{kind: "privilege", body: "reasons contains 1"}, "has scope change"},
		"unknown custom key":     {draft{body: speaks, extra: "#   remedy: x\n"}, "abc/one/rule.rego:15: custom: unknown field \"remedy\""},
		"kinds as a string":      {draft{body: speaks, extra: "#   kinds: core/Secret\n"}, "custom"},
		"kind without group":     {draft{body: speaks, extra: "#   kinds: [Secret]\n"}, "must be group/Kind"},
		"fleet with kinds":       {draft{scope: "fleet", body: `findings contains 1`, extra: "#   kinds: [core/Secret]\n"}, "a fleet rule has no kinds"},
		"waivable reason":        {draft{kind: "harmless", scope: "change", body: "reasons contains 1", extra: "#   waivable: true\n"}, "only findings can be waivable"},
		"a key twice":            {draft{body: speaks, extra: "#   since: 0.2.0\n"}, "rego_parse_error"},
		"a block at a rule":      {draft{body: "# METADATA\n# schemas:\n#   - input: schema.change\n" + speaks}, "rule.rego:17: a second METADATA block"},
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
		"another package":   strings.Replace(good, "package countersign.rules.abc.one", "package countersign.rules.abc.two", 1),
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
	if err == nil || !strings.Contains(err.Error(), "abc/two/rule.rego:1: id CS-ABC-001 is taken by abc/one/rule.rego") {
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
		fsys["lib/x.rego"] = &fstest.MapFile{Data: []byte("# METADATA\n# title: x\npackage countersign.lib.x\n\n" + body + "\n")}
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

func TestHits(t *testing.T) {
	e := load(t, draft{body: `findings contains {
	"path": ["data", "list", 0, "key"], "absent": true, "message": "m", "severity": "low",
	"confidence": "unknown", "evidence": {"a": [1, "x"]}, "measure": {"b", "a"},
	"related": [{"group": "g", "kind": "K", "namespace": "n", "name": "x"}],
	"clusters": {"ns/b", "ns/a"},
} if input.resource.name == "full"

findings contains {"path": ["data"], "message": "bare"} if input.resource.name == "bare"`})
	id := render.Identity{Kind: "ConfigMap", Namespace: "ns"}
	full, bare := id, id
	full.Name, bare.Name = "full", "bare"
	want := Report{
		Hits: []Hit{
			{Rule: "CS-ABC-001", Object: bare, Destination: "clusters/a", Path: render.Path{"data"}, Message: "bare",
				Severity: High, Confidence: Certain, Clusters: []string{"ns/eu-1"}},
			{Rule: "CS-ABC-001", Object: full, Destination: "clusters/a", Path: render.Path{"data", "list", 0, "key"},
				Absent: true, Message: "m", Severity: Low, Confidence: Unknown,
				Evidence: map[string]any{"a": []any{json.Number("1"), "x"}}, Measure: []string{"a", "b"},
				Related:  []render.Identity{{Group: "g", Kind: "K", Namespace: "n", Name: "x"}},
				Clusters: []string{"ns/a", "ns/b"}},
		},
		Evaluated: map[RuleID]int{"CS-ABC-001": 3},
	}
	got := judge(t, e, object("full", nil), object("silent", nil), object("bare", nil))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedHitsAreErrors(t *testing.T) {
	for _, member := range []string{
		`"text"`, `{}`, `{"message": "m"}`, `{"path": ["a"]}`, `{"path": "a", "message": "m"}`,
		`{"path": [1.5], "message": "m"}`, `{"path": [-1], "message": "m"}`, `{"path": [null], "message": "m"}`,
		`{"path": ["a"], "message": " "}`, `{"path": ["a"], "message": 1}`,
		`{"path": ["a"], "message": "key masked:token:abcd"}`,
		`{"path": ["a"], "message": "m", "mesage": "m"}`, `{"path": ["a"], "message": "m", 1: 2}`,
		`{"path": ["a"], "message": "m", "severity": "severe"}`,
		`{"path": ["a"], "message": "m", "confidence": "sure"}`,
		`{"path": ["a"], "message": "m", "absent": "yes"}`, `{"path": [], "message": "m", "absent": true}`,
		`{"path": ["a"], "message": "m", "measure": ["list"]}`, `{"path": ["a"], "message": "m", "measure": {1}}`,
		`{"path": ["a"], "message": "m", "clusters": "ns/a"}`,
		`{"path": ["a"], "message": "m", "related": [{"kind": "K"}]}`,
		`{"path": ["a"], "message": "m", "related": [{"group": "g", "kind": "K", "namespace": "n", "nmae": "x"}]}`,
		`{"path": ["a"], "message": "m", "object": {"group": "g", "kind": "K", "namespace": "n", "name": "x", "destination": "d"}}`,
	} {
		t.Run(member, func(t *testing.T) {
			e := load(t, draft{body: "findings contains " + member},
				draft{slug: "abc/two", id: "CS-ABC-002", body: speaks})
			report := judge(t, e, object("a", nil))
			if len(report.Errors) != 1 || report.Errors[0].Rule != "CS-ABC-001" {
				t.Errorf("errors %v", report.Errors)
			}
			if len(report.Hits) != 1 || report.Hits[0].Rule != "CS-ABC-002" {
				t.Errorf("the other rule was silenced: %v", report.Hits)
			}
			for _, e := range report.Errors {
				if strings.Contains(e.Message, "masked:") {
					t.Errorf("leaks: %s", e.Message)
				}
			}
		})
	}
}

// TestFailingRuleSilencesNoOther breaks one of three rules in the ways that
// Rego has, one of them on one object only.
func TestFailingRuleSilencesNoOther(t *testing.T) {
	for name, body := range map[string]string{
		"builtin error": `findings contains {"path": ["a"], "message": "m"} if to_number(input.resource.name) > 1`,
		"bad pattern":   `findings contains {"path": ["a"], "message": "m"} if regex.match("(", input.resource.name)`,
		"conflict":      "f := 1\nf := 2 if input.resource.name == \"a\"\nfindings contains {\"path\": [f], \"message\": \"m\"}",
		"wrong type":    `findings contains {"path": ["a"], "message": "m"} if startswith(input.resource.object.metadata, "x")`,
		"quotes masked": `findings contains {"path": ["a"], "message": "m"} if time.parse_rfc3339_ns("masked:token:00ff") > 1`,
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, draft{slug: "abc/one", body: speaks}, draft{slug: "abc/two", id: "CS-ABC-002", body: body},
				draft{slug: "abc/three", id: "CS-ABC-003", body: speaks})
			report := judge(t, e, object("a", nil), object("b", nil))
			others := slices.DeleteFunc(report.Hits, func(h Hit) bool { return h.Rule == "CS-ABC-002" })
			if len(others) != 4 {
				t.Errorf("hits of the other rules %v", others)
			}
			if len(report.Errors) == 0 {
				t.Error("no error")
			}
			for _, e := range report.Errors {
				if e.Rule != "CS-ABC-002" || e.Object.Name == "" || strings.Contains(e.Message, "00ff") {
					t.Errorf("error %+v", e)
				}
			}
		})
	}
}

// slow counts pairs of a long range: hours, were it not stopped.
const slow = `findings contains {"path": [x, y], "message": "m"} if {
	some x in numbers.range(1, 100000)
	some y in numbers.range(1, 100000)
	x * y == -1
}`

func TestSlowRuleIsStopped(t *testing.T) {
	e := load(t, draft{body: slow}, draft{slug: "abc/two", id: "CS-ABC-002", body: speaks})
	e.patience = 300 * time.Millisecond
	report := judge(t, e, object("a", nil))
	if len(report.Errors) != 1 || report.Errors[0].Rule != "CS-ABC-001" || report.Errors[0].Message != "ran out of time" {
		t.Errorf("errors %v", report.Errors)
	}
	if len(report.Hits) != 1 || report.Hits[0].Rule != "CS-ABC-002" {
		t.Errorf("the quick rule was silenced: %v", report.Hits)
	}
}

// TestManySlowObjectsAreStopped: time is bounded by the batch, not by the object.
func TestManySlowObjectsAreStopped(t *testing.T) {
	e := load(t, draft{body: slow}, draft{slug: "abc/two", id: "CS-ABC-002", body: speaks})
	e.patience = 20 * time.Millisecond
	objects := make([]Object, 2000)
	for i := range objects {
		objects[i] = object(fmt.Sprint(i), nil)
	}
	start := time.Now()
	report := judge(t, e, objects...)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	if report.Evaluated["CS-ABC-001"] != 2000 || len(report.Hits)+len(report.Errors) != 4000 {
		t.Errorf("%d hits and %d errors of 2000 objects and 2 rules", len(report.Hits), len(report.Errors))
	}
}

func TestDeadlineMakesRuleErrors(t *testing.T) {
	e := load(t, draft{body: slow}, draft{slug: "abc/two", id: "CS-ABC-002", body: speaks})
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	report, err := e.Objects(ctx, []Object{object("a", nil), object("b", nil)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Errors) != 4 || report.Evaluated["CS-ABC-002"] != 2 {
		t.Errorf("errors %v, evaluated %v", report.Errors, report.Evaluated)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Objects(ctx, []Object{object("a", nil)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestKeysOfTheAnswer makes sure that a rule which is missing from the answer,
// or one too many, is an error.
func TestKeysOfTheAnswer(t *testing.T) {
	e := load(t, draft{body: speaks}, draft{slug: "abc/two", id: "CS-ABC-002", body: speaks})
	q, err := e.queryFor(ScopeObject, render.Identity{Kind: "ConfigMap"})
	if err != nil {
		t.Fatal(err)
	}
	fewer := *q
	fewer.rules = append(fewer.rules[:2:2], &Rule{ID: "CS-ABC-003", Kind: KindFinding, Slug: "abc/three"})
	fewer.alone = []*query{q, q, q}
	s, done, err := e.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	input, err := s.convert.objectInput(object("a", nil))
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := s.ask(t.Context(), &fewer, input)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 3 || outcomes[2].err == nil {
		t.Errorf("a rule is missing: outcomes %v", outcomes)
	}
	more := *q
	more.rules = more.rules[:1]
	if outcomes, err = s.ask(t.Context(), &more, input); err != nil || len(outcomes) != 1 || outcomes[0].err == nil {
		t.Errorf("a rule too many: outcomes %v, %v", outcomes, err)
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

func TestErrorsAreBounded(t *testing.T) {
	text := errorText(errors.New(strings.Repeat("é\n", 1000) + "masked:token:00ff"))
	if len(text) > 410 || strings.ContainsAny(text, "\n\uFFFD") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if got := errorText(errors.New(`bad "masked:token:00ff" here`)); got != `bad "(masked value)" here` {
		t.Errorf("got %s", got)
	}
}

func TestRulesAreSortedAndFound(t *testing.T) {
	e := load(t, draft{slug: "abc/one", id: "CS-ABC-002", body: speaks}, draft{slug: "abc/two", id: "CS-ABC-001", body: speaks})
	rules := e.Rules()
	if len(rules) != 2 || rules[0].ID != "CS-ABC-001" || rules[1].Slug != "abc/one" {
		t.Errorf("got %v", rules)
	}
	want := Rule{ID: "CS-ABC-002", Slug: "abc/one", Title: "A title", Kind: KindFinding, Scope: ScopeObject, Severity: High,
		Effect: Block, Guideline: "section/anchor", Description: "A description", Remediation: "mend it", Since: "0.1.0",
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
		draft{slug: "abc/two", id: "CS-ABC-002", kind: "privilege", scope: "change", body: `reasons contains {"message": "m"}`})
	if first, second := e.Rules()[0], e.Rules()[1]; first.Effect != Info || first.Waivable || second.Effect != "" ||
		second.Waivable {
		t.Errorf("got %+v %+v", first, second)
	}
}
