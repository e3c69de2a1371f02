package engine

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"

	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// conforms checks an input against its schema, with every field required.
func conforms(t *testing.T, scope Scope, input *ast.Term, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := rego.FS.ReadFile("schemas/" + string(scope) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	document, err := ast.JSON(input.Value)
	if err != nil {
		t.Fatal(err)
	}
	results, err := opa.New(
		opa.Query("x := json.match_schema(input.document, input.schema)"),
		opa.Input(map[string]any{"document": document, "schema": schema}),
	).Eval(t.Context())
	if err != nil || len(results) != 1 {
		t.Fatalf("%v %v", results, err)
	}
	if answer := results[0].Bindings["x"].([]any); answer[0] != true {
		t.Errorf("%s input differs from its schema: %v\n%v", scope, answer[1], input)
	}
}

func fullObject() Object {
	o := object("full", map[string]any{"n": json.Number("1.5e3"), "list": []any{nil, true, "x"}})
	o.Resource.Generated, o.Resource.Opaque, o.Resource.Local = "full", "sops key", true
	o.Resource.Masked = []render.Masked{{Path: render.Path{"data", "k"}, Class: render.SecretToken, Digest: "00ff"}}
	o.Resource.Nested = []render.Nested{{Path: render.Path{"data", "p", 0}, Documents: []any{map[string]any{"a": "b"}}}}
	o.Placeholders = []Placeholder{{Path: render.Path{"data", "x"}, Symbol: "X"}}
	o.Clusters = []Cluster{{Namespace: "ns", Name: "b", Role: "workload", Labels: map[string]string{"env": "prod"}},
		{Namespace: "ns", Name: "a", Role: "management", ExternallyManaged: true}}
	o.ClassWrites = []ClassWrite{{Path: render.Path{"spec"}, Op: "add", Class: "ns/c", Patch: "p", Conditional: true}}
	o.Links = []Link{{Path: render.Path{"spec", "ref"}, Target: render.Identity{Kind: "Secret"}, Role: "secret",
		Found: "missing"}, {Found: "tree", Object: map[string]any{"a": json.Number("1")}}}
	o.UsedBy = []render.Identity{{Group: "g", Kind: "K", Namespace: "n", Name: "x"}}
	return o
}

func fullChange() Change {
	before, after := fullObject().Resource, fullObject().Resource
	return Change{
		Change: &render.Change{Action: render.ActionMove, Destination: "b", From: "a", Before: before, After: after,
			RenamedFrom: &render.Identity{Kind: "ConfigMap", Name: "old"},
			Fields: []render.Field{
				{Path: render.Path{"data", 0}, Before: render.Absent{}, After: "x"},
				{Path: render.Path{"data", 1}, Before: nil, After: render.Absent{}},
			}},
		Before: before.Object, After: after.Object, Clusters: fullObject().Clusters,
		ReferencedBy:  []Referrer{{render.Identity{Kind: "Cluster", Name: "eu-1"}, "class"}},
		NamespaceRole: "gitops", Failing: []RuleID{"CS-SSH-001"}, Related: fullObject().Links,
	}
}

func fullFleet() Fleet {
	three, member := 3, FleetMember{
		Cluster: fullObject().Clusters[0], Destination: "d", Object: render.Identity{Kind: "Cluster", Name: "b"},
		Path: render.Path{"spec", "vpc"}, Changed: true,
	}
	return Fleet{
		Clusters: []FleetCluster{{Cluster: fullObject().Clusters[1], Destination: "d", Root: "r",
			Object: render.Identity{Kind: "Cluster", Name: "a"}, Provider: "aws", New: true, Replicas: -1}},
		Shares:        []FleetShare{{What: "network", Key: "vpc", Members: []FleetMember{member, member}}},
		ClustersAdded: 1, ClustersTotal: 2, NodesAdded: 5, LimitNodesAdded: &three, Anchor: &member,
	}
}

// TestInputsAreAsTheirSchemasSay holds converters and schemas together, with
// everything given and with nothing given: each field is there either way.
func TestInputsAreAsTheirSchemasSay(t *testing.T) {
	c, err := newConverter(map[string]any{"CS-ABC-001": map[string]any{"n": 1, "f": 0.5, "i": int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	bare := &render.Resource{Object: map[string]any{}}
	for _, o := range []Object{fullObject(), {Resource: bare}} {
		o.Clusters = append(o.Clusters, Cluster{Role: "unknown"})
		input, err := c.objectInput(o)
		conforms(t, ScopeObject, input, err)
		if strings.Contains(input.String(), "00ff") {
			t.Error("the keyed hash of a secret is in the input")
		}
	}
	for _, ch := range []Change{fullChange(),
		{Change: &render.Change{Action: render.ActionCreate, After: bare}},
		{Change: &render.Change{Action: render.ActionDelete, Before: bare}}} {
		input, err := c.changeInput(ch)
		conforms(t, ScopeChange, input, err)
	}
	for _, fleet := range []Fleet{fullFleet(), {}} {
		input, err := c.fleetInput(fleet)
		conforms(t, ScopeFleet, input, err)
	}
}

func TestFieldsOfAChange(t *testing.T) {
	e := load(t, draft{kind: "privilege", scope: "change", body: `reasons contains {"message": m, "path": f.path} if {
	some f in input.change.fields
	m := sprintf("%v %v %v %v", [f.before, f.before_absent, f.after, f.after_absent])
}`})
	reports, err := e.Changes(t.Context(), []Change{fullChange()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, hit := range reports[0].Reasons {
		got = append(got, hit.Message)
	}
	if want := "null true x false|null false null true"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}

func TestWhatCannotBeConvertedIsAnError(t *testing.T) {
	e := load(t, draft{body: speaks})
	for _, value := range []any{struct{}{}, []string{"x"}, json.Number("0x1"), json.Number(""), render.Absent{}} {
		_, err := e.Objects(t.Context(), []Object{object("a", map[string]any{"data": []any{value}})}, nil)
		if err == nil || !strings.Contains(err.Error(), "data: [0]:") {
			t.Errorf("%#v: got %v", value, err)
		}
	}
}

// TestSharedObjectsAreConvertedOnce and keep their own content.
func TestSharedObjectsAreConvertedOnce(t *testing.T) {
	c, err := newConverter(nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := map[string]any{"a": "b"}
	first, _ := c.value(shared)
	second, _ := c.value([]any{shared})
	if second.Value.(*ast.Array).Elem(0) != first {
		t.Error("converted twice")
	}
	many := map[string]any{}
	for i := range rememberedValues {
		many[strconv.Itoa(i)] = nil
	}
	if _, err := c.value(many); err != nil {
		t.Fatal(err)
	}
	if c.fields(0); len(c.objects) > 0 {
		t.Error("remembers without bound")
	}
	for i := range 1000 { // maps that die at once must not lend their address to others
		term, _ := c.value(map[string]any{"i": i})
		if n, _ := term.Value.(ast.Object).Get(ast.StringTerm("i")).Value.(ast.Number).Int(); n != i {
			t.Fatalf("object %d became %v", i, term)
		}
	}
}
