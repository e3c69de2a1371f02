package reference

import (
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
)

// Reference is one reference as an object writes it.
type Reference struct {
	Path   render.Path
	Role   string
	Target render.Identity
}

// reader reads a reference from the value of a field; false when the field
// names nothing.
type reader func(owner render.Identity, value any) (render.Identity, bool)

// slot is a place that may hold a reference.
type slot struct {
	pattern []string
	role    string
	read    reader
	// leaf is the key below the pattern that the reader took; "" for the
	// value itself.
	leaf string
}

// GroupOf returns the API group of an apiVersion: "" for the core group.
func GroupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// objectRef reads {apiVersion or apiGroup, kind, name, namespace}.
func objectRef(owner render.Identity, value any) (render.Identity, bool) {
	// Some write a version behind the group; which object is meant is clear.
	group, _, _ := strings.Cut(field.Text(value, "apiGroup"), "/")
	if group == "" {
		group = GroupOf(field.Text(value, "apiVersion"))
	}
	return named(owner, value, group, field.Text(value, "kind"))
}

// fixed reads {name, namespace} of a kind that the field implies.
func fixed(group, kind string) reader {
	return func(owner render.Identity, value any) (render.Identity, bool) {
		return named(owner, value, group, kind)
	}
}

// secretName reads the bare name of a Secret. The namespace is the owner's
// unless one is given.
func secretName(namespace string) reader {
	return func(owner render.Identity, value any) (render.Identity, bool) {
		name := field.Text(value)
		if namespace != "" {
			owner.Namespace = namespace
		}
		return Place(owner, "", "Secret", name), name != ""
	}
}

// secretOrName reads a Secret as {name, namespace} or as a bare name in a
// provider's own namespace.
func secretOrName(namespace string) reader {
	bare := secretName(namespace)
	return func(owner render.Identity, value any) (render.Identity, bool) {
		if _, isText := value.(string); isText {
			return bare(owner, value)
		}
		return named(owner, value, "", "Secret")
	}
}

// identityRef reads the identity of an infrastructure object: a kind of the
// provider's own group or a Secret; what a missing kind means is up to the
// provider.
func identityRef(owner render.Identity, value any) (render.Identity, bool) {
	kind := field.Text(value, "kind")
	if kind == "" {
		kind = field.Text(value, "type")
	}
	switch {
	case kind == "ClusterIdentity" && strings.HasPrefix(owner.Kind, "OpenStack"):
		kind = "OpenStackClusterIdentity"
	case kind == "" && strings.HasPrefix(owner.Kind, "Azure"):
		kind = "AzureClusterIdentity"
	case kind == "":
		kind = "Secret"
	}
	group := GroupOf(field.Text(value, "apiVersion"))
	if group == "" && kind != "Secret" {
		group = GroupInfra
	}
	return named(owner, value, group, kind)
}

// classRef reads the class of a topology in its older shape.
func classRef(owner render.Identity, topology any) (render.Identity, bool) {
	if namespace := field.Text(topology, "classNamespace"); namespace != "" {
		owner.Namespace = namespace
	}
	name := field.Text(topology, "class")
	return Place(owner, GroupCluster, "ClusterClass", name), name != ""
}

// payloadRef reads {kind, name} of a ConfigMap or Secret.
func payloadRef(owner render.Identity, value any) (render.Identity, bool) {
	return named(owner, value, "", field.Text(value, "kind"))
}

// issuerRef reads the issuer of a certificate.
func issuerRef(owner render.Identity, value any) (render.Identity, bool) {
	group, kind := field.Text(value, "group"), field.Text(value, "kind")
	if group == "" {
		group = GroupCertManager
	}
	if kind == "" {
		kind = "Issuer"
	}
	return named(owner, value, group, kind)
}

// named finishes a reference that is a mapping with a name.
func named(owner render.Identity, value any, group, kind string) (render.Identity, bool) {
	name := field.Text(value, "name")
	if namespace := field.Text(value, "namespace"); namespace != "" {
		owner.Namespace = namespace
	}
	return Place(owner, group, kind, name), name != "" && kind != ""
}

// Place makes an identity in the owner's namespace; "default" and "" are one,
// cluster-scoped kinds have none, and placeholders with blanks are those without.
func Place(owner render.Identity, group, kind, name string) render.Identity {
	id := render.Identity{Group: group, Kind: kind, Namespace: symbol.Trim(owner.Namespace), Name: symbol.Trim(name)}
	if id.Namespace == "default" || clusterScoped[kind] {
		id.Namespace = ""
	}
	return id
}

// Of returns what an object refers to, in the order of the table. The
// identity is the object's own, with placeholders applied.
func Of(owner render.Identity, object map[string]any) []Reference {
	var found []Reference
	for _, s := range fieldsOf(owner) {
		field.Visit(object, s.pattern, func(path render.Path, value any) {
			target, ok := s.read(owner, value)
			if !ok {
				return
			}
			if s.leaf != "" {
				path = append(path, s.leaf)
			}
			role := s.role
			if role == RoleMachineTemplate && !strings.HasSuffix(target.Kind, "Template") &&
				owner.Group == GroupCluster {
				role = RoleInfrastructure
			}
			found = append(found, Reference{path, role, target})
		})
	}
	return found
}
