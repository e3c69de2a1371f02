package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/render"
)

// words are keys and values that the package looks for.
var words = strings.Fields(`spec template topology class classRef workers machineDeployments machinePools patches
	definitions selector matchResources jsonPatches path op value valueFrom variable variables external enabledIf
	infrastructure controlPlane machineInfrastructure ref templateRef bootstrap infrastructureRef controlPlaneRef
	identityRef sourceIdentityRef name namespace kind apiVersion apiGroup clusterName clusterSelector matchLabels
	matchExpressions key operator values In resources files contentFrom secret network vpc id subnets networkSpec vnet
	resourceGroup filter devices networkName metadata labels annotations replicas isCA issuerRef data remoteRef
	/spec/template/spec/0 ${X} ${X:=1} ns default * controlPlaneX`)

// shape draws any value, with words in places where they may mean something.
func shape(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		word := rapid.SampledFrom(words)
		switch kind := rapid.IntRange(0, 6).Draw(t, "shape"); {
		case kind == 0:
			return nil
		case kind == 1:
			return rapid.Bool().Draw(t, "bool")
		case kind == 2:
			return json.Number(rapid.SampledFrom([]string{"0", "-1", "3.5", "99999999999999999999"}).Draw(t, "number"))
		case kind == 3 || depth == 0:
			return word.Draw(t, "text")
		case kind == 4:
			return rapid.SliceOfN(shape(depth-1), 0, 3).Draw(t, "list")
		}
		return rapid.MapOfN(word, shape(depth-1), 0, 3).Draw(t, "map")
	})
}

// mutate puts any value somewhere into a copy of an object.
func mutate(t *rapid.T, value any, depth int) any {
	switch node := value.(type) {
	case map[string]any:
		if len(node) == 0 || depth == 0 || rapid.IntRange(0, 5).Draw(t, "stop") == 0 {
			break
		}
		keys := make([]string, 0, len(node))
		for key := range node {
			keys = append(keys, key)
		}
		key := rapid.SampledFrom(sortedStrings(keys)).Draw(t, "key")
		out := map[string]any{}
		for k, v := range node {
			out[k] = v
		}
		out[key] = mutate(t, node[key], depth-1)
		return out
	case []any:
		if len(node) == 0 || depth == 0 {
			break
		}
		i := rapid.IntRange(0, len(node)-1).Draw(t, "index")
		out := append([]any(nil), node...)
		out[i] = mutate(t, node[i], depth-1)
		return out
	}
	return shape(3).Draw(t, "value")
}

// TestAnyShape holds that no object, however it is built, makes a question
// fail, and that links and their reverse still agree.
func TestAnyShape(t *testing.T) {
	var seeds []map[string]any
	for _, text := range []string{
		clusterText("a"), identityText1, strings.Replace(classBase, "PATCHES", patch("name: p", "AWSClusterTemplate",
			"infrastructureCluster: true", "{op: add, path: /spec/template/spec/x, value: 1}"), 1),
		"apiVersion: addons.cluster.x-k8s.io/v1beta1\nkind: ClusterResourceSet\nmetadata: {name: s}\n" +
			"spec: {clusterSelector: {matchExpressions: [{key: env, operator: In, values: [prod]}]}, resources: []}",
		"apiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {name: t, namespace: ns}\n" +
			"spec: {topology: {classRef: {name: k}, workers: {machineDeployments: [{class: big, replicas: 3}]}}}",
	} {
		seeds = append(seeds, parse(t, text)...)
	}
	rapid.Check(t, func(t *rapid.T) {
		var objects []map[string]any
		for _, seed := range seeds {
			object := seed
			for range rapid.IntRange(0, 2).Draw(t, "mutations") {
				object, _ = mutate(t, object, 8).(map[string]any)
			}
			if object != nil {
				objects = append(objects, object)
			}
		}
		b := buildOf("r", objects)
		ix := New([]render.Build{b}, config.Config{Substitute: map[string]string{"Y": "y"}})
		checkSymmetry(t, ix)
		for i := range b.Resources {
			ch := &render.Change{Action: render.ActionUpdate, Before: &b.Resources[i], After: &b.Resources[i], Destination: "r"}
			ix.Change(ch, ix)
		}
		ix.Fleet(New(nil, noConfig), Question{})
		FactsDigest(b)
		Needs(b)
	})
}

// TestProducts asks what costs the product of two long lists in a naive
// index: clusters times templates of a class, clusters times selectors.
func TestProducts(t *testing.T) {
	const n = 300
	class := parse(t, strings.Replace(classBase, "PATCHES", "- 7", 1))
	var deployments []any
	objects := class
	for i := range n {
		name := fmt.Sprintf("t%d", i)
		deployments = append(deployments, map[string]any{"class": name, "template": map[string]any{
			"infrastructure": map[string]any{"ref": map[string]any{
				"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "AWSMachineTemplate", "name": name}}}})
		in := func(apiVersion, kind string, spec map[string]any) map[string]any {
			return map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": spec,
				"metadata": map[string]any{"name": name, "namespace": "ns"}}
		}
		objects = append(objects,
			in("infrastructure.cluster.x-k8s.io/v1beta2", "AWSMachineTemplate", map[string]any{}),
			in("cluster.x-k8s.io/v1beta1", "Cluster", map[string]any{"topology": map[string]any{"class": "k"}}),
			in("addons.cluster.x-k8s.io/v1beta1", "HelmChartProxy", map[string]any{"clusterSelector": map[string]any{
				"matchExpressions": []any{map[string]any{"key": name, "operator": "DoesNotExist"}}}}),
		)
	}
	class[0]["spec"].(map[string]any)["workers"] = map[string]any{"machineDeployments": deployments}
	b := buildOf("r", objects)
	ix := New([]render.Build{b}, noConfig)
	for i := range b.Resources {
		out := ix.Object(&b.Resources[i], b.Root)
		if out.Resource.Kind == "AWSMachineTemplate" && out.Resource.Name != "m" && out.Resource.Name != "w" &&
			len(out.Clusters) != n {
			t.Fatalf("%s reaches %d clusters, want %d", out.Resource.Name, len(out.Clusters), n)
		}
	}
	ix.Fleet(New(nil, noConfig), Question{})
}
