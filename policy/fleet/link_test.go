package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

func TestLinks(t *testing.T) {
	tests := []struct {
		name, kind, object string
		want               []string
	}{
		{"cluster v1beta1", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: c, namespace: ns}
spec:
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1alpha3, kind: AWSCluster, name: c}
  controlPlaneRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta1, kind: KubeadmControlPlane, name: cp,
      namespace: other}`,
			[]string{
				"spec.controlPlaneRef control-plane missing KubeadmControlPlane other/cp",
				"spec.infrastructureRef infrastructure missing AWSCluster ns/c",
			}},
		{"cluster v1beta2", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: c}
spec:
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: c}
  controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: KubeadmControlPlane, name: cp}`,
			[]string{
				"spec.controlPlaneRef control-plane missing KubeadmControlPlane cp",
				"spec.infrastructureRef infrastructure missing AWSCluster c",
			}},
		{"values that Flux puts in", "Kustomization", `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: k, namespace: ns}
spec:
  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: hidden}]}
  kubeConfig: {secretRef: {name: c-kubeconfig}}`,
			[]string{
				"spec.kubeConfig.secretRef secret missing Secret ns/c-kubeconfig",
				"spec.postBuild.substituteFrom[0] values missing ConfigMap ns/vars",
				"spec.postBuild.substituteFrom[1] values missing Secret ns/hidden",
			}},
		{"values of a release", "HelmRelease", `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: h, namespace: ns}
spec: {valuesFrom: [{kind: ConfigMap, name: vars}]}`,
			[]string{"spec.valuesFrom[0] values missing ConfigMap ns/vars"}},
		{"a version in apiGroup", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: c}
spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: c}}`,
			[]string{"spec.infrastructureRef infrastructure missing AWSCluster c"}},
		{"topology v1beta1", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: c, namespace: ns}
spec:
  topology:
    class: quick
    classNamespace: classes
    controlPlane:
      machineHealthCheck:
        remediationTemplate: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: Rem,
            name: r}`,
			[]string{
				"spec.topology.class class missing ClusterClass classes/quick",
				"spec.topology.controlPlane.machineHealthCheck.remediationTemplate remediation missing Rem ns/r",
			}},
		{"topology v1beta2", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: c, namespace: ns}
spec:
  topology:
    classRef: {name: quick}
    workers:
      machineDeployments:
      - healthCheck: {remediation: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: R,
          name: r}}}`,
			[]string{
				"spec.topology.classRef class missing ClusterClass ns/quick",
				"spec.topology.workers.machineDeployments[0].healthCheck.remediation.templateRef remediation missing R ns/r",
			}},
		{"KCP v1beta1", "KubeadmControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: cp}
spec:
  machineTemplate: {infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
      kind: AWSMachineTemplate, name: m}}
  kubeadmConfigSpec:
    files: [{path: /a}, {path: /b, contentFrom: {secret: {name: s, key: k}}}]
    users: [{name: u, passwdFrom: {secret: {name: pw, key: k}}}]`,
			[]string{
				"spec.kubeadmConfigSpec.files[1].contentFrom.secret secret missing Secret s",
				"spec.kubeadmConfigSpec.users[0].passwdFrom.secret secret missing Secret pw",
				"spec.machineTemplate.infrastructureRef machine-template missing AWSMachineTemplate m",
			}},
		{"KCP v1beta2", "KubeadmControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlane
metadata: {name: cp}
spec: {machineTemplate: {spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io,
    kind: AWSMachineTemplate, name: m}}}}`,
			[]string{"spec.machineTemplate.spec.infrastructureRef machine-template missing AWSMachineTemplate m"}},
		{"KCP template", "KubeadmControlPlaneTemplate", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlaneTemplate
metadata: {name: cp}
spec: {template: {spec: {kubeadmConfigSpec: {files: [{contentFrom: {secret: {name: s}}}]}}}}`,
			[]string{"spec.template.spec.kubeadmConfigSpec.files[0].contentFrom.secret secret missing Secret s"}},
		{"RKE2 older", "RKE2ControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: RKE2ControlPlane
metadata: {name: cp}
spec:
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: M, name: m}
  serverConfig: {auditPolicySecret: {name: a, namespace: x}}
  files: [{contentFrom: {secret: {name: s}}}]`,
			[]string{
				"spec.files[0].contentFrom.secret secret missing Secret s",
				"spec.infrastructureRef machine-template missing M m",
				"spec.serverConfig.auditPolicySecret secret missing Secret x/a",
			}},
		{"K3s", "KThreesControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KThreesControlPlane
metadata: {name: cp}
spec:
  machineTemplate: {infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: M, name: m}}
  kthreesConfigSpec: {files: [{contentFrom: {secret: {name: s}}}]}`,
			[]string{
				"spec.kthreesConfigSpec.files[0].contentFrom.secret secret missing Secret s",
				"spec.machineTemplate.infrastructureRef machine-template missing M m",
			}},
		{"Talos", "TalosControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1alpha3
kind: TalosControlPlane
metadata: {name: cp}
spec: {infrastructureTemplate: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: M, name: m}}`,
			[]string{"spec.infrastructureTemplate machine-template missing M m"}},
		{"machine deployment", "MachineDeployment", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: md}
spec:
  template:
    spec:
      bootstrap: {configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: KubeadmConfigTemplate, name: b}}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSMachineTemplate, name: m}`,
			[]string{
				"spec.template.spec.bootstrap.configRef bootstrap missing KubeadmConfigTemplate b",
				"spec.template.spec.infrastructureRef machine-template missing AWSMachineTemplate m",
			}},
		{"machine pool with data secret", "MachinePool", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachinePool
metadata: {name: mp}
spec:
  template:
    spec:
      bootstrap: {dataSecretName: d}
      infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedMachinePool, name: m}`,
			[]string{
				"spec.template.spec.bootstrap.dataSecretName bootstrap missing Secret d",
				"spec.template.spec.infrastructureRef infrastructure missing AWSManagedMachinePool m",
			}},
		{"class v1beta1", "ClusterClass", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: ClusterClass
metadata: {name: k, namespace: ns}
spec:
  infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, name: i}}
  controlPlane:
    ref: {apiVersion: controlplane.cluster.x-k8s.io/v1beta1, kind: KubeadmControlPlaneTemplate, name: cp}
    machineInfrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate,
        name: m}}
  workers:
    machineDeployments:
    - class: w
      template:
        bootstrap: {ref: {apiVersion: bootstrap.cluster.x-k8s.io/v1beta1, kind: KubeadmConfigTemplate, name: b}}
        infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate,
            name: wm}}`,
			[]string{
				"spec.controlPlane.machineInfrastructure.ref machine-template missing AWSMachineTemplate ns/m",
				"spec.controlPlane.ref control-plane missing KubeadmControlPlaneTemplate ns/cp",
				"spec.infrastructure.ref infrastructure missing AWSClusterTemplate ns/i",
				"spec.workers.machineDeployments[0].template.bootstrap.ref bootstrap missing KubeadmConfigTemplate ns/b",
				"spec.workers.machineDeployments[0].template.infrastructure.ref machine-template missing AWSMachineTemplate ns/wm",
			}},
		{"class v1beta2", "ClusterClass", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: ClusterClass
metadata: {name: k}
spec:
  infrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate,
      name: i}}
  controlPlane:
    templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: KubeadmControlPlaneTemplate, name: cp}
    machineInfrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
        kind: AWSMachineTemplate, name: m}}
    healthCheck: {remediation: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: R, name: r}}}
  workers:
    machinePools:
    - class: w
      bootstrap: {templateRef: {apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: KubeadmConfigTemplate, name: b}}
      infrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,
          kind: AWSMachinePoolTemplate, name: p}}`,
			[]string{
				"spec.controlPlane.healthCheck.remediation.templateRef remediation missing R r",
				"spec.controlPlane.machineInfrastructure.templateRef machine-template missing AWSMachineTemplate m",
				"spec.controlPlane.templateRef control-plane missing KubeadmControlPlaneTemplate cp",
				"spec.infrastructure.templateRef infrastructure missing AWSClusterTemplate i",
				"spec.workers.machinePools[0].bootstrap.templateRef bootstrap missing KubeadmConfigTemplate b",
				"spec.workers.machinePools[0].infrastructure.templateRef machine-template missing AWSMachinePoolTemplate p",
			}},
		{"health check", "MachineHealthCheck", `
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: h}
spec:
  remediationTemplate: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: R, name: old}
  remediation: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: R, name: new}}`,
			[]string{
				"spec.remediation.templateRef remediation missing R new",
				"spec.remediationTemplate remediation missing R old",
			}},
		{"AWS identity is cluster-scoped", "AWSCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: c, namespace: ns}
spec: {identityRef: {kind: AWSClusterRoleIdentity, name: r}}`,
			[]string{"spec.identityRef identity missing AWSClusterRoleIdentity r"}},
		{"AWS built-in identity is nobody's to write", "AWSClusterRoleIdentity", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: r}
spec: {sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}`,
			[]string{}},
		{"EKS template", "AWSManagedControlPlaneTemplate", `
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: AWSManagedControlPlaneTemplate
metadata: {name: c}
spec: {template: {spec: {identityRef: {kind: AWSClusterRoleIdentity, name: r}}}}`,
			[]string{"spec.template.spec.identityRef identity missing AWSClusterRoleIdentity r"}},
		{"Azure identity without kind", "AzureCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: AzureCluster
metadata: {name: c, namespace: ns}
spec: {identityRef: {name: id, namespace: ids}}`,
			[]string{"spec.identityRef identity missing AzureClusterIdentity ids/id"}},
		{"Azure client secret", "AzureClusterIdentity", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: AzureClusterIdentity
metadata: {name: id, namespace: ns}
spec: {clientSecret: {name: s, namespace: x}}`,
			[]string{"spec.clientSecret secret missing Secret x/s"}},
		{"ASO", "AzureASOManagedControlPlane", `
apiVersion: controlplane.cluster.x-k8s.io/v1alpha1
kind: AzureASOManagedControlPlane
metadata: {name: c}
spec:
  resources:
  - apiVersion: containerservice.azure.com/v1
    kind: ManagedCluster
    metadata: {name: c, annotations: {serviceoperator.azure.com/credential-from: creds}}`,
			[]string{`spec.resources[0].metadata.annotations["serviceoperator.azure.com/credential-from"] ` +
				"identity missing Secret creds"}},
		{"vSphere secret", "VSphereCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: VSphereCluster
metadata: {name: c, namespace: ns}
spec: {identityRef: {kind: Secret, name: s}}`,
			[]string{"spec.identityRef identity missing Secret ns/s"}},
		{"vSphere identity", "VSphereClusterIdentity", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: VSphereClusterIdentity
metadata: {name: i}
spec: {secretName: s}`,
			[]string{"spec.secretName secret missing Secret capv-system/s"}},
		{"OpenStack", "OpenStackMachineTemplate", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: OpenStackMachineTemplate
metadata: {name: c}
spec: {template: {spec: {identityRef: {name: s, cloudName: o}}}}`,
			[]string{"spec.template.spec.identityRef identity missing Secret s"}},
		{"OpenStack cluster identity", "OpenStackCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: OpenStackCluster
metadata: {name: c, namespace: ns}
spec: {identityRef: {type: ClusterIdentity, name: s, cloudName: o}}`,
			[]string{"spec.identityRef identity missing OpenStackClusterIdentity s"}},
		{"GCP", "GCPCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: GCPCluster
metadata: {name: c}
spec: {credentialsRef: {name: s, namespace: x}}`,
			[]string{"spec.credentialsRef identity missing Secret x/s"}},
		{"Hetzner", "HetznerCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: HetznerCluster
metadata: {name: c}
spec: {hetznerSecretRef: {name: s, key: {hcloudToken: t}}}`,
			[]string{"spec.hetznerSecretRef identity missing Secret s"}},
		{"CloudStack", "CloudStackCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta3
kind: CloudStackCluster
metadata: {name: c}
spec: {failureDomains: [{acsEndpoint: {name: s, namespace: x}}]}`,
			[]string{"spec.failureDomains[0].acsEndpoint identity missing Secret x/s"}},
		{"CRS", "ClusterResourceSet", `
apiVersion: addons.cluster.x-k8s.io/v1beta1
kind: ClusterResourceSet
metadata: {name: c}
spec: {clusterSelector: {}, resources: [{kind: ConfigMap, name: a}, {kind: Secret, name: b}]}`,
			[]string{
				"spec.resources[0] payload missing ConfigMap a",
				"spec.resources[1] payload missing Secret b",
			}},
		{"operator", "CoreProvider", `
apiVersion: operator.cluster.x-k8s.io/v1alpha2
kind: CoreProvider
metadata: {name: c, namespace: capi-system}
spec: {configSecret: {name: s}}`,
			[]string{"spec.configSecret secret missing Secret capi-system/s"}},
		{"certificate", "Certificate", `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: c, namespace: ns}
spec: {secretName: c-ca, isCA: true, issuerRef: {name: i}}`,
			[]string{"spec.issuerRef issuer missing Issuer ns/i"}},
		{"owner references do not count", "AWSCluster", `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: c, ownerReferences: [{apiVersion: cluster.x-k8s.io/v1beta1, kind: Cluster, name: x}]}
spec: {}`,
			[]string{}},
		{"shapes that are wrong refer to nothing", "Cluster", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: c}
spec: {infrastructureRef: [1, 2], controlPlaneRef: x, topology: {class: [a], classRef: 7, workers: {
    machineDeployments: {a: b}}}}`,
			[]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := built(t, "r", test.object)
			got := New(nil, noConfig).Object(&b.Resources[0], b.Root)
			if diff := cmp.Diff(test.want, linkTexts(got.Links)); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatControllersMake holds that nobody is told to write what a
// controller makes, and that what becomes a Secret is one.
func TestWhatControllersMake(t *testing.T) {
	b := built(t, "r", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: c}
spec:
  topology: {class: k}
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: AzureCluster, name: c-abcde}
---
apiVersion: bootstrap.cluster.x-k8s.io/v1beta1
kind: KubeadmConfig
metadata: {name: b}
spec:
  files:
  - {contentFrom: {secret: {name: c-md-azure-json}}}
  - {contentFrom: {secret: {name: c-kubeconfig}}}
  - {contentFrom: {secret: {name: d-kubeconfig}}}
  - {contentFrom: {secret: {name: made}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: es}
spec: {target: {name: made}}`)
	ix := New([]render.Build{b}, noConfig)
	want := []string{
		"spec.files[2].contentFrom.secret secret missing Secret d-kubeconfig",
		"spec.files[3].contentFrom.secret secret destination ExternalSecret es",
	}
	if diff := cmp.Diff(want, linkTexts(object(t, ix, "r", "KubeadmConfig", "b").Links)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	want = []string{"spec.topology.class class missing ClusterClass k"}
	if diff := cmp.Diff(want, linkTexts(object(t, ix, "r", "Cluster", "c").Links)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	checkSymmetry(t, ix)
}

// TestBlanksInPlaceholders holds that tools which allow blanks in placeholders
// find the same object with and without them.
func TestBlanksInPlaceholders(t *testing.T) {
	ix := New([]render.Build{built(t, "r", `
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: "${ NAME }"}
spec:
  infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: "${NAME}-i"}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: "${ NAME }-i"}
spec: {}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata: {name: "${NAME}-md"}
spec: {clusterName: "${NAME}"}
`)}, noConfig)
	links := linkTexts(object(t, ix, "r", "Cluster", "${ NAME }").Links)
	want := []string{"spec.infrastructureRef infrastructure destination AWSCluster ${ NAME }-i"}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if clusters := object(t, ix, "r", "MachineDeployment", "${NAME}-md").Clusters; len(clusters) != 1 {
		t.Errorf("the deployment belongs to %d clusters", len(clusters))
	}
}
