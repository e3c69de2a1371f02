package manifest

import (
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// GroupKind names a kind without its version.
type GroupKind struct{ Group, Kind string }

// Scopes says of kinds that the tree itself defines whether they are
// cluster-scoped. Built-in kinds are not asked about here; a kind that is in
// neither table counts as namespaced. The nil map is empty.
type Scopes map[GroupKind]bool

// Add notes the scope that a CustomResourceDefinition declares; any other
// object changes nothing. The object comes from the pull request.
func (s Scopes) Add(object map[string]any) {
	group, _ := splitVersion(words(object, "apiVersion"))
	if group != "apiextensions.k8s.io" || words(object, "kind") != "CustomResourceDefinition" {
		return
	}
	defined := GroupKind{words(object, "spec", "group"), words(object, "spec", "names", "kind")}
	if defined.Kind != "" {
		s[defined] = words(object, "spec", "scope") == "Cluster"
	}
}

func (s Scopes) cluster(kind GroupKind) bool {
	if kinds, builtIn := builtInCluster[kind.Group]; builtIn {
		return kinds[kind.Kind] // no definition in the tree changes these
	}
	if cluster, defined := s[kind]; defined {
		return cluster
	}
	return knownCluster[kind.Group][kind.Kind]
}

func set(names ...string) map[string]bool {
	members := make(map[string]bool, len(names))
	for _, name := range names {
		members[name] = true
	}
	return members
}

// builtInCluster lists the groups that Kubernetes itself serves, with their
// cluster-scoped kinds.
var builtInCluster = map[string]map[string]bool{
	"": set("Namespace", "Node", "PersistentVolume", "ComponentStatus"),
	"admissionregistration.k8s.io": set(
		"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy",
		"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
	),
	"apiextensions.k8s.io":         set("CustomResourceDefinition"),
	"apiregistration.k8s.io":       set("APIService"),
	"apps":                         set(),
	"autoscaling":                  set(),
	"batch":                        set(),
	"certificates.k8s.io":          set("CertificateSigningRequest", "ClusterTrustBundle"),
	"flowcontrol.apiserver.k8s.io": set("FlowSchema", "PriorityLevelConfiguration"),
	"internal.apiserver.k8s.io":    set("StorageVersion"),
	"networking.k8s.io":            set("IngressClass", "IPAddress", "ServiceCIDR"),
	"node.k8s.io":                  set("RuntimeClass"),
	"policy":                       set("PodSecurityPolicy"),
	"rbac.authorization.k8s.io":    set("ClusterRole", "ClusterRoleBinding"),
	"resource.k8s.io":              set("DeviceClass", "ResourceSlice", "DeviceTaintRule"),
	"scheduling.k8s.io":            set("PriorityClass"),
	"storage.k8s.io": set(
		"StorageClass", "CSIDriver", "CSINode", "VolumeAttachment", "VolumeAttributesClass",
	),
	"storagemigration.k8s.io": set("StorageVersionMigration"),
}

// knownCluster lists cluster-scoped kinds of add-ons whose definitions are
// often not in the tree.
var knownCluster = map[string]map[string]bool{
	"cert-manager.io":           set("ClusterIssuer"),
	"gateway.networking.k8s.io": set("GatewayClass"),
	"infrastructure.cluster.x-k8s.io": set(
		"AWSClusterControllerIdentity", "AWSClusterRoleIdentity", "AWSClusterStaticIdentity",
		"VSphereClusterIdentity", "VSphereDeploymentZone", "VSphereFailureDomain",
	),
	"config.projectsveltos.io": set("ClusterProfile"),
	"external-secrets.io":      set("ClusterExternalSecret", "ClusterSecretStore"),
	"ipam.cluster.x-k8s.io":    set("GlobalInClusterIPPool"),
	"kyverno.io":               set("ClusterPolicy"),
	"lib.projectsveltos.io":    set("ClusterSet"),
	"runtime.cluster.x-k8s.io": set("ExtensionConfig"),
	"snapshot.storage.k8s.io":  set("VolumeSnapshotClass", "VolumeSnapshotContent"),
}

// hasStatus reports whether the kind's status is a subresource: what a
// manifest says there is never applied.
func hasStatus(kind GroupKind) bool {
	if kinds, listed := statusKinds[kind.Group]; listed {
		return kinds[kind.Kind]
	}
	return kind.Group == "cluster.x-k8s.io" || strings.HasSuffix(kind.Group, ".cluster.x-k8s.io") ||
		strings.HasSuffix(kind.Group, ".toolkit.fluxcd.io")
}

// statusKinds lists, for groups that are not all alike, the kinds with a
// status subresource.
var statusKinds = map[string]map[string]bool{
	"": set(
		"Namespace", "Node", "PersistentVolume", "PersistentVolumeClaim", "Pod", "ReplicationController",
		"ResourceQuota", "Service",
	),
	"apiextensions.k8s.io": set("CustomResourceDefinition"),
	"apps":                 set("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
	"autoscaling":          set("HorizontalPodAutoscaler"),
	"batch":                set("CronJob", "Job"),
	"cert-manager.io":      set("Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"),
	"networking.k8s.io":    set("Ingress"),
	"policy":               set("PodDisruptionBudget"),
}

// identify reads what an object is known by.
func identify(object map[string]any, scopes Scopes) (render.Resource, *render.Problem) {
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	switch {
	case kind == "":
		return render.Resource{}, problem(render.CauseSyntax, 0, "an object without kind", "add kind (as text)")
	case version == "" || strings.Count(version, "/") > 1:
		return render.Resource{}, problem(render.CauseSyntax, 0,
			"a "+named("kind", kind)+" without a proper apiVersion", "write apiVersion as group/version, or version")
	}
	name := words(metadata, "name")
	if name == "" {
		return render.Resource{}, nameless(kind, metadata)
	}
	resource := render.Resource{RenderedNamespace: words(metadata, "namespace")}
	resource.Group, resource.Version = splitVersion(version)
	resource.Kind, resource.Name = kind, name
	if !scopes.cluster(GroupKind{resource.Group, kind}) && resource.RenderedNamespace != "default" {
		resource.Namespace = resource.RenderedNamespace
	}
	return resource, nil
}

func nameless(kind string, metadata map[string]any) *render.Problem {
	if words(metadata, "generateName") != "" {
		return problem(render.CauseSyntax, 0,
			"a "+named("kind", kind)+" with generateName: each apply makes a new object", "give it metadata.name")
	}
	return problem(render.CauseSyntax, 0, "a "+named("kind", kind)+" without metadata.name", "add metadata.name")
}
