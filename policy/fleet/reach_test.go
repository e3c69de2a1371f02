package fleet

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/roster"
	"github.com/countersign-dev/countersign/render"
)

// clusterText writes a cluster with a control plane, machines and a worker pool.
func clusterText(name string) string {
	return strings.ReplaceAll(`
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: "NAME", labels: {cni: calico, env: prod}}
spec:
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: "NAME"}
  controlPlaneRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta1, kind: KubeadmControlPlane, name: "NAME-cp"}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: "NAME", namespace: default}
spec: {identityRef: {kind: AWSClusterRoleIdentity, name: shared}}
---
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: "NAME-cp"}
spec:
  replicas: 3
  version: v1.30.0
  machineTemplate: {infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
      kind: AWSMachineTemplate, name: "NAME-m"}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: "NAME-m"}
spec: {}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata: {name: "NAME-md"}
spec:
  clusterName: "NAME"
  replicas: 2
  template:
    spec:
      bootstrap: {configRef: {apiVersion: bootstrap.cluster.x-k8s.io/v1beta1, kind: KubeadmConfigTemplate,
          name: "NAME-b"}}
      infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate,
          name: "NAME-m"}
---
apiVersion: bootstrap.cluster.x-k8s.io/v1beta1
kind: KubeadmConfigTemplate
metadata: {name: "NAME-b"}
spec: {}
---
apiVersion: v1
kind: Secret
metadata: {name: "NAME-kubeconfig"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "NAME-labelled", labels: {cluster.x-k8s.io/cluster-name: "NAME"}}
`, "NAME", name)
}

const identityText1 = `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: shared}
spec: {roleARN: "arn:aws:iam::123456789012:role/capa", sourceIdentityRef: {kind: AWSClusterControllerIdentity,
    name: default}}`

func TestClustersOfObjects(t *testing.T) {
	builds := []render.Build{
		built(t, "a", clusterText("a")),
		built(t, "b", clusterText("b")),
		built(t, "ids", identityText1),
		built(t, "other", `
apiVersion: v1
kind: ConfigMap
metadata: {name: loose}
---
apiVersion: v1
kind: Secret
metadata: {name: nobody-ca}`),
	}
	ix := New(builds, noConfig)
	for _, n := range ix.nodes {
		want := []string{"default/" + n.root.Path}
		switch n.root.Path {
		case "ids":
			want = []string{"default/a", "default/b"}
		case "other":
			want = []string{}
		}
		if diff := cmp.Diff(want, clusterNames(ix.Object(n.res, n.root).Clusters)); diff != "" {
			t.Errorf("%s: clusters (-want +got):\n%s", identityText(n.spot.Identity), diff)
		}
	}
	id := object(t, ix, "ids", "AWSClusterRoleIdentity", "shared")
	want := []render.Identity{
		{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSCluster", Name: "a"},
		{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSCluster", Name: "b"},
	}
	if diff := cmp.Diff(want, id.UsedBy); diff != "" {
		t.Errorf("used by (-want +got):\n%s", diff)
	}
	link := object(t, ix, "a", "AWSCluster", "a").Links[0]
	if link.Found != FoundTree || link.Object == nil || link.Source.File == "" {
		t.Errorf("identity in another root: got %+v", link)
	}
}

func TestClassReachesClustersOfAllRoots(t *testing.T) {
	user := func(name string) string {
		return strings.ReplaceAll(`
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: NAME, namespace: ns}
spec: {topology: {classRef: {name: k}}}`, "NAME", name)
	}
	ix := New([]render.Build{
		built(t, "classes", strings.Replace(classBase, "PATCHES", "- 7", 1)), built(t, "x", user("c1")), built(t, "y",
			user("c2")),
	}, noConfig)
	for _, template := range []string{"m", "w"} {
		got := clusterNames(object(t, ix, "classes", "AWSMachineTemplate", template).Clusters)
		if diff := cmp.Diff([]string{"ns/c1", "ns/c2"}, got); diff != "" {
			t.Errorf("template %s (-want +got):\n%s", template, diff)
		}
	}
}

func TestPlaceholderNames(t *testing.T) {
	text := clusterText("${NAME}")
	ix := New([]render.Build{built(t, "a", text), built(t, "b", strings.ReplaceAll(text, "kind: AWSCluster\n",
		"kind: X\n"))}, noConfig)
	if got := linkTexts(object(t, ix, "a", "Cluster", "${NAME}").Links); !slices.Contains(got,
		"spec.infrastructureRef infrastructure destination AWSCluster ${NAME}") {
		t.Errorf("the same text in one root is the same: %q", got)
	}
	if got := linkTexts(object(t, ix, "b", "Cluster", "${NAME}").Links); !slices.Contains(got,
		"spec.infrastructureRef infrastructure missing AWSCluster ${NAME}") {
		t.Errorf("the same text in two roots may differ: %q", got)
	}

	same := New([]render.Build{built(t, "r", clusterText("${N:=one}")+"\n---\n"+`
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachinePool
metadata: {name: p}
spec: {clusterName: one}`)}, noConfig)
	if got := clusterNames(object(t, same, "r", "MachinePool", "p").Clusters); !slices.Equal(got, []string{
		"default/${N:=one}"}) {
		t.Errorf("a default makes a name: %q", got)
	}
	substituted := New([]render.Build{built(t, "r", clusterText("${N}"))}, config.Config{Substitute: map[string]string{
		"N": "n"}})
	if got := substituted.here[spot{"r", render.Identity{Group: "cluster.x-k8s.io", Kind: "Cluster",
		Name: "n"}}]; got == nil {
		t.Error("a value of the config makes a name")
	}
}

func TestSelectors(t *testing.T) {
	crs := func(kind, selector string) string {
		return `
apiVersion: addons.cluster.x-k8s.io/v1beta1
kind: ` + kind + `
metadata: {name: s}
spec: {clusterSelector: ` + selector + `, resources: [{kind: ConfigMap, name: payload}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: payload}`
	}
	clusters := func(prefix string) string {
		return strings.ReplaceAll(`
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: P1, labels: {cni: calico, tier: a}}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: P2, namespace: default, labels: {cni: cilium}}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: P3, namespace: elsewhere, labels: {cni: calico}}`, "P", prefix)
	}
	tests := []struct {
		name, kind, selector string
		near, far            []string
	}{
		{"labels", "ClusterResourceSet", "{matchLabels: {cni: calico}}", []string{"n1"}, []string{"f1"}},
		{"two labels", "ClusterResourceSet", "{matchLabels: {cni: calico, tier: b}}", nil, nil},
		{"in", "HelmChartProxy", "{matchExpressions: [{key: cni, operator: In, values: [cilium, x]}]}", []string{"n2"},
			[]string{"f2"}},
		{"not in", "HelmChartProxy", "{matchExpressions: [{key: tier, operator: NotIn, values: [a]}]}", []string{"n2"},
			[]string{"f2"}},
		{"exists", "HelmChartProxy", "{matchExpressions: [{key: tier, operator: Exists}]}", []string{"n1"}, []string{"f1"}},
		{"absent", "HelmChartProxy", "{matchExpressions: [{key: tier, operator: DoesNotExist}]}", []string{"n2"},
			[]string{"f2"}},
		{"unknown operator", "HelmChartProxy", "{matchExpressions: [{key: tier, operator: Gt}]}", []string{"n1", "n2"},
			[]string{"f1", "f2"}},
		{"empty set", "ClusterResourceSet", "{}", nil, nil},
		{"empty proxy", "HelmChartProxy", "{}", []string{"n1", "n2"}, []string{"f1", "f2"}},
		{"placeholder", "ClusterResourceSet", "{matchLabels: {cni: '${CNI}'}}", nil, nil},
	}
	for _, test := range tests {
		for _, place := range []string{"near", "far"} {
			t.Run(test.name+" "+place, func(t *testing.T) {
				builds, want := []render.Build{built(t, "fleet", clusters("f"))}, test.far
				if place == "near" {
					builds = append(builds, built(t, "addons", crs(test.kind, test.selector)+"\n---"+clusters("n")))
					want = test.near
					if want == nil {
						want = test.far
					}
				} else {
					builds = append(builds, built(t, "addons", crs(test.kind, test.selector)))
				}
				ix := New(builds, noConfig)
				var names []string
				for _, n := range want {
					names = append(names, "default/"+n)
				}
				addon := object(t, ix, "addons", test.kind, "s")
				if got := clusterNames(addon.Clusters); !slices.Equal(got, names) {
					t.Errorf("clusters: got %q, want %q", got, names)
				}
				if test.kind == "ClusterResourceSet" {
					payload := object(t, ix, "addons", "ConfigMap", "payload")
					if got := clusterNames(payload.Clusters); !slices.Equal(got, names) {
						t.Errorf("payload reaches %q, want %q", got, names)
					}
				}
				checkSymmetry(t, ix)
			})
		}
	}
}

func TestClusterFacts(t *testing.T) {
	provider := `
apiVersion: operator.cluster.x-k8s.io/v1alpha2
kind: CoreProvider
metadata: {name: cluster-api, namespace: anywhere}
spec: {version: v1.9.0}
---`
	managed := strings.Replace(clusterText("c"), "kind: AWSCluster\nmetadata: {name: \"c\", ",
		"kind: AWSCluster\nmetadata: {annotations: {cluster.x-k8s.io/managed-by: x}, name: c, ", 1)
	tests := []struct {
		name, root, text string
		clusters         config.Clusters
		want             engine.Cluster
	}{
		{"nothing said", "r", clusterText("c"), config.Clusters{}, engine.Cluster{Role: "unknown"}},
		{"label", "r", clusterText("c"), config.Clusters{EnvironmentLabel: "env"}, engine.Cluster{Role: "unknown",
			Environment: "prod"}},
		{"production label", "r", clusterText("c"), config.Clusters{EnvironmentLabel: "env", Production: []string{"pro*"}},
			engine.Cluster{Role: "unknown", Environment: "production"}},
		{"production path", "live/eu/r", clusterText("c"), config.Clusters{EnvironmentLabel: "none", Production: []string{
			"live/**"}},
			engine.Cluster{Role: "unknown", Environment: "production"}},
		{"management path", "mgmt/r", clusterText("c"), config.Clusters{Management: []string{"mgmt/*"}},
			engine.Cluster{Role: "management"}},
		{"management name", "r", clusterText("c"), config.Clusters{Management: []string{"default/c"}},
			engine.Cluster{Role: "management"}},
		{"not management", "r", clusterText("c"), config.Clusters{Management: []string{"mgmt/*"}},
			engine.Cluster{Role: "workload"}},
		{"alone with providers", "r", provider + clusterText("c"), config.Clusters{}, engine.Cluster{Role: "management"}},
		{"one of many with providers", "r", provider + clusterText("c") + "\n---" + clusterText("d"), config.Clusters{},
			engine.Cluster{Role: "unknown"}},
		{"externally managed", "r", managed, config.Clusters{}, engine.Cluster{Role: "unknown", ExternallyManaged: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ix := New([]render.Build{built(t, test.root, test.text)}, config.Config{Clusters: test.clusters})
			got := object(t, ix, test.root, "Cluster", "c").Clusters[0]
			test.want.Namespace, test.want.Name = "default", "c"
			test.want.Labels = map[string]string{"cni": "calico", "env": "prod"}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("cluster (-want +got):\n%s", diff)
			}
		})
	}
}

// checkSymmetry holds that whoever a link leads to names the one it comes
// from, and the other way round.
func checkSymmetry(t rapid.TB, ix *Index) {
	t.Helper()
	forward, backward := map[string]bool{}, map[string]bool{}
	for _, n := range ix.nodes {
		out := ix.Object(n.res, n.root)
		for _, l := range out.Links {
			if l.Found != FoundMissing && l.Role != reference.RoleClusterInfrastructure {
				forward[identityText(n.res.Identity)+" > "+identityText(l.Target)] = true
			}
		}
		for _, user := range out.UsedBy {
			backward[identityText(user)+" > "+identityText(n.res.Identity)] = true
		}
		if !slices.IsSortedFunc(out.UsedBy, compareIdentities) ||
			!cmp.Equal(out.Clusters, roster.Compact(slices.Clone(out.Clusters))) {
			t.Errorf("%s: users or clusters are not sorted", identityText(n.res.Identity))
		}
	}
	if diff := cmp.Diff(forward, backward); diff != "" {
		t.Errorf("links and their reverse differ (-links +used by):\n%s", diff)
	}
}

func TestOrderAndSymmetry(t *testing.T) {
	texts := []string{
		clusterText("a"), clusterText("a") + "\n---" + clusterText("b"), identityText1, clusterText(
			"c") + "\n---" + identityText1,
		strings.Replace(classBase, "PATCHES", "- 7", 1),
		"apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {name: shared}\n" +
			"spec: {sourceIdentityRef: {kind: AWSClusterRoleIdentity, name: shared}}",
	}
	rapid.Check(t, func(t *rapid.T) {
		var builds []render.Build
		for i, pick := range rapid.SliceOfN(rapid.IntRange(0, len(texts)-1), 1, 6).Draw(t, "texts") {
			objects, err := documents(texts[pick])
			if err != nil {
				t.Fatal(err)
			}
			b := buildOf(string(rune('a'+i)), objects)
			b.Root.Destination = rapid.SampledFrom([]string{"one", "two", b.Root.Path}).Draw(t, "destination")
			builds = append(builds, b)
		}
		ix := New(builds, noConfig)
		checkSymmetry(t, ix)
		shuffled := New(rapid.Permutation(builds).Draw(t, "order"), noConfig)
		for _, b := range builds {
			for i := range b.Resources {
				want, got := ix.Object(&b.Resources[i], b.Root), shuffled.Object(&b.Resources[i], b.Root)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("the order of builds matters (-one +other):\n%s", diff)
				}
			}
		}
		if diff := cmp.Diff(ix.Records(), shuffled.Records()); diff != "" {
			t.Fatalf("the order of builds matters for records:\n%s", diff)
		}
	})
}

// TestMachinesKnowTheirInfrastructure holds what defaults depend on: a machine
// template is judged together with the cluster objects it takes them from.
func TestMachinesKnowTheirInfrastructure(t *testing.T) {
	infraOf := func(links []engine.Link) []string {
		var out []string
		for _, l := range links {
			if l.Role == reference.RoleClusterInfrastructure {
				out = append(out, l.Found+" "+identityText(l.Target))
			}
		}
		return out
	}
	user := "\n---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {name: NAME, namespace: ns}\n" +
		"spec: {topology: {classRef: {name: k}}}"
	class := strings.Replace(classBase, "PATCHES", "- 7", 1) + strings.ReplaceAll(user, "NAME", "c1")
	managed := strings.NewReplacer("KubeadmControlPlane", "AWSManagedControlPlane", "kind: AWSCluster,",
		"kind: AWSManagedCluster,",
		"kind: AWSCluster\n", "kind: AWSManagedCluster\n").Replace(clusterText("e"))
	ix := New([]render.Build{
		built(t, "a", clusterText("a")), built(t, "classes", class), built(t, "users", strings.ReplaceAll(user, "NAME",
			"c2")),
		built(t, "eks", managed),
	}, noConfig)
	for _, test := range []struct{ root, name, want string }{
		{"a", "a-m", "destination AWSCluster a"},
		{"classes", "m", "destination AWSClusterTemplate ns/i"},
		{"eks", "e-m", "destination AWSManagedControlPlane e-cp"},
	} {
		got := infraOf(object(t, ix, test.root, "AWSMachineTemplate", test.name).Links)
		if !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if got := infraOf(object(t, ix, "a", "AWSCluster", "a").Links); got != nil {
		t.Errorf("a cluster's own infrastructure: got %q", got)
	}
}
