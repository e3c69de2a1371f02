package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/render"
)

// document stands in for the child's parser: the child is not needed to say
// what a value means.
func document(t *testing.T, text string) render.Document {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	var doc render.Document
	if len(node.Content) > 0 {
		doc.Value = value(node.Content[0], nil, &doc.Positions)
		slices.SortFunc(doc.Positions, func(a, b render.Position) int { return a.Path.Compare(b.Path) })
	}
	return doc
}

func value(n *yaml.Node, path render.Path, lines *[]render.Position) any {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			at := append(slices.Clip(path), n.Content[i].Value)
			*lines = append(*lines, render.Position{Path: at, Source: render.Source{Line: n.Content[i].Line}})
			object[n.Content[i].Value] = value(n.Content[i+1], at, lines)
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for i, element := range n.Content {
			at := append(slices.Clip(path), i)
			*lines = append(*lines, render.Position{Path: at, Source: render.Source{Line: element.Line}})
			list = append(list, value(element, at, lines))
		}
		return list
	}
	var scalar any
	_ = n.Decode(&scalar)
	if n.Tag == "!!int" || n.Tag == "!!float" {
		return json.Number(n.Value)
	}
	return scalar
}

const head = "apiVersion: countersign.dev/v1\nkind: Config\n"

func TestReadFull(t *testing.T) {
	text := head + `mode: observe
roots: {include: ["clusters/**"], exclude: [old], opaque: [charts], renderer: flux}
clusters:
  management: ["mgmt/*"]
  environment: {label: env, production: ["prod"]}
approvals: {required: 3, teams: [acme/platform], users: [bob], min_permission: maintain, not_people: [robot]}
override: {team: acme/break-glass, window: 30m}
rules:
  CS-ISO-011: {effect: warn}
  CS-SSH-002: {params: {allowed_cidrs: [10.0.0.0/8]}}
baseline: strict
limits: {clusters: 50, nodes_added: 100, deletions: 1}
substitute: {CLUSTER_DOMAIN: example.internal}
bases: [main, "release/*"]
ignore: ["**/*.md"]
protect: ["ci/**"]
alerts: {receiver: platform-oncall}
`
	c, mistakes := config.Read(document(t, text), config.Path)
	if len(mistakes) > 0 {
		t.Fatalf("mistakes in a right file: %v", mistakes)
	}
	want := config.Strict()
	want.Mode, want.Baseline, want.Origin = "observe", "strict", config.Path
	want.Roots = config.Roots{
		Include:  []string{"clusters/**"},
		Exclude:  []string{"old"},
		Opaque:   []string{"charts"},
		Renderer: "flux",
	}
	want.Clusters = config.Clusters{
		Management:       []string{"mgmt/*"},
		EnvironmentLabel: "env",
		Production:       []string{"prod"},
	}
	want.Approvals.Required, want.Approvals.Teams, want.Approvals.Users = 3, []string{
		"acme/platform",
	}, []string{
		"bob",
	}
	want.Approvals.MinPermission, want.Approvals.NotPeople = "maintain", []string{"robot"}
	want.Override = &config.Override{Team: "acme/break-glass", Window: "30m"}
	want.Rules = map[string]config.Rule{
		"CS-ISO-011": {Effect: "warn"},
		"CS-SSH-002": {Params: map[string]any{"allowed_cidrs": []any{"10.0.0.0/8"}}},
	}
	clusters, nodes, deletions := 50, 100, 1
	want.Limits = config.Limits{Clusters: &clusters, NodesAdded: &nodes, Deletions: &deletions}
	want.Substitute = map[string]string{"CLUSTER_DOMAIN": "example.internal"}
	want.Bases, want.Ignore, want.Protect = []string{"main", "release/*"}, []string{"**/*.md"}, []string{"ci/**"}
	want.Alerts.Receiver = "platform-oncall"
	want.Digest = c.Digest
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestReadMistakes(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 1, "is empty"},
		{"list", "[]", 1, "must be a mapping, not a list"},
		{"no kind", "apiVersion: countersign.dev/v1\n", 1, "kind is missing"},
		{"other version", "apiVersion: v2\nkind: Config\n", 1, `apiVersion is "v2"`},
		{"unknown key", head + "approval: {}\n", 3, "approval is not a known key"},
		{"unknown key inside", head + "approvals:\n  require: 2\n", 4, "approvals.require is not a known key"},
		{"null mode", head + "mode:\n", 3, "mode must be a string, not empty"},
		{"odd mode", head + "mode: off\n", 3, "mode"},
		{"none required", head + "approvals: {required: 0}\n", 3, "may not go below 2"},
		{"one required", head + "approvals: {required: 1}\n", 3, "may not go below 2"},
		{"required by words", head + "approvals: {required: two}\n", 3, "must be a whole number, not a string"},
		{"team", head + "approvals:\n  teams:\n  - acme/ok\n  - platform\n", 6, "a team is written ORG/TEAM"},
		{"author may approve", head + "approvals: {exclude: [initiator, bot]}\n", 3, "leaves out author"},
		{"override without team", head + "override: {window: 5m}\n", 3, "override.team must name a team"},
		{"override for a day", head + "override: {team: a/b, window: 24h}\n", 3, "at most 60m"},
		{"rule id", head + "rules: {ssh: {effect: warn}}\n", 3, "rules.ssh is not a rule id"},
		{"effect off", head + "rules:\n  CS-SSH-001: {effect: \"off\"}\n", 4, `is "off"`},
		{"negative limit", head + "limits: {deletions: -1}\n", 3, "at least 0"},
		{"number to substitute", head + "substitute: {A: 1}\n", 3, "must be a string"},
		{"pattern", head + "ignore:\n- docs/**\n- \"docs/[\"\n", 5, "which is no pattern: segment"},
		{"opaque pattern", head + "roots:\n  opaque: [\"/charts\"]\n", 4, "which is no pattern: has an empty segment"},
		{"scalar rules", head + "rules: none\n", 3, "rules must be a mapping"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, mistakes := config.Read(document(t, test.text), config.Path)
			if len(mistakes) != 1 {
				t.Fatalf("%d mistakes, want one: %v", len(mistakes), mistakes)
			}
			got := mistakes[0]
			if !strings.Contains(got.Message, test.want) || got.Source.Line != test.line ||
				got.Source.File != config.Path {
				t.Errorf(
					"%s:%d: %s; want line %d and %q",
					got.Source.File,
					got.Source.Line,
					got.Message,
					test.line,
					test.want,
				)
			}
		})
	}
}

func TestDigestFollowsMeaning(t *testing.T) {
	a, _ := config.Read(document(t, head), config.Path)
	b, _ := config.Read(document(t, head+"mode: enforce\n"), "--config x.yaml")
	c, _ := config.Read(document(t, head+"mode: observe\n"), config.Path)
	if a.Digest != b.Digest {
		t.Error("the same settings from another place have another digest")
	}
	if a.Digest == c.Digest || a.Digest == "" {
		t.Error("other settings have the same digest")
	}
}

// Whatever the values, a file is either without mistakes or every mistake has
// the file and a line in it.
func TestReadIsTotal(t *testing.T) {
	scalar := rapid.SampledFrom(
		[]any{nil, true, "x", "", json.Number("1"), json.Number("2.5"), []any{}, map[string]any{}},
	)
	keys := []string{"apiVersion", "kind", "mode", "roots", "clusters", "approvals", "override", "rules", "baseline",
		"limits", "substitute", "bases", "ignore", "protect", "alerts", "other"}
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{}
		for _, key := range rapid.SliceOf(rapid.SampledFrom(keys)).Draw(t, "keys") {
			inner := map[string]any{
				rapid.SampledFrom([]string{"required", "team", "label", "include", "CS-SSH-001"}).Draw(t, "inner"): scalar.Draw(
					t,
					"value",
				),
			}
			object[key] = rapid.OneOf(scalar, rapid.Just[any](inner)).Draw(t, "entry")
		}
		c, mistakes := config.Read(render.Document{Value: object}, "f")
		for _, m := range mistakes {
			if m.Source.File != "f" || m.Source.Line < 1 || m.Message == "" {
				t.Fatalf("mistake without a place: %+v", m)
			}
		}
		if c.Approvals.Required < 2 {
			t.Fatal("fewer than two people")
		}
	})
}
