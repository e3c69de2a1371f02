package fleet

// The roles of links: what a reference is for.
const (
	RoleInfrastructure  = "infrastructure"
	RoleControlPlane    = "control-plane"
	RoleMachineTemplate = "machine-template"
	RoleBootstrap       = "bootstrap"
	RoleIdentity        = "identity"
	RoleClass           = "class"
	RolePayload         = "payload"
	RoleSecret          = "secret" // read by nodes or by providers
	RoleRemediation     = "remediation"
	RoleIssuer          = "issuer"  // of a certificate
	RoleCluster         = "cluster" // a cluster that a selector picks
)

// Where a link's target was found.
const (
	FoundDestination = "destination" // in the destination of the one who refers
	FoundTree        = "tree"        // in another destination of the repository
	FoundMissing     = "missing"
)

// API groups that matter here.
const (
	groupCluster      = "cluster.x-k8s.io"
	groupControlPlane = "controlplane." + groupCluster
	groupBootstrap    = "bootstrap." + groupCluster
	groupInfra        = "infrastructure." + groupCluster
	groupAddons       = "addons." + groupCluster
	groupOperator     = "operator." + groupCluster
	groupClusterctl   = "clusterctl." + groupCluster
	groupCertManager  = "cert-manager.io"
)

// labelClusterName and its like are Cluster API's own labels and annotations.
const (
	labelClusterName    = groupCluster + "/cluster-name"
	labelProvider       = groupCluster + "/provider"
	annotationManagedBy = groupCluster + "/managed-by"
	annotationMaxSize   = groupCluster + "/cluster-api-autoscaler-node-group-max-size"
	annotationASO       = "serviceoperator.azure.com/credential-from"
)

// clusterScoped are kinds without namespace to which references name none.
var clusterScoped = map[string]bool{
	"AWSClusterControllerIdentity": true,
	"AWSClusterRoleIdentity":       true,
	"AWSClusterStaticIdentity":     true,
	"VSphereClusterIdentity":       true,
	"OpenStackClusterIdentity":     true,
	"ClusterIssuer":                true,
	"ClusterSecretStore":           true,
	"GlobalInClusterIPPool":        true,
}
