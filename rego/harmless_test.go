package rego_test

import (
	"encoding/json"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// commanding are kinds that command clusters or what applies them: a change of
// what they say is never harmless, in any namespace and any version.
var commanding = map[string][]string{
	"cluster.x-k8s.io": {"Cluster", "ClusterClass", "Machine", "MachineSet", "MachineDeployment", "MachinePool",
		"MachineHealthCheck", "MachineDrainRule"},
	"controlplane.cluster.x-k8s.io": {"KubeadmControlPlane", "RKE2ControlPlane", "KThreesControlPlane",
		"TalosControlPlane", "K0sControlPlane", "KamajiControlPlane", "AWSManagedControlPlane", "ROSAControlPlane",
		"KubeadmControlPlaneTemplate"},
	"bootstrap.cluster.x-k8s.io":      {"KubeadmConfig", "KubeadmConfigTemplate", "EKSConfig", "NodeadmConfig"},
	"infrastructure.cluster.x-k8s.io": {"AWSCluster", "AWSMachineTemplate", "AzureClusterIdentity", "VCluster"},
	"addons.cluster.x-k8s.io":         {"ClusterResourceSet", "ClusterResourceSetBinding", "HelmChartProxy"},
	"runtime.cluster.x-k8s.io":        {"ExtensionConfig"},
	"ipam.cluster.x-k8s.io":           {"InClusterIPPool", "GlobalInClusterIPPool"},
	"operator.cluster.x-k8s.io":       {"CoreProvider", "InfrastructureProvider"},
	"clusterctl.cluster.x-k8s.io":     {"Provider"},
	"":                                {"Secret", "Namespace", "ServiceAccount", "Node", "PersistentVolume", "Endpoints"},
	"containerservice.azure.com":      {"ManagedCluster"},
	"openstack.k-orc.cloud":           {"Network"},
	"ec2.services.k8s.aws":            {"VPC"},
	"ec2.aws.upbound.io":              {"VPC"},
	"example.crossplane.io":           {"Claim"},
	"container.cnrm.cloud.google.com": {"ContainerCluster"},
	"metal3.io":                       {"BareMetalHost"},
	"ipam.metal3.io":                  {"IPPool"},
	"vmoperator.vmware.com":           {"VirtualMachine", "VirtualMachineClass"},
	"apiextensions.k8s.io":            {"CustomResourceDefinition"},
	"rbac.authorization.k8s.io":       {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"},
	"admissionregistration.k8s.io": {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
		"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
	"apiregistration.k8s.io":                       {"APIService"},
	"kyverno.io":                                   {"ClusterPolicy"},
	"templates.gatekeeper.sh":                      {"ConstraintTemplate"},
	"cert-manager.io":                              {"Certificate", "Issuer", "ClusterIssuer"},
	"source.toolkit.fluxcd.io":                     {"GitRepository", "OCIRepository"},
	"kustomize.toolkit.fluxcd.io":                  {"Kustomization"},
	"helm.toolkit.fluxcd.io":                       {"HelmRelease"},
	"image.toolkit.fluxcd.io":                      {"ImageUpdateAutomation"},
	"notification.toolkit.fluxcd.io":               {"Receiver"},
	"argoproj.io":                                  {"Application", "ApplicationSet", "AppProject", "Workflow"},
	"config.projectsveltos.io":                     {"ClusterProfile"},
	"fleet.cattle.io":                              {"GitRepo", "Bundle"},
	"cluster.open-cluster-management.io":           {"ManagedCluster"},
	"external-secrets.io":                          {"ExternalSecret"},
	"example.org":                                  {"Thing"}, // nobody knows it
	"extensions":                                   {"Deployment"},
	"infrastructure.cluster.x-k8s.io.evil.example": {"AWSCluster"},
}

// TestCommandingKindsAreNeverHarmless asks all rules about each of these kinds:
// at least one speaks, and no harmless one does.
func TestCommandingKindsAreNeverHarmless(t *testing.T) {
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	var changes []engine.Change
	for group, kinds := range commanding {
		for _, kind := range kinds {
			changes = append(changes, everyAction(group, kind)...)
		}
	}
	reports, err := rules.Changes(t.Context(), changes, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The objects would be harmless if they were workloads: else this proves nothing.
	workloads, err := rules.Changes(t.Context(), everyAction("apps", "Deployment")[:3], nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range workloads {
		if len(report.Harmless) == 0 {
			t.Error("a workload is not harmless")
		}
	}
	for i, report := range reports {
		ch := changes[i].Change
		name := string(ch.Action) + " " + ch.Resource().Group + "/" + ch.Resource().Kind
		if len(report.Harmless) > 0 {
			t.Errorf("%s is harmless: %s", name, report.Harmless[0].Message)
		}
		if len(report.Reasons) == 0 {
			t.Errorf("%s has no reason", name)
		}
		for _, e := range report.Errors {
			t.Errorf("%s: %s: %s", name, e.Rule, e.Message)
		}
	}
}

// everyAction are the changes of an object that would be harmless if its kind
// were that of a workload or of settings.
func everyAction(group, kind string) []engine.Change {
	resource := func(n string) *render.Resource {
		return &render.Resource{
			Identity: render.Identity{Group: group, Kind: kind, Namespace: "shop", Name: "web"}, Version: "v1",
			Object: map[string]any{
				"apiVersion": group + "/v1", "kind": kind,
				"metadata": map[string]any{"name": "web", "namespace": "shop"},
				"spec": map[string]any{"replicas": json.Number(n), "template": map[string]any{"spec": map[string]any{
					"containers": []any{map[string]any{"name": "web", "image": "example.com/web:1." + n}},
				}}},
			},
		}
	}
	b, a := resource("1"), resource("2")
	fields := []render.Field{{Path: render.Path{"spec", "replicas"}, Before: json.Number("1"), After: json.Number("2")}}
	return []engine.Change{
		{Change: &render.Change{Action: render.ActionCreate, After: a}, After: a.Object},
		{Change: &render.Change{Action: render.ActionDelete, Before: b}, Before: b.Object},
		{Change: &render.Change{Action: render.ActionUpdate, Before: b, After: a, Fields: fields}, Before: b.Object,
			After: a.Object},
		{Change: &render.Change{Action: render.ActionMove, Before: b, After: b, From: "x"}, Before: b.Object,
			After: b.Object},
	}
}
