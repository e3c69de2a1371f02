package fleet

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
)

// scaleLimit is generous: naively these fleets take many minutes, or all memory.
const scaleLimit = 2 * time.Minute

// named makes an object in the namespace that all of a crowd share.
func placed(apiVersion, kind, name string, spec map[string]any) map[string]any {
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": spec,
		"metadata": map[string]any{"name": name, "namespace": "ns", "labels": map[string]any{"env": "prod"}}}
}

const (
	infraAPI   = "infrastructure.cluster.x-k8s.io/v1beta2"
	clusterAPI = "cluster.x-k8s.io/v1beta1"
	addonsAPI  = "addons.cluster.x-k8s.io/v1beta1"
)

func infraRef(kind, name string) map[string]any {
	return map[string]any{"apiVersion": infraAPI, "kind": kind, "name": name}
}

// askAll puts every question that a side is asked.
func askAll(tb testing.TB, builds []render.Build) {
	tb.Helper()
	ix := New(builds, noConfig)
	for i := range builds {
		b := &builds[i]
		inputs := make([]any, 0, len(b.Resources)) // a judge keeps them all
		for j := range b.Resources {
			r := &b.Resources[j]
			inputs = append(inputs, ix.Object(r, b.Root))
			change := &render.Change{Action: render.ActionUpdate, Before: r, After: r, Destination: b.Root.Destination}
			inputs = append(inputs, ix.Change(change, ix))
		}
		FactsDigest(*b)
		Needs(*b)
		runtime.KeepAlive(inputs)
	}
	ix.Fleet(New(nil, noConfig), Question{})
}

// within fails a test whose work took longer than the limit.
func within(t *testing.T, what func()) {
	t.Helper()
	if testing.Short() {
		t.Skip("seconds of work")
	}
	start := time.Now()
	what()
	if took := time.Since(start); took > scaleLimit {
		t.Errorf("took %v, want less than %v", took, scaleLimit)
	} else {
		t.Logf("took %v", took)
	}
}

// crowdOf makes n clusters, n machine templates with a deployment in a cluster
// each, and n addons whose selectors pick every cluster; distinct selectors
// cannot share an answer.
func crowdOf(n int, distinct bool) []map[string]any {
	var objects []map[string]any
	for i := range n {
		name := fmt.Sprintf("o%05d", i)
		selector := map[string]any{"matchLabels": map[string]any{"env": "prod"}}
		if distinct {
			selector["matchExpressions"] = []any{map[string]any{"key": name, "operator": "DoesNotExist"}}
		}
		objects = append(objects,
			placed(clusterAPI, "Cluster", name, map[string]any{"infrastructureRef": infraRef("AWSCluster", name)}),
			placed(infraAPI, "AWSCluster", name, map[string]any{}),
			placed(clusterAPI, "MachineDeployment", name, map[string]any{"clusterName": name,
				"template": map[string]any{"spec": map[string]any{
					"infrastructureRef": infraRef("AWSMachineTemplate", name)}}}),
			placed(infraAPI, "AWSMachineTemplate", name, map[string]any{}),
			placed(addonsAPI, "ClusterResourceSet", name, map[string]any{"clusterSelector": selector,
				"resources": []any{map[string]any{"kind": "ConfigMap", "name": "addon"}}}),
		)
	}
	return append(objects, placed("v1", "ConfigMap", "addon", nil))
}

func TestCrowdOfSelectors(t *testing.T) {
	for _, distinct := range []bool{false, true} {
		t.Run(fmt.Sprintf("distinct=%t", distinct), func(t *testing.T) {
			builds := []render.Build{buildOf("r", crowdOf(3000, distinct))}
			within(t, func() { askAll(t, builds) })
		})
	}
}

// TestStar has two roots as large as a root may be: one where all refer to a
// single object, one where a single object refers to all.
func TestStar(t *testing.T) {
	const n = 20_000 - 1
	in := []map[string]any{placed("v1", "Secret", "hub", nil)}
	var out []map[string]any
	var resources []any
	for i := range n {
		name := fmt.Sprintf("o%05d", i)
		in = append(in, placed(infraAPI, "OpenStackCluster", name, map[string]any{
			"identityRef": map[string]any{"name": "hub"}}))
		out = append(out, placed("v1", "ConfigMap", name, nil))
		resources = append(resources, map[string]any{"kind": "ConfigMap", "name": name})
	}
	out = append(out, placed(addonsAPI, "ClusterResourceSet", "all", map[string]any{"resources": resources,
		"clusterSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}}))
	builds := []render.Build{buildOf("in", in), buildOf("out", out)}
	within(t, func() { askAll(t, builds) })
}

// classOf makes a class with n worker templates and as many patches that
// select them all.
func classOf(n, steps int) []map[string]any {
	name := func(i int) string { return fmt.Sprintf("t%05d", i) }
	var objects []map[string]any
	var deployments, patches []any
	for i := range n {
		objects = append(objects, placed(infraAPI, "AWSMachineTemplate", name(i), map[string]any{}))
		deployments = append(deployments, map[string]any{"class": name(i), "template": map[string]any{
			"infrastructure": map[string]any{"ref": infraRef("AWSMachineTemplate", name(i))}}})
	}
	deep := "/spec" + strings.Repeat("/x", 63-1)
	for i := range steps {
		step := map[string]any{"op": "add", "path": fmt.Sprint(deep, i), "value": "1"}
		patches = append(patches, map[string]any{"name": name(i), "definitions": []any{map[string]any{
			"selector": map[string]any{"apiVersion": infraAPI, "kind": "AWSMachineTemplate",
				"matchResources": map[string]any{"machineDeploymentClass": map[string]any{"names": []any{"t*"}}}},
			"jsonPatches": []any{step}}}})
	}
	return append(objects, placed(clusterAPI, "ClusterClass", "k", map[string]any{
		"workers": map[string]any{"machineDeployments": deployments}, "patches": patches}))
}

func TestClassOfManyTemplates(t *testing.T) {
	builds := []render.Build{buildOf("r", classOf(5000, 1000))}
	within(t, func() { askAll(t, builds) })
}

// TestManyDestinations spreads owners of a name over destinations, and users
// of it over others: each user then leads to every owner.
func TestManyDestinations(t *testing.T) {
	var builds []render.Build
	for i := range 3000 {
		owner, user := fmt.Sprintf("owner%05d", i), fmt.Sprintf("user%05d", i)
		builds = append(builds,
			buildOf(owner, []map[string]any{
				placed(infraAPI, "AWSMachineTemplate", "hub", map[string]any{}),
				placed(clusterAPI, "Cluster", "hub", map[string]any{})}),
			buildOf(user, []map[string]any{
				placed(addonsAPI, "HelmChartProxy", user, map[string]any{"clusterSelector": map[string]any{}}),
				placed(clusterAPI, "MachineDeployment", user, map[string]any{"clusterName": "hub",
					"template": map[string]any{"spec": map[string]any{
						"infrastructureRef": infraRef("AWSMachineTemplate", "hub")}}})}))
	}
	within(t, func() { askAll(t, builds) })
}

func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{750, 1500, 3000} {
		builds := []render.Build{buildOf("r", crowdOf(n, true))}
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				askAll(b, builds)
			}
		})
	}
}
