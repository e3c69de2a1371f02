package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// infraText writes a cluster with one infrastructure object of a spec.
func infraText(name, kind, spec string) string {
	return fmt.Sprintf(`
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: "%[1]s"}
spec: {infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: %[2]s, name: "%[1]s"}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: %[2]s
metadata: {name: "%[1]s"}
spec: %[3]s`, name, kind, spec)
}

func shareTexts(f engine.Fleet) []string {
	out := []string{}
	for _, s := range f.Shares {
		names := []string{}
		for _, m := range s.Members {
			names = append(names, m.Cluster.Name)
		}
		out = append(out, s.What+": "+s.Key+": "+strings.Join(names, " "))
	}
	return out
}

func TestSharedNetworks(t *testing.T) {
	tests := []struct{ name, kind, one, two, want string }{
		{"AWS VPC", "AWSCluster", "{network: {vpc: {id: vpc-1}}}", "{network: {vpc: {id: vpc-1}}}",
			"network: AWS VPC vpc-1: a b"},
		{"another AWS VPC", "AWSCluster", "{network: {vpc: {id: vpc-1}}}", "{network: {vpc: {id: vpc-2}}}", ""},
		{"managed AWS VPC", "AWSCluster", "{network: {vpc: {cidrBlock: 10.0.0.0/16}}}",
			"{network: {vpc: {cidrBlock: 10.0.0.0/16}}}", ""},
		{"AWS subnet", "AWSCluster", "{network: {vpc: {id: vpc-1}, subnets: [{id: subnet-1}]}}",
			"{network: {subnets: [{id: subnet-1}]}}", "network: AWS subnet subnet-1: a b"},
		{"VPC says it for its subnets", "AWSCluster", "{network: {vpc: {id: vpc-1}, subnets: [{id: subnet-1}]}}",
			"{network: {vpc: {id: vpc-1}, subnets: [{id: subnet-1}]}}", "network: AWS VPC vpc-1: a b"},
		{"names of managed AWS subnets", "AWSCluster", "{network: {subnets: [{id: private-a}]}}",
			"{network: {subnets: [{id: private-a}]}}", ""},
		{"Azure VNet", "AzureCluster", "{networkSpec: {vnet: {resourceGroup: rg, name: v}}}",
			"{networkSpec: {vnet: {resourceGroup: RG, name: v}}}", "network: Azure VNet rg/v: a b"},
		{"Azure VNet of another subscription", "AzureCluster",
			"{subscriptionID: s1, networkSpec: {vnet: {resourceGroup: rg, name: v}}}",
			"{subscriptionID: s2, networkSpec: {vnet: {resourceGroup: rg, name: v}}}", ""},
		{"Azure VNet in each cluster's own group", "AzureCluster", "{networkSpec: {vnet: {name: v}}}",
			"{networkSpec: {vnet: {name: v}}}", ""},
		{"Azure VNet in a common group", "AzureCluster", "{resourceGroup: rg, networkSpec: {vnet: {name: v}}}",
			"{resourceGroup: rg, networkSpec: {vnet: {name: v}}}", "network: Azure VNet rg/v: a b"},
		{"Azure without VNet", "AzureCluster", "{resourceGroup: rg}", "{resourceGroup: rg}", ""},
		{"GCP", "GCPCluster", "{network: {hostProject: h, name: net}, project: p}",
			"{network: {hostProject: h, name: net}, project: q}",
			"network: GCP network h/net: a b"},
		{"GCP networks of two projects", "GCPCluster", "{project: p, network: {name: net}}",
			"{project: q, network: {name: net}}", ""},
		{"OpenStack id", "OpenStackCluster", "{network: {id: net}}", "{network: {id: net}}",
			"network: OpenStack network net: a b"},
		{"OpenStack filter", "OpenStackCluster", "{identityRef: {cloudName: o, name: x}, network: {filter: {name: net}}}",
			"{identityRef: {cloudName: o, name: y}, network: {filter: {name: net}}}",
			`network: OpenStack network {"name":"net"}: a b`},
		{"OpenStack filter in another cloud", "OpenStackCluster",
			"{identityRef: {cloudName: o, name: x}, network: {filter: {name: net}}}",
			"{identityRef: {cloudName: p, name: y}, network: {filter: {name: net}}}", ""},
		{"managed OpenStack network", "OpenStackCluster", "{managedSubnets: [{cidr: 10.6.0.0/24}]}",
			"{managedSubnets: [{cidr: 10.6.0.0/24}]}", ""},
		{"Hetzner", "HetznerCluster", "{hcloudNetwork: {enabled: true}}", "{hcloudNetwork: {enabled: true}}", ""},
		{"placeholders of two roots", "AWSCluster", "{network: {vpc: {id: '${VPC}'}}}", "{network: {vpc: {id: '${VPC}'}}}",
			""},
		{"no shape", "AWSCluster", "{network: [a], subnets: 3}", "{network: {vpc: 4, subnets: {a: b}}}", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			head := New([]render.Build{
				built(t, "a", infraText("a", test.kind, test.one)), built(t, "b", infraText("b", test.kind, test.two)),
			}, noConfig)
			got := slices.DeleteFunc(shareTexts(head.Fleet(New(nil, noConfig), Question{})), func(s string) bool {
				return !strings.HasPrefix(s, "network")
			})
			if strings.Join(got, "|") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlaceholderNetworkWithinOneRoot(t *testing.T) {
	text := infraText("a", "AWSCluster", "{network: {vpc: {id: '${VPC}'}}}") + "\n---" +
		infraText("b", "AWSCluster", "{network: {vpc: {id: '${VPC}'}}}")
	got := shareTexts(New([]render.Build{built(t, "r", text)}, noConfig).Fleet(New(nil, noConfig), Question{}))
	if diff := cmp.Diff([]string{"network: AWS VPC ${VPC}: a b"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestVSphereNetworkOfMachines(t *testing.T) {
	text := func(name string) string {
		return strings.ReplaceAll(infraText("NAME", "VSphereCluster", "{server: vc}")+`
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata: {name: NAME}
spec: {clusterName: NAME, template: {spec: {infrastructureRef: {
    apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: VSphereMachineTemplate, name: NAME}}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: VSphereMachineTemplate
metadata: {name: NAME}
spec: {template: {spec: {datacenter: dc, network: {devices: [{networkName: vm}]}}}}`, "NAME", name)
	}
	head := New([]render.Build{built(t, "a", text("a")), built(t, "b", text("b"))}, noConfig)
	f := head.Fleet(New(nil, noConfig), Question{})
	if diff := cmp.Diff([]string{"network: vSphere network vc/dc/vm: a b"}, shareTexts(f)); diff != "" {
		t.Fatal(diff)
	}
	m := f.Shares[0].Members[0]
	if m.Object.Kind != "VSphereMachineTemplate" ||
		m.Path.String() != "spec.template.spec.network.devices[0].networkName" {
		t.Errorf("member names %v %s", m.Object, m.Path)
	}
}

func TestSharedIdentitiesAndAccounts(t *testing.T) {
	head := New([]render.Build{built(t, "a", clusterText("a")), built(t, "b", clusterText("b")), built(t, "i",
		identityText1)}, noConfig)
	want := []string{"account: AWS account 123456789012: a b",
		"identity: AWS role arn:aws:iam::123456789012:role/capa: a b"}
	if diff := cmp.Diff(want, shareTexts(head.Fleet(New(nil, noConfig), Question{}))); diff != "" {
		t.Error(diff)
	}
}

// withDigest marks a value of a Secret as masked.
func withDigest(b render.Build, name, key, digest string, class render.SecretClass) render.Build {
	for i := range b.Resources {
		if b.Resources[i].Kind == "Secret" && b.Resources[i].Name == name {
			b.Resources[i].Masked = append(b.Resources[i].Masked,
				render.Masked{Path: render.Path{"data", key}, Class: class, Digest: digest})
		}
	}
	return b
}

func TestSharedAuthorities(t *testing.T) {
	secret := func(name string) string {
		return infraText(name, "AWSCluster",
			"{}") + "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "-ca}"
	}
	external := func(name, key string) string {
		return infraText(name, "AWSCluster", "{}") + `
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: x, namespace: default}
spec:
  secretStoreRef: {name: vault}
  target: {name: ` + name + `-ca}
  data: [{secretKey: tls.key, remoteRef: {key: ` + key + `, property: tls.key}}]`
	}
	certificate := func(name, issuer string) string {
		return infraText(name, "AWSCluster", "{}") + `
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: ` + name + `}
spec: {isCA: true, secretName: ` + name + `-ca, issuerRef: {kind: ClusterIssuer, name: ` + issuer + `}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: self}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: root}
spec: {ca: {secretName: root}}`
	}
	one, two := built(t, "a", secret("a")), built(t, "b", secret("b"))
	tests := []struct {
		name   string
		builds []render.Build
		want   []string
	}{
		{"equal keys", []render.Build{withDigest(one, "a-ca", "tls.key", "d", render.SecretPrivateKey),
			withDigest(two, "b-ca", "tls.key", "d", render.SecretPrivateKey)}, []string{
			"ca: the tls.key of Secret a-ca: a b"}},
		{"other keys", []render.Build{withDigest(built(t, "a", secret("a")), "a-ca", "tls.key", "d",
			render.SecretPrivateKey),
			withDigest(built(t, "b", secret("b")), "b-ca", "tls.key", "e", render.SecretPrivateKey)}, []string{}},
		{"equal placeholders", []render.Build{withDigest(built(t, "a", secret("a")), "a-ca", "tls.key", "d",
			render.SecretPlaceholder),
			withDigest(built(t, "b", secret("b")), "b-ca", "tls.key", "d", render.SecretPlaceholder)}, []string{}},
		{"public bundles", []render.Build{withDigest(built(t, "a", secret("a")), "a-ca", "ca.crt", "d", render.SecretCA),
			withDigest(built(t, "b", secret("b")), "b-ca", "ca.crt", "d", render.SecretCA)}, []string{}},
		{"external", []render.Build{built(t, "a", external("a", "k")), built(t, "b", external("b", "k"))},
			[]string{"ca: external secret k#tls.key of store vault: a b"}},
		{"external, other keys", []render.Build{built(t, "a", external("a", "k")), built(t, "b", external("b", "l"))},
			[]string{}},
		{"issuer", []render.Build{built(t, "r", certificate("a", "root")+"\n---"+certificate("b", "root"))},
			[]string{"ca: ClusterIssuer root: a b"}},
		{"self-signed", []render.Build{built(t, "r", certificate("a", "self")+"\n---"+certificate("b", "self"))},
			[]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := shareTexts(New(test.builds, noConfig).Fleet(New(nil, noConfig), Question{}))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSize(t *testing.T) {
	topology := `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: c}
spec:
  topology:
    class: k
    controlPlane: {replicas: CP}
    workers:
      machineDeployments:
      - {name: a, replicas: 2}
      - {name: b}
      - {name: c, metadata: {annotations: {cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size: "10"}}}
      machinePools: [{name: d, replicas: 4}]`
	tests := []struct {
		name, text string
		want       int
	}{
		{"own objects", clusterText("c"), 5},
		{"topology", strings.Replace(topology, "CP", "3", 1), 3 + 2 + 1 + 10 + 4},
		{"a default counts", strings.Replace(topology, "CP", "'${N:=5}'", 1), 5 + 2 + 1 + 10 + 4},
		{"a placeholder decides", strings.Replace(topology, "CP", "'${N}'", 1), -1},
		{"absurd", strings.Replace(topology, "CP", "99999999999999999999999", 1), -1},
		{"large", strings.Replace(topology, "CP", "999999999999", 1), 1_000_000 + 17},
		{"managed control plane has no nodes", strings.ReplaceAll(clusterText("c"), "kind: KubeadmControlPlane",
			"kind: AWSManagedControlPlane"), 2},
		{"machines", infraText("c", "X",
			"{}") + "\n---\napiVersion: cluster.x-k8s.io/v1beta1\nkind: Machine\nmetadata: {name: m}\nspec: {clusterName: c}",
			1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := New([]render.Build{built(t, "r", test.text)}, noConfig).Records()
			if len(got) != 1 || got[0].Replicas != test.want {
				t.Errorf("got %+v, want %d nodes", got, test.want)
			}
		})
	}
}

func TestFleetCounts(t *testing.T) {
	a, b, c := built(t, "a", clusterText("a")), built(t, "b", clusterText("b")), built(t, "c", clusterText("c"))
	copyOfA := built(t, "copy", clusterText("a"))
	bigger := built(t, "a", strings.Replace(clusterText("a"), "replicas: 2", "replicas: 12", 1))
	unknown := built(t, "a", strings.Replace(clusterText("a"), "replicas: 2", "replicas: '${N}'", 1))
	cosmetic := built(t, "a", clusterText("a")+"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}")
	type counts struct{ Added, Deleted, Total, Nodes, Unknown, Changed int }
	tests := []struct {
		name       string
		base, head []render.Build
		ask        Question
		want       counts
	}{
		{"nothing", []render.Build{a, b}, []render.Build{a, b}, Question{}, counts{Total: 2}},
		{"cosmetic", []render.Build{a}, []render.Build{cosmetic}, Question{}, counts{Total: 1}},
		{"added", []render.Build{a}, []render.Build{a, b, c}, Question{}, counts{2, 0, 3, 10, 0, 2}},
		{"deleted", []render.Build{a, b}, []render.Build{b}, Question{}, counts{Deleted: 1, Total: 1}},
		{"moved", []render.Build{a}, []render.Build{copyOfA}, Question{}, counts{Total: 1, Changed: 1}},
		{"rendered by two roots", nil, []render.Build{a, copyOfA}, Question{}, counts{1, 0, 1, 5, 0, 2}},
		{"scaled", []render.Build{a, b}, []render.Build{bigger, b}, Question{}, counts{0, 0, 2, 10, 0, 1}},
		{"scaled in", []render.Build{bigger}, []render.Build{a}, Question{}, counts{0, 0, 1, 0, 0, 1}},
		{"scaled to what nobody knows", []render.Build{a}, []render.Build{unknown}, Question{}, counts{0, 0, 1, 0, 1, 1}},
		{"asked about one root", []render.Build{a, b}, []render.Build{bigger, b}, Question{Roots: []string{"a"}}, counts{0,
			0, 2, 10, 0, 1}},
		{"asked about the deleted root", []render.Build{a, b}, []render.Build{b}, Question{Roots: []string{"a"}},
			counts{Deleted: 1, Total: 1}},
		{"audit", []render.Build{a, b}, []render.Build{a, b}, Question{All: true}, counts{Total: 2, Changed: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := New(test.head, noConfig).Fleet(New(test.base, noConfig), test.ask)
			got := counts{f.ClustersAdded, f.ClustersDeleted, f.ClustersTotal, f.NodesAdded, f.NodesUnknown, 0}
			for _, c := range f.Clusters {
				if c.Changed {
					got.Changed++
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (f.Anchor != nil) != (f.ClustersAdded > 0) {
				t.Errorf("anchor: got %+v with %d added", f.Anchor, f.ClustersAdded)
			}
		})
	}
}

func TestFleetNamesOnlyWhatChangedAndItsShares(t *testing.T) {
	vpc := func(name, id string) render.Build {
		return built(t, name, infraText(name, "AWSCluster", "{network: {vpc: {id: "+id+"}}}"))
	}
	base := New([]render.Build{vpc("a", "v1"), vpc("b", "v1"), vpc("c", "v2"), vpc("d", "v3")}, noConfig)
	head := New([]render.Build{vpc("a", "v1"), vpc("b", "v1"), vpc("c", "v2"), vpc("d", "v2")}, noConfig)
	limit := 3
	f := head.Fleet(base, Question{Limits: config.Limits{Clusters: &limit}})
	if diff := cmp.Diff([]string{"network: AWS VPC v2: c d"}, shareTexts(f)); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, c := range f.Clusters {
		names = append(names, fmt.Sprintf("%s %t %t", c.Name, c.Changed, c.New))
	}
	if diff := cmp.Diff([]string{"c false false", "d true false"}, names); diff != "" {
		t.Error(diff)
	}
	if f.LimitClusters == nil || *f.LimitClusters != 3 || !f.Shares[0].Members[1].Changed ||
		f.Shares[0].Members[0].Changed {
		t.Errorf("limits or marks of members: %+v", f)
	}
}

func TestNetworkThatAClassPatchWrites(t *testing.T) {
	class := strings.Replace(classBase, "PATCHES", "PATCH", 1)
	class = strings.Replace(class, "subnets: [{id: a}]", "network: {vpc: {id: vpc-1}}", 1)
	user := "\n---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {name: NAME, namespace: ns}\n" +
		"spec: {topology: {classRef: {name: k}}}"
	class += strings.ReplaceAll(user, "NAME", "c1") + strings.ReplaceAll(user, "NAME", "c2")
	plain := New([]render.Build{built(t, "r", strings.Replace(class, "PATCH", "- 7", 1))}, noConfig)
	if diff := cmp.Diff([]string{"network: AWS VPC vpc-1: c1 c2"}, shareTexts(plain.Fleet(New(nil, noConfig),
		Question{}))); diff != "" {
		t.Error(diff)
	}
	patched := New([]render.Build{built(t, "r", strings.Replace(class, "PATCH", patch("name: p", "AWSClusterTemplate",
		"infrastructureCluster: true", "{op: replace, path: /spec/template/spec/network/vpc, valueFrom: {variable: vpc}}"),
		1))}, noConfig)
	if got := shareTexts(patched.Fleet(New(nil, noConfig), Question{})); len(got) != 0 {
		t.Errorf("a patch decides the network: got %q", got)
	}
}
