package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
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
		`{"path": ["a"], "message": "m", "object": {"group": "g", "kind": "K", "namespace": "n", "name": "x",
			"destination": "d"}}`,
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
		"conflict": "f := 1\nf := 2 if input.resource.name == \"a\"\n" +
			`findings contains {"path": [f], "message": "m"}`,
		"wrong type": `findings contains {"path": ["a"], "message": "m"} if
			startswith(input.resource.object.metadata, "x")`,
		"quotes masked": `findings contains {"path": ["a"], "message": "m"} if
			time.parse_rfc3339_ns("masked:token:00ff") > 1`,
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
	if len(report.Errors) != 1 || report.Errors[0].Rule != "CS-ABC-001" ||
		report.Errors[0].Message != "ran out of time" {
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
	s, done, err := e.open(t.Context(), nil, new(atomic.Int64))
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

func TestErrorsAreBounded(t *testing.T) {
	text := errorText(errors.New(strings.Repeat("é\n", 1000) + "masked:token:00ff"))
	if len(text) > 410 || strings.ContainsAny(text, "\n\uFFFD") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if got := errorText(errors.New(`bad "masked:token:00ff" here`)); got != `bad "(masked value)" here` {
		t.Errorf("got %s", got)
	}
}
