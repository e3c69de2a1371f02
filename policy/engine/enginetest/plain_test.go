package enginetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

const two = `apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: eu, namespace: fleet, labels: {env: "${ENV:=prod}"}}
spec:
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: eu}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: eu, namespace: fleet}
spec: {region: "${REGION}"}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: fleet}
stringData: {password: hunter2hunter2}
`

func TestObjectsAreAsInAReview(t *testing.T) {
	objects, err := Plain{}.Objects(t.Context(), []byte(two))
	if err != nil || len(objects) != 3 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	of := func(kind string) engine.Object {
		return objects[slices.IndexFunc(objects, func(o engine.Object) bool { return o.Resource.Kind == kind })]
	}
	cluster, infra, secret := of("Cluster"), of("AWSCluster"), of("Secret")
	if label, _ := render.Lookup(cluster.Resolved, render.Path{"metadata", "labels", "env"}); label != "prod" {
		t.Errorf("placeholder default: %v", label)
	}
	if len(infra.Placeholders) != 1 || infra.Placeholders[0].Symbol != "REGION" {
		t.Errorf("placeholders %v", infra.Placeholders)
	}
	if len(cluster.Links) == 0 || cluster.Links[0].Found != "destination" || cluster.Links[0].Object == nil {
		t.Errorf("links %v", cluster.Links)
	}
	if len(infra.Clusters) != 1 || infra.Clusters[0].Name != "eu" {
		t.Errorf("clusters %v", infra.Clusters)
	}
	if len(secret.Resource.Masked) != 1 {
		t.Errorf("masked %v", secret.Resource.Masked)
	}
}

func TestChangesAndFleet(t *testing.T) {
	head := strings.Replace(two, "${REGION}", "eu-west-1", 1)
	changes, err := Plain{}.Changes(t.Context(), []byte(two), []byte(head))
	if err != nil || len(changes) != 1 || changes[0].Change.Action != render.ActionUpdate ||
		changes[0].Change.Fields[0].Path.String() != "spec.region" {
		t.Errorf("%v %v", changes, err)
	}
	for name, sides := range map[render.Action][2][]byte{
		render.ActionCreate: {nil, []byte(two)}, render.ActionDelete: {[]byte(two), nil},
	} {
		changes, err := Plain{}.Changes(t.Context(), sides[0], sides[1])
		if err != nil || len(changes) != 3 || changes[0].Change.Action != name {
			t.Errorf("%s: %v %v", name, changes, err)
		}
	}
	fleet, err := Plain{}.Fleet(t.Context(), nil, []byte("# limits: {clusters: 7}\n"+two))
	if err != nil || fleet.ClustersAdded != 1 || fleet.LimitClusters == nil || *fleet.LimitClusters != 7 {
		t.Errorf("%+v %v", fleet, err)
	}
}

func TestBadExamplesAreErrors(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML": "a: [", "no object": "a: b\n", "empty": "", "only a comment": "# x\n", "a list": "- a\n",
		"a key twice":        "apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: a}\n",
		"one that is broken": two + "---\nfoo: bar\n",
	} {
		if objects, err := (Plain{}).Objects(t.Context(), []byte(text)); err == nil {
			t.Errorf("%s: %v", name, objects)
		}
	}
	for _, limits := range []string{"{cluster: 1}", "{clusters: x}", "[", ""} {
		_, err := (Plain{}).Fleet(t.Context(), nil, []byte("# limits: "+limits+"\n"+two))
		if err == nil && limits != "" {
			t.Errorf("limits %q taken", limits)
		}
	}
}
