package reference

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
	RoleValues          = "values"  // what a deployer puts into what it applies
	RoleIssuer          = "issuer"  // of a certificate
	RoleCluster         = "cluster" // a cluster that a selector picks
	// RoleClusterInfrastructure leads from a machine to what it takes defaults
	// from, though no field of it says so.
	RoleClusterInfrastructure = "cluster-infrastructure"
)

// API groups that matter to a fleet.
const (
	GroupCluster      = "cluster.x-k8s.io"
	GroupControlPlane = "controlplane." + GroupCluster
	GroupBootstrap    = "bootstrap." + GroupCluster
	GroupInfra        = "infrastructure." + GroupCluster
	GroupAddons       = "addons." + GroupCluster
	GroupOperator     = "operator." + GroupCluster
	GroupClusterctl   = "clusterctl." + GroupCluster
	GroupCertManager  = "cert-manager.io"
)

// LabelClusterName and its like are Cluster API's own or its providers'.
const (
	LabelClusterName    = GroupCluster + "/cluster-name"
	LabelProvider       = GroupCluster + "/provider"
	AnnotationManagedBy = GroupCluster + "/managed-by"
	AnnotationMaxSize   = GroupCluster + "/cluster-api-autoscaler-node-group-max-size"
	AnnotationASO       = "serviceoperator.azure.com/credential-from"
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
