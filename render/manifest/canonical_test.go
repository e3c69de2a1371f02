package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
)

var testKey = Key("test")

func canonical(t testing.TB, text string, scopes Scopes) render.Resource {
	t.Helper()
	resource, failure := Canonical(decodeOne(t, text), testKey, scopes)
	if failure != nil {
		t.Fatalf("%+v", failure)
	}
	return resource
}

var identities = []struct {
	text     string
	want     render.Identity
	version  string
	rendered string
	kept     bool // metadata.namespace stays
}{
	{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}",
		render.Identity{Group: "apps", Kind: "Deployment", Namespace: "b", Name: "a"},
		"v1",
		"b",
		true,
	},
	{
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}",
		render.Identity{Kind: "Pod", Name: "a"},
		"v1",
		"default",
		true,
	},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: a}", render.Identity{Kind: "Pod", Name: "a"}, "v1", "", false},
	{
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}",
		render.Identity{Kind: "Namespace", Name: "a"},
		"v1",
		"b",
		false,
	},
	{
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a, namespace: b}",
		render.Identity{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "a"},
		"v1",
		"b",
		false,
	},
	{
		"apiVersion: example.org/v1\nkind: Wide\nmetadata: {name: a, namespace: b}",
		render.Identity{Group: "example.org", Kind: "Wide", Name: "a"},
		"v1",
		"b",
		false,
	},
	{
		"apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: " +
			"AWSClusterRoleIdentity\nmetadata: {name: a, namespace: b}",
		render.Identity{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSClusterRoleIdentity", Name: "a"},
		"v1beta2",
		"b",
		false,
	},
	{
		"apiVersion: example.org/v1\nkind: Namespace\nmetadata: {name: a, namespace: b}",
		render.Identity{Group: "example.org", Kind: "Namespace", Namespace: "b", Name: "a"},
		"v1",
		"b",
		true,
	},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: 12}", render.Identity{Kind: "Pod", Name: "12"}, "v1", "", false},
}

func TestCanonicalIdentity(t *testing.T) {
	crd := decodeOne(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec: {group: example.org, scope: Cluster, names: {kind: Wide}}
`)
	forged := decodeOne(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: y}
spec: {group: rbac.authorization.k8s.io, scope: Namespaced, names: {kind: ClusterRole}}
`)
	scopes := Scopes{}
	scopes.Add(crd)
	scopes.Add(forged)
	scopes.Add(map[string]any{"kind": "X"})
	for _, test := range identities {
		got := canonical(t, test.text, scopes)
		if got.Identity != test.want || got.Version != test.version || got.RenderedNamespace != test.rendered {
			t.Errorf("%s: %+v", test.text, got)
		}
		if _, kept := render.Lookup(got.Object, render.Path{"metadata", "namespace"}); kept != test.kept {
			t.Errorf("%s: namespace kept: %v", test.text, kept)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for text, message := range map[string]string{
		"kind: A\nmetadata: {name: x}":                                "apiVersion",
		"apiVersion: [v1]\nkind: A\nmetadata: {name: x}":              "apiVersion",
		"apiVersion: a/b/c\nkind: A\nmetadata: {name: x}":             "apiVersion",
		"apiVersion: v1\nmetadata: {name: x}":                         "kind",
		"apiVersion: v1\nkind: {}\nmetadata: {name: x}":               "kind",
		"apiVersion: v1\nkind: A":                                     "without metadata.name",
		"apiVersion: v1\nkind: A\nmetadata: []":                       "without metadata.name",
		"apiVersion: v1\nkind: A\nmetadata: {name: ''}":               "without metadata.name",
		"apiVersion: v1\nkind: A\nmetadata: {name: [x]}":              "without metadata.name",
		"apiVersion: v1\nkind: A\nmetadata: {generateName: x-}":       "generateName",
		"apiVersion: v1\nkind: A\nmetadata: {name: ~, namespace: ''}": "without metadata.name",
	} {
		_, failure := Canonical(decodeOne(t, text), testKey, nil)
		if failure == nil || !strings.Contains(failure.Message, message) || failure.Remedy == "" {
			t.Errorf("%s: %+v", text, failure)
		}
	}
}

func TestCanonicalForm(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
	const unknown = "apiVersion: example.org/v1\nkind: X\nmetadata: {name: a}\n"
	const cluster = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: a}\n"
	for _, test := range []struct {
		name, a, b string
		equal      bool
	}{
		{"order of keys", unknown + "a: 1\nb: 2", "b: 2\na: 1\n" + unknown, true},
		{"quotes", unknown + "a: x", unknown + "a: 'x'", true},
		{"text and number", unknown + "a: 1", unknown + "a: '1'", false},
		{"null and list", unknown + "a: ~", unknown + "a: []", false},
		{"null and absent", unknown + "a: ~", unknown, false},
		{"list and absent", unknown + "a: []", unknown, false},
		{"mapping and list", unknown + "a: {}", unknown + "a: []", false},
		{"creationTimestamp", unknown, strings.Replace(unknown, "{name", "{creationTimestamp: null, name", 1), true},
		{"deployment status", deployment, deployment + "status: {replicas: 1}", true},
		{"cluster status", cluster, cluster + "status: {ready: true}", true},
		{"unknown status", unknown, unknown + "status: {ready: true}", false},
		{
			"config map status",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nstatus: 1",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
			false,
		},
		{
			"sops mac",
			unknown + "sops: {mac: a, lastmodified: b, version: 3}",
			unknown + "sops: {mac: c, version: 3}",
			true,
		},
		{"sops version", unknown + "sops: {version: 3}", unknown + "sops: {version: 4}", false},
		{
			"secret value",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: x}",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: y}",
			false,
		},
		{"order of a list", unknown + "a: [1, 2]", unknown + "a: [2, 1]", false},
	} {
		a, b := canonical(t, test.a, nil), canonical(t, test.b, nil)
		if (a.Digest == b.Digest) != test.equal {
			t.Errorf("%s: equal %v\n%s\n%s", test.name, !test.equal,
				AppendCanonical(nil, a.Object), AppendCanonical(nil, b.Object))
		}
	}
}

func TestCanonicalChangesNothing(t *testing.T) {
	object := decodeOne(t, secretHost)
	before := string(AppendCanonical(nil, object))
	if _, failure := Canonical(object, testKey, nil); failure != nil {
		t.Fatal(failure)
	}
	if after := string(AppendCanonical(nil, object)); after != before {
		t.Error("the argument was changed")
	}
}

func TestOpaque(t *testing.T) {
	const head = "apiVersion: v1\nkind: %s\nmetadata: {name: a}\n"
	for _, test := range []struct{ kind, rest, want string }{
		{"Secret", "data: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3}", "sops-encrypted document"},
		{"Secret", "data: {a: 'ENC[AES256_GCM,data:x]'}", ""},
		{"ConfigMap", "data: {a: 'ENC[AES256_GCM,data:x]'}", "ENC[ outside a Secret"},
		{"Pod", "spec: {nodeName: 'ENC[x]'}", "ENC[ outside a Secret"},
		{"Pod", "spec: {nodeName: 'an ENC[x]'}", ""},
		{"ConfigMap", "data: {a: \"apiVersion: v1\\nkind: Secret\\nsops: {a: b}\"}", "sops-encrypted document"},
		{"ConfigMap", "data: {a: \"k: &a {x: *a}\"}", "a document inside a text that exceeds the limits"},
		{"Pod", "sops: text", ""},
	} {
		if got := canonical(t, fmt.Sprintf(head, test.kind)+test.rest, nil).Opaque; got != test.want {
			t.Errorf("%s %s: %q", test.kind, test.rest, got)
		}
	}
}

// anyValue draws a plain value.
func anyValue(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.StringN(0, 6, 12).AsAny(),
		rapid.Custom(func(t *rapid.T) any { return json.Number(fmt.Sprint(rapid.IntRange(-9, 99).Draw(t, "n"))) }),
	}
	if depth > 0 {
		leaves = append(leaves,
			rapid.SliceOfN(anyValue(depth-1), 0, 3).AsAny(),
			rapid.MapOfN(rapid.StringN(0, 3, 6), anyValue(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(leaves...)
}

func anyObject(t *rapid.T, label string) map[string]any {
	keys := rapid.SampledFrom([]string{"spec", "data", "status", "x", "y"})
	object := rapid.MapOfN(keys, anyValue(3), 0, 3).Draw(t, label)
	object["apiVersion"], object["kind"] = "example.org/v1", "X"
	object["metadata"] = map[string]any{"name": "n"}
	return object
}

func TestCanonicalIsInjectiveAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyObject(t, "a"), anyObject(t, "b")
		first, failure := Canonical(a, testKey, nil)
		if failure != nil {
			t.Fatal(failure)
		}
		again, failure := Canonical(first.Object, testKey, nil)
		if failure != nil || again.Digest != first.Digest {
			t.Fatalf("not idempotent: %s\n%s", AppendCanonical(nil, first.Object), AppendCanonical(nil, again.Object))
		}
		if string(AppendCanonical(nil, a)) == string(AppendCanonical(nil, b)) != cmp.Equal(a, b) {
			t.Fatalf("not injective: %v %v", a, b)
		}
		var back any
		decoder := json.NewDecoder(strings.NewReader(string(AppendCanonical(nil, first.Object))))
		decoder.UseNumber()
		if err := decoder.Decode(&back); err != nil || !cmp.Equal(back, any(first.Object)) {
			t.Fatalf("%v %s", err, cmp.Diff(back, any(first.Object)))
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte(secretHost))
	f.Add([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: [1, {b: c}], d: ~}"))
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData: {a: H4sIAAAAAAAA}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		docs, failure := Decode("a.yaml", content, Limits{})
		if failure != nil {
			return
		}
		for _, doc := range docs {
			object, ok := doc.Value.(map[string]any)
			if !ok {
				continue
			}
			resource, failure := Canonical(object, testKey, nil)
			if failure != nil {
				continue
			}
			again, _ := Canonical(object, testKey, nil)
			if !cmp.Equal(resource, again) {
				t.Fatal("not deterministic")
			}
			for _, masked := range resource.Masked {
				if len(masked.Path) == 0 || len(masked.Digest) != 64 {
					t.Fatalf("%+v", masked)
				}
			}
			_ = Confusables(resource.Identity)
		}
	})
}
