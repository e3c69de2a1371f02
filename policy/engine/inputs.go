package engine

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/countersign-dev/countersign/render"
)

// version names the contract with rule authors; see package rego.
const inputVersion = "input/v1"

// objectInput writes input/v1 object.
func (c *converter) objectInput(o Object) (*ast.Term, error) {
	f := c.fields(8).value("schema", inputVersion).term("params", c.params, nil)
	resource, err := c.resource(o)
	f.term("resource", resource, err)
	list(f, "clusters", o.Clusters, c.cluster)
	list(f, "class_writes", o.ClassWrites, c.classWrite)
	list(f, "links", o.Links, c.link)
	list(f, "used_by", o.UsedBy, c.identity)
	return f.done()
}

func (c *converter) resource(o Object) (*ast.Term, error) {
	r := o.Resource
	f := c.fields(14).identity(r.Identity).value("version", r.Version).
		value("destination", o.Destination).value("root", o.Root).
		value("generated", r.Generated != "").value("opaque", r.Opaque).value("local", r.Local)
	object := o.Resolved
	if object == nil {
		object = r.Object
	}
	f.value("object", object)
	list(f, "masked", r.Masked, c.masked)
	list(f, "nested", r.Nested, c.nested)
	list(f, "placeholders", o.Placeholders, c.placeholder)
	return f.done()
}

func (c *converter) identity(id render.Identity) (*ast.Term, error) {
	return c.fields(4).identity(id).done()
}

func (c *converter) cluster(cluster Cluster) (*ast.Term, error) {
	return c.clusterFields(cluster).done()
}

func (c *converter) clusterFields(cluster Cluster) *fields {
	labels := make(map[string]any, len(cluster.Labels))
	for key, value := range cluster.Labels {
		labels[key] = value
	}
	return c.fields(12).value("namespace", cluster.Namespace).value("name", cluster.Name).
		value("environment", cluster.Environment).value("role", cluster.Role).
		value("labels", labels).value("externally_managed", cluster.ExternallyManaged)
}

func (c *converter) classWrite(w ClassWrite) (*ast.Term, error) {
	return c.fields(5).path(w.Path).value("op", w.Op).value("class", w.Class).value("patch", w.Patch).
		value("conditional", w.Conditional).done()
}

func (c *converter) link(l Link) (*ast.Term, error) {
	f := c.fields(8).path(l.Path).identity(l.Target).value("role", l.Role).value("found", l.Found)
	object, err := c.object(l.Object)
	return f.term("object", object, err).done()
}

// masked leaves the keyed hash out: rules have no use for it.
func (c *converter) masked(m render.Masked) (*ast.Term, error) {
	return c.fields(2).path(m.Path).value("class", string(m.Class)).done()
}

func (c *converter) nested(n render.Nested) (*ast.Term, error) {
	f := c.fields(5).path(n.Path).value("encoding", n.Encoding).value("name", n.Name).value("text", n.Text)
	return list(f, "documents", n.Documents, c.value).done()
}

func (c *converter) placeholder(p Placeholder) (*ast.Term, error) {
	return c.fields(2).path(p.Path).value("symbol", p.Symbol).done()
}

// changeInput writes input/v1 change.
func (c *converter) changeInput(ch Change) (*ast.Term, error) {
	f := c.fields(8).value("schema", inputVersion).term("params", c.params, nil)
	change, err := c.change(ch)
	f.term("change", change, err)
	list(f, "clusters", ch.Clusters, c.cluster)
	list(f, "referenced_by", ch.ReferencedBy, c.referrer)
	f.value("namespace_role", ch.NamespaceRole)
	list(f, "failing", ch.Failing, func(id RuleID) (*ast.Term, error) { return c.text(string(id)), nil })
	list(f, "related", ch.Related, c.link)
	return f.done()
}

func (c *converter) change(ch Change) (*ast.Term, error) {
	r := ch.Change.Resource()
	f := c.fields(20).identity(r.Identity).value("action", string(ch.Change.Action)).
		value("destination", ch.Change.Destination).value("from", ch.Change.From).
		value("generated", r.Generated != "")
	nullable(f, "renamed_from", ch.Change.RenamedFrom, c.identity)
	opaque := ""
	for _, side := range []struct {
		name     string
		resource *render.Resource
		resolved map[string]any
	}{{"before", ch.Change.Before, ch.Before}, {"after", ch.Change.After, ch.After}} {
		resource := side.resource
		if resource == nil {
			resource = &render.Resource{}
		}
		object := side.resolved
		if object == nil {
			object = resource.Object
		}
		if resource.Opaque != "" {
			opaque = resource.Opaque
		}
		term, err := c.object(object)
		f.term(side.name, term, err).value("version_"+side.name, resource.Version)
		list(f, "masked_"+side.name, resource.Masked, c.masked)
		list(f, "nested_"+side.name, resource.Nested, c.nested)
	}
	f.value("opaque", opaque)
	return list(f, "fields", ch.Change.Fields, c.field).done()
}

func (c *converter) field(field render.Field) (*ast.Term, error) {
	f := c.fields(5).path(field.Path)
	for _, side := range []struct {
		name  string
		value any
	}{{"before", field.Before}, {"after", field.After}} {
		_, absent := side.value.(render.Absent)
		if absent {
			side.value = nil
		}
		f.value(side.name, side.value).value(side.name+"_absent", absent)
	}
	return f.done()
}

func (c *converter) referrer(r Referrer) (*ast.Term, error) {
	return c.fields(5).identity(r.Identity).value("role", r.Role).done()
}

// fleetInput writes input/v1 fleet.
func (c *converter) fleetInput(fleet Fleet) (*ast.Term, error) {
	f := c.fields(7).value("schema", inputVersion).term("params", c.params, nil)
	list(f, "clusters", fleet.Clusters, c.fleetCluster)
	list(f, "shares", fleet.Shares, c.share)
	f.value("totals", map[string]any{
		"clusters": fleet.ClustersTotal, "clusters_added": fleet.ClustersAdded,
		"clusters_deleted": fleet.ClustersDeleted, "nodes_added": fleet.NodesAdded,
		"nodes_unknown": fleet.NodesUnknown,
	})
	limits := c.fields(3)
	for name, limit := range map[string]*int{
		"clusters": fleet.LimitClusters, "nodes_added": fleet.LimitNodesAdded, "deletions": fleet.LimitDeletions,
	} {
		nullable(limits, name, limit, func(n int) (*ast.Term, error) { return c.value(n) })
	}
	term, err := limits.done()
	f.term("limits", term, err)
	return nullable(f, "anchor", fleet.Anchor, c.member).done()
}

func (c *converter) fleetCluster(cluster FleetCluster) (*ast.Term, error) {
	target, err := c.target(cluster.Object, cluster.Destination)
	return c.clusterFields(cluster.Cluster).term("object", target, err).
		value("destination", cluster.Destination).value("root", cluster.Root).
		value("provider", cluster.Provider).value("changed", cluster.Changed).
		value("new", cluster.New).value("replicas", cluster.Replicas).done()
}

// target is an object together with where it goes, as a fleet rule's hit names it.
func (c *converter) target(id render.Identity, destination string) (*ast.Term, error) {
	return c.fields(5).identity(id).value("destination", destination).done()
}

func (c *converter) share(share FleetShare) (*ast.Term, error) {
	f := c.fields(3).value("what", share.What).value("key", share.Key)
	return list(f, "members", share.Members, c.member).done()
}

func (c *converter) member(m FleetMember) (*ast.Term, error) {
	f := c.fields(5).value("destination", m.Destination).value("changed", m.Changed).path(m.Path)
	cluster, err := c.cluster(m.Cluster)
	f.term("cluster", cluster, err)
	target, err := c.target(m.Object, m.Destination)
	return f.term("object", target, err).done()
}
