package fleet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// ofRole returns the links of a role.
func ofRole(links []engine.Link, role string) []engine.Link {
	return slices.DeleteFunc(slices.Clone(links), func(l engine.Link) bool { return l.Role != role })
}

func TestCrowdIsCut(t *testing.T) {
	const n = maxListed + 20
	b := buildOf("r", crowdOf(n, true))
	ix := New([]render.Build{b}, noConfig)
	set := object(t, ix, "r", "ClusterResourceSet", "o00003")
	picked := ofRole(set.Links, reference.RoleCluster)
	if len(picked) != maxListed+1 || len(set.Clusters) != n {
		t.Fatalf("%d links and %d clusters, want %d and %d", len(picked), len(set.Clusters), maxListed+1, n)
	}
	rest := picked[maxListed]
	if rest.Target != (render.Identity{}) || rest.Found == FoundMissing || rest.Object == nil || len(rest.Object) != 0 {
		t.Errorf("the link for the rest says %+v", rest)
	}
	if missing := ofRole(set.Links[:maxListed], reference.RolePayload); len(missing) != 1 {
		t.Errorf("%d payloads, want 1", len(missing))
	}
	for _, kind := range []string{"Cluster", "ConfigMap"} {
		name := map[string]string{"Cluster": "o00007", "ConfigMap": "addon"}[kind]
		out := object(t, ix, "r", kind, name)
		if len(out.UsedBy) > maxListed+5 || len(out.UsedBy) < maxListed || out.UsedBy[0] != (render.Identity{}) {
			t.Errorf("%s: %d users, the first %v", kind, len(out.UsedBy), out.UsedBy[0])
		}
	}
	small := buildOf("r", crowdOf(maxListed, true))
	ix = New([]render.Build{small}, noConfig)
	for _, kind := range []string{"ClusterResourceSet", "Cluster"} {
		out := object(t, ix, "r", kind, "o00003")
		if slices.Contains(out.UsedBy, render.Identity{}) ||
			slices.ContainsFunc(out.Links, func(l engine.Link) bool { return l.Target.Name == "" }) {
			t.Errorf("%s: a list within its bound is cut", kind)
		}
	}
}

// TestThinnedTemplate asks for a template that more objects use than are
// named: users without a class make its patches uncertain, classes unknown.
func TestThinnedTemplate(t *testing.T) {
	template := placed(infraAPI, "AWSMachineTemplate", "hub", map[string]any{})
	objects := []map[string]any{template}
	for i := range maxListed + 1 {
		objects = append(objects, placed(clusterAPI, "MachineDeployment", fmt.Sprint("d", i), map[string]any{
			"clusterName": "c", "template": map[string]any{"spec": map[string]any{
				"infrastructureRef": infraRef("AWSMachineTemplate", "hub")}}}))
	}
	class := classOf(1, 1)[1]
	worker := class["spec"].(map[string]any)["workers"].(map[string]any)["machineDeployments"].([]any)[0]
	worker.(map[string]any)["template"] = map[string]any{"infrastructure": map[string]any{
		"ref": infraRef("AWSMachineTemplate", "hub")}}
	objects = append(objects, class)
	out := object(t, New([]render.Build{buildOf("r", objects)}, noConfig), "r", "AWSMachineTemplate", "hub")
	if len(out.ClassWrites) != 1 || out.ClassWrites[0].Op != "add" || !out.ClassWrites[0].Conditional {
		t.Errorf("with many deployments: %+v", out.ClassWrites)
	}
	for i := range maxListed {
		twin := placed(clusterAPI, "ClusterClass", fmt.Sprint("twin", i), class["spec"].(map[string]any))
		objects = append(objects, twin)
	}
	out = object(t, New([]render.Build{buildOf("r", objects)}, noConfig), "r", "AWSMachineTemplate", "hub")
	if len(out.ClassWrites) != 1 || out.ClassWrites[0].Op != "external" {
		t.Errorf("with many classes: %d writes", len(out.ClassWrites))
	}
}

// TestExcessiveClass holds that a class which costs too much may write
// everything, and that another one beside it is read as ever.
func TestExcessiveClass(t *testing.T) {
	objects := classOf(2000, 1000)
	small := classOf(2, 2)
	small[2]["metadata"].(map[string]any)["name"] = "small"
	small[2]["metadata"].(map[string]any)["namespace"] = "other"
	for _, o := range small {
		o["metadata"].(map[string]any)["namespace"] = "other"
	}
	b := buildOf("r", append(objects, small...))
	ix := New([]render.Build{b}, noConfig)
	for i := range b.Resources {
		r := &b.Resources[i]
		if r.Kind != "AWSMachineTemplate" {
			continue
		}
		writes := ix.Object(r, b.Root).ClassWrites
		if r.Namespace == "other" && len(writes) != 2 {
			t.Fatalf("%s: %d writes, want 2", r.Name, len(writes))
		}
		if r.Namespace == "ns" && (len(writes) != 1 || writes[0].Op != "external" || writes[0].Class != "ns/k") {
			t.Fatalf("%s: %+v", r.Name, writes)
		}
	}
}

// TestManyInfrastructures holds that a machine which serves more clusters than
// are listed never seems to be covered by all of them.
func TestManyInfrastructures(t *testing.T) {
	var objects []map[string]any
	for i := range maxInfra + 1 {
		name := fmt.Sprintf("c%05d", i)
		objects = append(objects,
			placed(clusterAPI, "Cluster", name, map[string]any{"infrastructureRef": infraRef("AWSCluster", name)}),
			placed(infraAPI, "AWSCluster", name, map[string]any{"sshKeyName": "k"}),
			placed(clusterAPI, "MachineDeployment", name, map[string]any{"clusterName": name,
				"template": map[string]any{"spec": map[string]any{
					"infrastructureRef": infraRef("AWSMachineTemplate", "hub")}}}))
	}
	objects = append(objects, placed(infraAPI, "AWSMachineTemplate", "hub", map[string]any{}))
	ix := New([]render.Build{buildOf("r", objects)}, noConfig)
	links := ofRole(object(t, ix, "r", "AWSMachineTemplate", "hub").Links, reference.RoleClusterInfrastructure)
	if len(links) != maxInfra+1 {
		t.Fatalf("%d links, want %d", len(links), maxInfra+1)
	}
	if last := links[maxInfra]; last.Object == nil || len(last.Object) != 0 {
		t.Errorf("the link for the rest has the object %v", last.Object)
	}
}

// TestMergeBudget holds that a change reaches all clusters once the budget for
// telling them apart is spent.
func TestMergeBudget(t *testing.T) {
	base := New([]render.Build{built(t, "a", clusterText("a")), built(t, "b", clusterText("b"))}, noConfig)
	head := New([]render.Build{built(t, "a", clusterText("z")), built(t, "b", clusterText("y"))}, noConfig)
	reach := func() []string {
		before, after := base.here[spot{"a", clusterID("a")}], head.here[spot{"a", clusterID("z")}]
		return clusterNames(head.reached(base, before, after))
	}
	exact := reach()
	if len(exact) != 2 {
		t.Fatalf("the change reaches %v", exact)
	}
	head.merges = newMerges()
	head.merges.left = 0
	if all := reach(); len(all) != 4 {
		t.Errorf("past the budget the change reaches %v, want all", all)
	}
}

func clusterID(name string) render.Identity {
	return render.Identity{Group: reference.GroupCluster, Kind: "Cluster", Name: name}
}

// TestUseBudget holds that networks which are not compared are said to be
// shared.
func TestUseBudget(t *testing.T) {
	var subnets []any
	for i := range 3000 {
		subnets = append(subnets, map[string]any{"id": fmt.Sprint("subnet-", i)})
	}
	objects := []map[string]any{placed(infraAPI, "AWSCluster", "hub", map[string]any{
		"network": map[string]any{"subnets": subnets}})}
	for i := range 200 {
		name := fmt.Sprintf("c%05d", i)
		objects = append(objects, placed(clusterAPI, "Cluster", name,
			map[string]any{"infrastructureRef": infraRef("AWSCluster", "hub")}))
	}
	ix := New([]render.Build{buildOf("r", objects)}, noConfig)
	total := 0
	for _, r := range ix.facts().list {
		total += len(r.uses)
	}
	if total > useBudget+200 {
		t.Errorf("%d uses", total)
	}
	shares := ix.Fleet(New(nil, noConfig), Question{}).Shares
	at := slices.IndexFunc(shares, func(s engine.FleetShare) bool { return s.Key == uncompared })
	if at < 0 || len(shares[at].Members) < 30 {
		t.Errorf("what is not compared is not said: %d", at)
	}
}
