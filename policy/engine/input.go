package engine

import "github.com/countersign-dev/countersign/render"

// Placeholder is a string of the resource that still holds an unresolved
// ${NAME}. Defaults (${NAME:=value}) are applied before a rule sees the object.
type Placeholder struct {
	Path   render.Path
	Symbol string // the name
}

// ClassWrite is a place in a template that a ClusterClass patch writes.
type ClassWrite struct {
	Path  render.Path
	Op    string // add, replace, remove
	Class string // namespace/name of the ClusterClass
	Patch string // the patch's name
	// Conditional says that enabledIf or a variable decides whether or with
	// what the patch writes.
	Conditional bool
	Source      render.Source
}

// Link is a reference that a resource holds to another object.
type Link struct {
	Path   render.Path
	Target render.Identity
	// Role is what the reference is for: infrastructure, control-plane,
	// machine-template, bootstrap, identity, class, payload, secret …;
	// cluster-infrastructure, with an empty path, is the infrastructure object
	// of each cluster that a machine or machine template belongs to.
	Role string
	// Found says where the target is: "destination" (the same one), "tree"
	// (another root of the repository) or "missing".
	Found string
	// Object is the target where it was found; nil otherwise.
	Object map[string]any
	// Source, if Object is set, is where the target was written.
	Source render.Source
}

// Cluster is what is known of the cluster that an object belongs to.
type Cluster struct {
	Namespace, Name string
	// Environment is "production", another value of the label that the config
	// names, or "" when nothing says.
	Environment string
	// Role is "management", "workload" or "unknown".
	Role   string
	Labels map[string]string
	// ExternallyManaged says that its infrastructure has the managed-by annotation.
	ExternallyManaged bool
}

// Object is the input of an object rule: schema input/v1 object.
type Object struct {
	Resource    *render.Resource
	Root        string
	Destination string
	// Resolved is the resource's object with placeholder defaults applied.
	Resolved     map[string]any
	Placeholders []Placeholder
	// Clusters are those that the object belongs to or that use it, sorted; a
	// template may serve several.
	Clusters    []Cluster
	ClassWrites []ClassWrite
	Links       []Link
	// UsedBy are the objects that refer to this one, sorted.
	UsedBy []render.Identity
}

// Change is the input of a change rule (privileges and harmless rules):
// schema input/v1 change.
type Change struct {
	Change *render.Change
	// Before and After are the objects with placeholder defaults applied.
	Before, After map[string]any
	// Clusters are those that the change reaches, on both sides.
	Clusters []Cluster
	// ReferencedBy says who refers to the object on either side, and as what
	// (the roles of Link).
	ReferencedBy []Referrer
	// NamespaceRole is "provider", "system", "gitops" or "": what lives in the
	// object's namespace.
	NamespaceRole string
	// Failing are the ids of object rules that the base passes and the head
	// fails for this object, sorted (CS-AUD-025).
	Failing []RuleID
	// Related holds further objects that change rules compare with, by role:
	// the control plane of a worker, for its version.
	Related []Link
}

// Referrer is an object that refers to the changed one.
type Referrer struct {
	render.Identity
	Role string
}

// FleetCluster is a cluster's record of facts, as the fleet's rules see it.
type FleetCluster struct {
	Cluster
	Destination string
	Root        string
	Object      render.Identity
	Provider    string // aws, azure, gcp, openstack, vsphere …; "" when unknown
	// Changed says that its record differs between base and head.
	Changed bool
	// New says that the base side lacks the cluster.
	New bool
	// Replicas is the sum of nodes asked for, autoscaler maxima included; -1
	// when a placeholder decides.
	Replicas int
}

// FleetShare is one thing that two or more clusters share.
type FleetShare struct {
	// What is "network", "identity", "account" or "ca".
	What string
	// Key names the shared thing in words ("AWS VPC vpc-0123").
	Key     string
	Members []FleetMember
}

// FleetMember is a cluster's use of a shared thing.
type FleetMember struct {
	Cluster     Cluster
	Destination string
	Object      render.Identity
	Path        render.Path
	Source      render.Source
	Changed     bool
}

// Fleet is the input of fleet rules: schema input/v1 fleet. Shares are
// grouped in Go, so that the cost follows the changed clusters.
type Fleet struct {
	Clusters []FleetCluster // the changed ones, and members of shares
	Shares   []FleetShare   // those that a changed cluster is part of
	// Adds and Removes count what the pull request brings: clusters and nodes.
	ClustersAdded, ClustersDeleted, ClustersTotal int
	NodesAdded                                    int
	// NodesUnknown counts pools whose size a placeholder decides.
	NodesUnknown int
	// Limits are the config's; nil means that none is set.
	LimitClusters, LimitNodesAdded, LimitDeletions *int
	Anchor                                         *FleetMember // the first added cluster, to hang a limit's finding on
}
