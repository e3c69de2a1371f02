package child

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// invalid words why a kustomization cannot be decoded.
func (k *kustomization) invalid(err error) *render.Problem {
	p := &render.Problem{Cause: render.CauseSyntax, Source: render.Source{File: k.file}}
	if match := unknownField.FindStringSubmatch(err.Error()); match != nil {
		p.Source.Line = keyLine(k.doc.Node, match[1])
		p.Message = fmt.Sprintf("the kustomization has a field %s that kustomize does not know", quoted(match[1]))
		p.Remedy = "correct its name, or remove it"
		return p
	}
	if match := wrongType.FindStringSubmatch(err.Error()); match != nil {
		field, _, _ := strings.Cut(strings.TrimPrefix(match[2], "."), ".")
		p.Source.Line = keyLine(k.doc.Node, field)
		p.Message = fmt.Sprintf("the kustomization's field %s is a %s, which is not what kustomize takes",
			quoted(match[2]), match[1])
		return p
	}
	p.Message = "the kustomization cannot be decoded"
	p.Remedy = "run kustomize build and correct what it says"
	return p
}

var wrongType = regexp.MustCompile(`cannot unmarshal ([a-z]+) into Go struct field Kustomization\.([A-Za-z0-9_.]+) of`)

// keyLine finds a key anywhere in a document, the outermost first.
func keyLine(node *yaml.Node, key string) int {
	level := []*yaml.Node{node}
	for len(level) > 0 {
		var below []*yaml.Node
		for _, node := range level {
			if node == nil {
				continue
			}
			for i, child := range node.Content {
				if node.Kind == yaml.MappingNode && i%2 == 0 && strings.EqualFold(child.Value, key) {
					return child.Line
				}
				below = append(below, child)
			}
		}
		level = below
	}
	return 0
}

// explanation recognises one kind of kustomize's errors. The groups of the
// pattern are handed to words.
type explanation struct {
	pattern *regexp.Regexp
	words   func(c *closure, match []string) *render.Problem
}

var explanations = []explanation{
	{regexp.MustCompile(`may not add resource with an already registered id: (\S+)`), (*closure).twice},
	{regexp.MustCompile(`no matches for (?:Id|Current) ([^\s;]+)`), (*closure).noTarget},
	{regexp.MustCompile(`multiple matches for (?:Id|Current) ([^\s;]+)`), (*closure).severalTargets},
	{regexp.MustCompile(`unable to parse SM or JSON patch from \[(path|patch): \\?"([^"\\]*)`), (*closure).noPatch},
	{regexp.MustCompile(`(?:add|remove|replace|move|copy|test) operation does not apply: (?:doc )?is missing (?:from |destination )?` +
		`(?:path|key): \\?"?(/[^\s":\\]*)`), (*closure).noField},
	{regexp.MustCompile(`error in (?:add|remove|replace|move|copy|test) for (?:path|from): '(/[^']*)'`), (*closure).noField},
	{regexp.MustCompile(`testing value (/\S*) failed`), (*closure).noField},
	{regexp.MustCompile(`missing (kind|metadata\.name) in object`), (*closure).noObject},
	{regexp.MustCompile(`cycle detected`), (*closure).cycle},
	{regexp.MustCompile(`nothing selected by (\S+)`), (*closure).noReplacement},
}

// explain words an error of kustomize. What is not recognised is shown as it
// is, without what may be secret and without our own paths.
func (c *closure) explain(err error) *render.Problem {
	text := err.Error()
	top := render.Source{File: c.kustomizations[len(c.kustomizations)-1].file}
	for _, known := range explanations {
		if match := known.pattern.FindStringSubmatch(text); match != nil {
			p := known.words(c, match)
			p.Cause = render.CauseSyntax
			if p.Source.File == "" {
				p.Source = top
			}
			return p
		}
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, mount+"/", ""), mount, ".")
	return &render.Problem{
		Cause: render.CauseSyntax, Source: top,
		Message: "kustomize cannot build the root: " + manifest.Redact(text, c.seen()),
	}
}

// seen gathers the secret values that kustomize's words may quote.
func (c *closure) seen() *manifest.Seen {
	var seen manifest.Seen
	for _, file := range c.tree.files {
		if file.err == nil {
			seen.Observe(file.bytes)
		}
	}
	return &seen
}

// identity splits the way in which kustomize prints an id: Kind.version.group,
// a slash, name.namespace. Names may hold dots, so this is for looking up only.
func identity(id string) (kind, name string) {
	gvk, rest, _ := strings.Cut(id, "/")
	kind, _, _ = strings.Cut(gvk, ".")
	name = rest
	if at := strings.LastIndexByte(rest, '.'); at > 0 {
		name = rest[:at]
	}
	return kind, name
}

func (c *closure) twice(match []string) *render.Problem {
	kind, name := identity(match[1])
	p := &render.Problem{
		Message: fmt.Sprintf("%s %s comes twice into the same root", kind, quoted(name)),
		Remedy:  "name each file and base once, or give the objects different names",
	}
	var places []string
	for _, doc := range c.resources {
		for _, o := range objects(doc) {
			if own := o.text("metadata", "name"); o.text("kind") == kind && own != "" && strings.Contains(name, own) {
				p.Source = o.source()
				places = append(places, fmt.Sprintf("%s:%d", o.name, o.line()))
			}
		}
	}
	if len(places) > 1 && len(places) <= 4 {
		p.Message += ": " + quotedAll(places)
	}
	return p
}

// patchOf finds the strategic merge patch for an object.
func (c *closure) patchOf(kind, name string) render.Source {
	for _, p := range c.patches {
		for _, doc := range p.docs {
			value, ok := doc.Value.(map[string]any)
			o := object{value: value, node: doc.Node}
			if ok && p.target == nil && o.text("kind") == kind && o.text("metadata", "name") == name {
				return render.Source{File: p.file, Line: p.above + o.line()}
			}
		}
	}
	return render.Source{}
}

func (c *closure) noTarget(match []string) *render.Problem {
	kind, name := identity(match[1])
	return &render.Problem{
		Source:  c.patchOf(kind, name),
		Message: fmt.Sprintf("a patch is for %s %s, which is not among the root's resources", kind, quoted(name)),
		Remedy:  "correct the patch's kind, name or namespace, or add the resource",
	}
}

func (c *closure) severalTargets(match []string) *render.Problem {
	kind, name := identity(match[1])
	return &render.Problem{
		Source:  c.patchOf(kind, name),
		Message: fmt.Sprintf("a patch is for %s %s, of which the root has several", kind, quoted(name)),
		Remedy:  "add the namespace to the patch",
	}
}

func (c *closure) noPatch(match []string) *render.Problem {
	p := &render.Problem{
		Message: "a patch is neither an object with kind and name nor a list of JSON patch operations",
		Remedy:  "correct the patch",
	}
	if match[1] == "path" {
		for _, known := range c.patches {
			if strings.HasSuffix(known.file, strings.TrimLeft(match[2], "./")) {
				p.Source = render.Source{File: known.file}
			}
		}
		return p
	}
	for _, known := range c.patches {
		bad := func(d manifest.Doc) bool {
			value, ok := d.Value.(map[string]any)
			_, list := d.Value.([]any)
			o := object{value: value}
			return !list && (!ok || o.text("kind") == "" || o.text("metadata", "name") == "")
		}
		if slices.ContainsFunc(known.docs, bad) {
			p.Source = render.Source{File: known.file, Line: known.above + 1}
		}
	}
	return p
}

func (c *closure) noField(match []string) *render.Problem {
	p := &render.Problem{
		Message: fmt.Sprintf("a JSON patch cannot be applied: its path %s does not fit the object", quoted(match[1])),
		Remedy:  "correct the path, or the patch's target",
	}
	for _, known := range c.patches {
		for _, doc := range known.docs {
			list, _ := doc.Value.([]any)
			for i, item := range list {
				op := object{value: asMap(item)}
				if op.text("path") == match[1] || op.text("from") == match[1] {
					p.Source = render.Source{File: known.file, Line: known.above + doc.Line(render.Path{i})}
				}
			}
		}
	}
	return p
}

func asMap(v any) map[string]any {
	fields, _ := v.(map[string]any)
	return fields
}

func (c *closure) noObject(match []string) *render.Problem {
	p := &render.Problem{
		Message: "a document lacks " + match[1],
		Remedy:  "complete it, or take its file out of resources",
	}
	for _, doc := range c.resources {
		for _, o := range objects(doc) {
			if o.text("kind") == "" || o.text("metadata", "name") == "" {
				p.Source = o.source()
				return p
			}
		}
	}
	return p
}

func (c *closure) cycle([]string) *render.Problem {
	return &render.Problem{
		Message: "folders of the root lead back to themselves: a circle",
		Remedy:  "name folders beside or below a kustomization, not one that contains it",
	}
}

func (c *closure) noReplacement([]string) *render.Problem {
	p := &render.Problem{
		Message: "a replacement's source is not among the root's resources",
		Remedy:  "correct its kind, name or namespace",
	}
	for _, k := range c.kustomizations {
		if len(k.Replacements) > 0 {
			p.Source = k.source("replacements")
		}
	}
	return p
}
