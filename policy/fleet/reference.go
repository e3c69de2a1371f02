package fleet

import (
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// reference is one reference as an object writes it.
type reference struct {
	path   render.Path
	role   string
	target render.Identity
}

// reader reads a reference from the value of a field; false when the field
// names nothing.
type reader func(owner render.Identity, value any) (render.Identity, bool)

// field is a place that may hold a reference.
type field struct {
	pattern []string
	role    string
	read    reader
	// leaf is the key below the pattern that the reader took; "" for the
	// value itself.
	leaf string
}

// objectRef reads {apiVersion or apiGroup, kind, name, namespace}.
func objectRef(owner render.Identity, value any) (render.Identity, bool) {
	group := textAt(value, "apiGroup")
	if group == "" {
		group = groupOf(textAt(value, "apiVersion"))
	}
	return named(owner, value, group, textAt(value, "kind"))
}

// fixed reads {name, namespace} of a kind that the field implies.
func fixed(group, kind string) reader {
	return func(owner render.Identity, value any) (render.Identity, bool) {
		return named(owner, value, group, kind)
	}
}

// plainName reads a bare name of a kind that the field implies. The namespace
// is the owner's unless one is given.
func plainName(group, kind, namespace string) reader {
	return func(owner render.Identity, value any) (render.Identity, bool) {
		name := textAt(value)
		if namespace != "" {
			owner.Namespace = namespace
		}
		return place(owner, group, kind, name), name != ""
	}
}

// secretOrName reads a Secret as {name, namespace} or as a bare name in a
// provider's own namespace.
func secretOrName(namespace string) reader {
	bare := plainName("", "Secret", namespace)
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
	kind := textAt(value, "kind")
	if kind == "" {
		kind = textAt(value, "type")
	}
	switch {
	case kind == "ClusterIdentity" && strings.HasPrefix(owner.Kind, "OpenStack"):
		kind = "OpenStackClusterIdentity"
	case kind == "" && strings.HasPrefix(owner.Kind, "Azure"):
		kind = "AzureClusterIdentity"
	case kind == "":
		kind = "Secret"
	}
	group := groupOf(textAt(value, "apiVersion"))
	if group == "" && kind != "Secret" {
		group = groupInfra
	}
	return named(owner, value, group, kind)
}

// classRef reads the class of a topology in its older shape.
func classRef(owner render.Identity, topology any) (render.Identity, bool) {
	if namespace := textAt(topology, "classNamespace"); namespace != "" {
		owner.Namespace = namespace
	}
	name := textAt(topology, "class")
	return place(owner, groupCluster, "ClusterClass", name), name != ""
}

// payloadRef reads {kind, name} of a ConfigMap or Secret.
func payloadRef(owner render.Identity, value any) (render.Identity, bool) {
	return named(owner, value, "", textAt(value, "kind"))
}

// issuerRef reads the issuer of a certificate.
func issuerRef(owner render.Identity, value any) (render.Identity, bool) {
	group, kind := textAt(value, "group"), textAt(value, "kind")
	if group == "" {
		group = groupCertManager
	}
	if kind == "" {
		kind = "Issuer"
	}
	return named(owner, value, group, kind)
}

// named finishes a reference that is a mapping with a name.
func named(owner render.Identity, value any, group, kind string) (render.Identity, bool) {
	name := textAt(value, "name")
	if namespace := textAt(value, "namespace"); namespace != "" {
		owner.Namespace = namespace
	}
	return place(owner, group, kind, name), name != "" && kind != ""
}

// place makes an identity in the owner's namespace; "default" and "" are one,
// and cluster-scoped kinds have none.
func place(owner render.Identity, group, kind, name string) render.Identity {
	id := render.Identity{Group: group, Kind: kind, Namespace: owner.Namespace, Name: name}
	if id.Namespace == "default" || clusterScoped[kind] {
		id.Namespace = ""
	}
	return id
}

// references returns what an object refers to, in the order of the table. The
// identity is the object's own, with placeholders applied.
func references(owner render.Identity, object map[string]any) []reference {
	var found []reference
	for _, field := range fieldsOf(owner) {
		visit(object, field.pattern, func(path render.Path, value any) {
			target, ok := field.read(owner, value)
			if !ok {
				return
			}
			if field.leaf != "" {
				path = append(path, field.leaf)
			}
			role := field.role
			if role == RoleMachineTemplate && !strings.HasSuffix(target.Kind, "Template") &&
				owner.Group == groupCluster {
				role = RoleInfrastructure
			}
			found = append(found, reference{path, role, target})
		})
	}
	return found
}
