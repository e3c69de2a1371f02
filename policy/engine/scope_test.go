package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

func TestChangesKeepTheirOrderAndKinds(t *testing.T) {
	reason := func(action string) string {
		return fmt.Sprintf(`reasons contains {"message": "%s"} if input.change.action == "%s"`, action, action)
	}
	e := load(t,
		draft{kind: "privilege", scope: "change", body: reason("delete")},
		draft{slug: "abc/two", id: "CS-ABC-002", kind: "harmless", scope: "change", body: reason("create")},
		draft{slug: "abc/three", id: "CS-ABC-003", scope: "change",
			body: `findings contains {"path": ["x"], "message": "f"} if input.change.action == "create"`},
		draft{slug: "abc/four", id: "CS-ABC-004", body: speaks},
		draft{slug: "abc/five", id: "CS-ABC-005", kind: "harmless", scope: "change",
			body: `reasons contains {"message": "m", "confidence": "conditional"} if input.change.action == "create"`})
	resource := object("a", nil).Resource
	reports, err := e.Changes(t.Context(), []Change{
		{Change: &render.Change{Action: render.ActionDelete, Destination: "d", Before: resource}},
		{Change: &render.Change{Action: render.ActionCreate, Destination: "d", After: resource}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hit := func(id RuleID, message string, path render.Path) []Hit {
		return []Hit{{Rule: id, Object: resource.Identity, Destination: "d", Path: path, Message: message,
			Severity: High, Confidence: Certain}}
	}
	asked := []RuleID{"CS-ABC-001", "CS-ABC-002", "CS-ABC-003", "CS-ABC-005"}
	want := []ChangeReport{
		{Reasons: hit("CS-ABC-001", "delete", nil), Asked: asked},
		{Harmless: hit("CS-ABC-002", "create", nil), Findings: hit("CS-ABC-003", "f", render.Path{"x"}), Asked: asked,
			Errors: []RuleError{{"CS-ABC-005", resource.Identity, "a harmless reason is certain, or it is none"}}},
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
}

func TestFleet(t *testing.T) {
	e := load(t, draft{scope: "fleet", body: `findings contains {
	"path": m.path, "message": sprintf("%s is shared", [s.key]), "object": m.object,
	"clusters": {sprintf("%s/%s", [x.cluster.namespace, x.cluster.name]) | some x in s.members},
} if {
	some s in input.shares
	some m in s.members
}`}, draft{slug: "abc/two", id: "CS-ABC-002", scope: "fleet", body: `findings contains {"path": [], "message": "m"}`})
	report, err := e.Fleet(t.Context(), fullFleet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Hits: []Hit{{Rule: "CS-ABC-001", Object: render.Identity{Kind: "Cluster", Name: "b"}, Destination: "d",
			Path: render.Path{"spec", "vpc"}, Message: "vpc is shared", Severity: High, Confidence: Certain,
			Clusters: []string{"ns/b"}}},
		Evaluated: map[RuleID]int{"CS-ABC-001": 1, "CS-ABC-002": 1},
		Errors:    []RuleError{{Rule: "CS-ABC-002", Message: "a fleet rule's hit names no object"}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
}

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		pattern, group, kind string
		want                 bool
	}{
		{"core/Secret", "", "Secret", true},
		{"core/Secret", "core", "Secret", true},
		{"core/Secret", "x", "Secret", false},
		{"*/Secret", "", "Secret", true},
		{"*/*", "", "X", true},
		{"*.cluster.x-k8s.io/*", "infrastructure.cluster.x-k8s.io", "AWSCluster", true},
		{"*.cluster.x-k8s.io/*", "cluster.x-k8s.io", "Cluster", false},
		{"*cluster.x-k8s.io/*", "cluster.x-k8s.io", "Cluster", true},
		{"infrastructure.*/AWS*Template", "infrastructure.cluster.x-k8s.io", "AWSMachineTemplate", true},
		{"infrastructure.*/AWS*Template", "infrastructure.cluster.x-k8s.io", "AWSMachine", false},
		{"a*a/K", "a", "K", false},
		{"a*b*c/K", "aXbYc", "K", true},
		{"a*b*c/K", "acb", "K", false},
		{"g/Kind", "g", "kind", false},
	} {
		rule := Rule{Kinds: []string{test.pattern}}
		if got := rule.Applies(render.Identity{Group: test.group, Kind: test.kind}); got != test.want {
			t.Errorf("%s on %s/%s: %t", test.pattern, test.group, test.kind, got)
		}
	}
	if !(&Rule{}).Applies(render.Identity{Kind: "Any"}) {
		t.Error("a rule without kinds is asked about every kind")
	}
}

func TestRulesAreAskedAboutTheirKinds(t *testing.T) {
	e := load(t, draft{body: speaks, extra: "#   kinds: [core/Secret]\n"},
		draft{slug: "abc/two", id: "CS-ABC-002", body: speaks, extra: "#   kinds: [core/ConfigMap, x/Y]\n"})
	report := judge(t, e, object("a", nil), object("b", nil))
	if diff := cmp.Diff(map[RuleID]int{"CS-ABC-002": 2}, report.Evaluated); diff != "" {
		t.Error(diff)
	}
	for i := range rememberedKinds + 10 { // as many kinds as a hostile tree likes
		if _, err := e.queryFor(ScopeObject, render.Identity{Kind: fmt.Sprint("K", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(e.kinds) > rememberedKinds || len(e.queries) > 2 {
		t.Errorf("%d kinds, %d queries remembered", len(e.kinds), len(e.queries))
	}
}

func TestParams(t *testing.T) {
	e := load(t, draft{extra: "#   params: {limit: 3, names: [a], on: true, map: {k: 1}, none: []}\n",
		body: `findings contains {"path": ["x"], "message": sprintf("%v %v", [p.limit, p.names])} if {
	p := input.params["CS-ABC-001"]
	p.on
}`})
	for name, test := range map[string]struct {
		params Params
		want   string
	}{
		"defaults": {nil, `3 ["a"]`},
		"overrides": {Params{"CS-ABC-001": {"limit": json.Number("4"), "names": []any{"b", "c"}}},
			`4 ["b", "c"]`},
	} {
		report, err := e.Objects(t.Context(), []Object{object("a", nil)}, test.params)
		if err != nil || len(report.Hits) != 1 || report.Hits[0].Message != test.want {
			t.Errorf("%s: %v %v", name, report, err)
		}
	}
	for want, params := range map[string]Params{
		"rules.CS-ABC-002: no such rule":                          {"CS-ABC-002": {}},
		`rules.CS-ABC-001.params: no parameter "limits"`:          {"CS-ABC-001": {"limits": 1}},
		"rules.CS-ABC-001.params.limit: want a number":            {"CS-ABC-001": {"limit": "4"}},
		"rules.CS-ABC-001.params.names: want a list":              {"CS-ABC-001": {"names": []any{1}}},
		"rules.CS-ABC-001.params.none: want a list":               {"CS-ABC-001": {"none": []any{true}}},
		"rules.CS-ABC-001.params.map: want a mapping":             {"CS-ABC-001": {"map": map[string]any{"x": "y"}}},
		"rules.CS-ABC-001.params.on: want a boolean, as the defa": {"CS-ABC-001": {"on": nil}},
	} {
		if err := e.CheckParams(params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := e.Objects(t.Context(), nil, params); err == nil {
			t.Errorf("%s: judged all the same", want)
		}
	}
}

func TestClassWrites(t *testing.T) {
	at := func(path ...any) render.Path { return path }
	for name, test := range map[string]struct {
		hit    Hit
		write  ClassWrite
		want   Confidence // "" when dropped
		writer bool
	}{
		"elsewhere":     {Hit{Path: at("a", "b")}, ClassWrite{Path: at("a", "c"), Op: "add"}, Certain, false},
		"a longer name": {Hit{Path: at("ab")}, ClassWrite{Path: at("a"), Op: "add"}, Certain, false},
		"at":            {Hit{Path: at("a", "b")}, ClassWrite{Path: at("a", "b"), Op: "add"}, Conditional, true},
		"below":         {Hit{Path: at("a", "b")}, ClassWrite{Path: at("a"), Op: "replace"}, Conditional, true},
		"above":         {Hit{Path: at("a")}, ClassWrite{Path: at("a", "b"), Op: "add"}, Conditional, true},
		"removed":       {Hit{Path: at("a")}, ClassWrite{Path: at("a"), Op: "remove"}, Conditional, true},
		"unknown stays": {
			Hit{Path: at("a"), Confidence: Unknown}, ClassWrite{Path: at("a"), Op: "add"}, Unknown, true,
		},
		"absent, always set": {Hit{Path: at("a"), Absent: true}, ClassWrite{Path: at("a"), Op: "add"}, "", false},
		"absent, replaced":   {Hit{Path: at("a"), Absent: true}, ClassWrite{Path: at("a"), Op: "replace"}, "", false},
		"absent, perhaps set": {
			Hit{Path: at("a"), Absent: true}, ClassWrite{Path: at("a"), Op: "add", Conditional: true},
			Conditional, true,
		},
		"absent, removed": {
			Hit{Path: at("a"), Absent: true}, ClassWrite{Path: at("a"), Op: "remove"}, Conditional, true,
		},
		"a collection, set": {
			Hit{Path: at("a"), Absent: true, Collection: true}, ClassWrite{Path: at("a"), Op: "add"}, Conditional, true,
		},
		"absent below a write": {
			Hit{Path: at("a", "b"), Absent: true}, ClassWrite{Path: at("a"), Op: "add"}, Conditional, true,
		},
		"absent above a write": {
			Hit{Path: at("a"), Absent: true}, ClassWrite{Path: at("a", "b"), Op: "add"}, Conditional, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.hit.Confidence == "" {
				test.hit.Confidence = Certain
			}
			got := applyClassWrites([]Hit{test.hit}, []ClassWrite{{Path: at("other"), Op: "add"}, test.write})
			switch {
			case test.want == "":
				if len(got) > 0 {
					t.Errorf("kept %v", got)
				}
			case len(got) != 1 || got[0].Confidence != test.want || (got[0].ClassWrite != nil) != test.writer:
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestClassWritesReachTheReport(t *testing.T) {
	e := load(t, draft{body: speaks})
	o := object("a", nil)
	o.ClassWrites = []ClassWrite{{Path: render.Path{"data", "x"}, Op: "add", Class: "ns/class", Patch: "p"}}
	hits := judge(t, e, o, object("b", nil)).Hits
	if len(hits) != 2 || hits[0].Confidence != Conditional || hits[0].ClassWrite.Class != "ns/class" ||
		hits[1].Confidence != Certain || hits[1].ClassWrite != nil {
		t.Errorf("got %+v", hits)
	}
}

func TestDigest(t *testing.T) {
	fsys := files(t, draft{body: speaks})
	digest := func() string {
		e, err := New(fsys)
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest()
	}
	before := digest()
	if !strings.HasPrefix(before, "sha256:") || len(before) != len("sha256:")+64 || before != digest() {
		t.Errorf("digest %q", before)
	}
	fsys["abc/one/rule_test.rego"], fsys["lib/value_test.rego"] = fsys["lib/value.rego"], fsys["lib/value.rego"]
	if digest() != before {
		t.Error("tests are part of the digest")
	}
	for _, name := range []string{"abc/one/rule.rego", "lib/value.rego", "schemas/fleet.json"} {
		kept := *fsys[name]
		fsys[name].Data = append(slices.Clone(kept.Data), '\n')
		if digest() == before {
			t.Errorf("%s is not part of the digest", name)
		}
		*fsys[name] = kept
	}
}

// oddRoot is one object of each of some kinds, all with the same contents.
func oddRoot() []Object {
	kinds := [][2]string{
		{"cluster.x-k8s.io", "Cluster"}, {"controlplane.cluster.x-k8s.io", "KubeadmControlPlane"},
		{"infrastructure.cluster.x-k8s.io", "AWSCluster"}, {"infrastructure.cluster.x-k8s.io", "AWSMachineTemplate"},
		{"bootstrap.cluster.x-k8s.io", "KubeadmConfigTemplate"}, {"cluster.x-k8s.io", "MachineDeployment"},
		{"", "ConfigMap"}, {"", "Secret"}, {"rbac.authorization.k8s.io", "ClusterRoleBinding"}, {"apps", "Deployment"},
	}
	objects := make([]Object, len(kinds))
	for i, kind := range kinds {
		id := render.Identity{Group: kind[0], Kind: kind[1], Namespace: "prod", Name: fmt.Sprint("object-", i)}
		args := map[string]any{"audit-policy-file": "/etc/kubernetes/audit.yaml", "audit-log-path": "-"}
		config := map[string]any{
			"clusterConfiguration": map[string]any{"apiServer": map[string]any{"extraArgs": args}},
			"preKubeadmCommands":   []any{"apt-get install -y x", "systemctl enable --now kubelet"},
			"files":                []any{map[string]any{"path": "/root/.ssh/authorized_keys", "content": "x"}},
		}
		content := map[string]any{
			"apiVersion": id.Group + "/v1beta1", "kind": id.Kind,
			"metadata": map[string]any{"name": id.Name, "namespace": "prod"},
			"spec":     map[string]any{"kubeadmConfigSpec": config, "template": map[string]any{"spec": config}},
		}
		objects[i] = Object{
			Resource: &render.Resource{Identity: id, Version: "v1beta1", Object: content},
			Root:     "clusters/a", Destination: "clusters/a", Resolved: content,
			Clusters: []Cluster{{Namespace: "prod", Name: "eu-1", Role: "workload"}},
			Links: []Link{{Path: render.Path{"spec", "ref"}, Target: id, Role: "infrastructure",
				Found: "destination", Object: content}},
		}
	}
	return objects
}

// TestOrderDoesNotMatter judges objects in any order, batch and repetition.
func TestOrderDoesNotMatter(t *testing.T) {
	e, err := New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	all := oddRoot()
	rapid.Check(t, func(rt *rapid.T) {
		objects := rapid.SliceOfN(rapid.SampledFrom(all), 0, 12).Draw(rt, "objects")
		whole, err := e.Objects(t.Context(), objects, nil)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := e.Objects(t.Context(), objects, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(whole, again); diff != "" {
			rt.Fatalf("the same input twice:\n%s", diff)
		}
		shuffled := slices.Clone(objects)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		cut := rapid.IntRange(0, len(shuffled)).Draw(rt, "cut")
		parts := Report{Evaluated: map[RuleID]int{}}
		for _, batch := range [][]Object{shuffled[:cut], shuffled[cut:]} {
			report, err := e.Objects(t.Context(), batch, nil)
			if err != nil {
				rt.Fatal(err)
			}
			parts.Hits, parts.Errors = append(parts.Hits, report.Hits...), append(parts.Errors, report.Errors...)
			for id, n := range report.Evaluated {
				parts.Evaluated[id] += n
			}
		}
		parts.sort()
		if diff := cmp.Diff(whole, parts); diff != "" {
			rt.Fatalf("in another order and two batches:\n%s", diff)
		}
	})
}

// TestConcurrentUse is for the race detector: kinds are prepared while others are judged.
func TestConcurrentUse(t *testing.T) {
	e := load(t, draft{body: speaks}, draft{slug: "abc/two", id: "CS-ABC-002", body: speaks},
		draft{slug: "abc/three", id: "CS-ABC-003", scope: "change",
			body: `findings contains {"path": [], "message": "m"}`})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			o := object("a", nil)
			for j := range 20 {
				resource := *o.Resource
				resource.Kind = fmt.Sprint("K", i*j)
				_, err := e.Objects(t.Context(), []Object{o, {Resource: &resource}}, nil)
				_, err2 := e.Changes(t.Context(), []Change{{Change: &render.Change{After: &resource}}}, nil)
				if err != nil || err2 != nil {
					t.Error(err, err2)
				}
			}
		})
	}
	group.Wait()
}

// FuzzDecodeHit feeds any JSON to the decoder as a member of a rule's set: it
// refuses or yields a hit that is whole.
func FuzzDecodeHit(f *testing.F) {
	for _, seed := range []string{
		`{"path": ["a", 0], "message": "m"}`, `{"path": [1e300], "message": "m"}`, `{"message": "masked:x"}`,
		`{"path": [], "message": "m", "absent": true, "measure": 1e999, "evidence": {"a": [null]}}`,
		`{"object": {"group": "", "kind": "", "namespace": "", "name": "", "destination": ""},
			"path": ["x"], "message": "m"}`,
		`{"related": [], "clusters": ["b", "a", "a"], "path": ["a"], "message": "m", "confidence": "unknown"}`,
		`[]`, `1`,
	} {
		f.Add(seed)
	}
	rules := []Rule{
		{ID: "CS-ABC-001", Kind: KindFinding, Scope: ScopeObject, Severity: High},
		{ID: "CS-ABC-002", Kind: KindFinding, Scope: ScopeFleet, Severity: Low},
		{ID: "CS-ABC-003", Kind: KindHarmless, Scope: ScopeChange},
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := ast.ValueFromReader(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, rule := range rules {
			hit, err := decodeHit(&rule, value, subject{})
			if err != nil {
				continue
			}
			if hit.Message == "" || strings.Contains(hit.Message, "masked:") || hit.Confidence == "" {
				t.Errorf("%s: %+v", text, hit)
			}
			if rule.Kind == KindFinding && (hit.Path == nil || hit.Severity.Rank() == 0) {
				t.Errorf("%s: %+v", text, hit)
			}
			if rule.Kind == KindHarmless && hit.Confidence != Certain {
				t.Errorf("%s: %+v", text, hit)
			}
			if !slices.IsSorted(hit.Clusters) {
				t.Errorf("%s: clusters %v", text, hit.Clusters)
			}
			_ = hit.Path.String()
		}
	})
}
