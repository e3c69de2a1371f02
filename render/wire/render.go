package wire

import "github.com/countersign-dev/countersign/render"

func (c *codec) source(p *render.Source) {
	c.raw(&p.File)
	c.int(&p.Line)
}

func (c *codec) problem(p *render.Problem) {
	text(c, &p.Cause)
	c.text(&p.Message)
	c.text(&p.Remedy)
	c.source(&p.Source)
}

func (c *codec) root(p *render.Root) {
	c.raw(&p.Path)
	text(c, &p.Kind)
	list(c, &p.Files, (*codec).raw)
	c.raw(&p.Destination)
}

// build carries all but the probes, which the parent records itself.
func (c *codec) build(p *render.Build) {
	c.root(&p.Root)
	text(c, &p.Status)
	optional(c, &p.Problem, (*codec).problem)
	list(c, &p.Resources, (*codec).resource)
	list(c, &p.Notices, (*codec).problem)
	list(c, &p.Features, (*codec).text)
}

func (c *codec) resource(p *render.Resource) {
	c.text(&p.Group)
	c.text(&p.Kind)
	c.text(&p.Namespace)
	c.text(&p.Name)
	c.text(&p.Version)
	c.text(&p.RenderedNamespace)
	c.object(&p.Object)
	c.text(&p.Digest)
	c.source(&p.Source)
	c.positions(&p.Positions)
	c.text(&p.Generated)
	list(c, &p.Masked, (*codec).masked)
	list(c, &p.Nested, (*codec).nested)
	c.text(&p.Opaque)
	c.bool(&p.Local)
}

// positions carries each path and file as what differs from the one before.
func (c *codec) positions(p *[]render.Position) {
	var before render.Position
	list(c, p, func(c *codec, p *render.Position) {
		c.path(&p.Path, before.Path)
		same := p.Source.File == before.Source.File
		if c.bool(&same); same {
			p.Source.File = before.Source.File
		} else {
			c.raw(&p.Source.File)
		}
		c.int(&p.Source.Line)
		before = *p
	})
}

func (c *codec) masked(p *render.Masked) {
	c.path(&p.Path, nil)
	text(c, &p.Class)
	c.text(&p.Digest)
}

func (c *codec) nested(p *render.Nested) {
	c.path(&p.Path, nil)
	c.text(&p.Encoding)
	c.text(&p.Name)
	list(c, &p.Documents, func(c *codec, p *any) { c.value(p, 0) })
	c.text(&p.Text)
}

func (c *codec) document(p *render.Document) {
	c.value(&p.Value, 0)
	c.positions(&p.Positions)
}

func (c *codec) facts(p *render.FileFacts) {
	c.bool(&p.Kustomization)
	c.bool(&p.Component)
	list(c, &p.References, (*codec).reference)
	c.bool(&p.Manifest)
	c.bool(&p.LocalConfig)
	list(c, &p.GitOps, (*codec).gitops)
	optional(c, &p.Problem, (*codec).problem)
}

func (c *codec) reference(p *render.Reference) {
	c.text(&p.Field)
	c.text(&p.Path)
	c.int(&p.Line)
}

func (c *codec) gitops(p *render.GitOps) {
	c.text(&p.Kind)
	c.text(&p.Namespace)
	c.text(&p.Name)
	c.text(&p.Path)
	c.text(&p.Destination)
	c.int(&p.Line)
}
