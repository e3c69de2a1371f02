package child

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/manifest"
)

// explanation recognises one kind of kustomize's errors. The groups of the
// pattern are handed to words.
type explanation struct {
	pattern *regexp.Regexp
	words   func(c *closure.Closure, match []string) *render.Problem
}

var explanations = []explanation{
	{regexp.MustCompile(`may not add resource with an already registered id: (\S+)`), twice},
	{regexp.MustCompile(`no matches for (?:Id|Current) ([^\s;]+)`), noTarget},
	{regexp.MustCompile(`multiple matches for (?:Id|Current) ([^\s;]+)`), severalTargets},
	{regexp.MustCompile(`unable to parse SM or JSON patch from \[(path|patch): \\?"([^"\\]*)`), noPatch},
	{regexp.MustCompile(`(?:add|remove|replace|move|copy|test) operation does not apply: ` +
		`(?:doc )?is missing (?:from |destination )?(?:path|key): \\?"?(/[^\s":\\]*)`), noField},
	{regexp.MustCompile(`error in (?:add|remove|replace|move|copy|test) for (?:path|from): '(/[^']*)'`), noField},
	{regexp.MustCompile(`testing value (/\S*) failed`), noField},
	{regexp.MustCompile(`missing (kind|metadata\.name) in object`), noObject},
	{regexp.MustCompile(`cycle detected`), cycle},
	{regexp.MustCompile(`the renderer has no network|no 'git' program on path`), noNetwork},
	{regexp.MustCompile(`nothing selected by (\S+)`), noReplacement},
}

// explain words an error of kustomize. What is not recognised is shown as it
// is, without what may be secret and without our own paths.
func (b *builder) explain(c *closure.Closure, err error) *render.Problem {
	text := err.Error()
	top := render.Source{File: c.Top().File}
	for _, known := range explanations {
		if match := known.pattern.FindStringSubmatch(text); match != nil {
			p := known.words(c, match)
			p.Cause = cmp.Or(p.Cause, render.CauseSyntax)
			if p.Source.File == "" {
				p.Source = top
			}
			return p
		}
	}
	if errors.As(err, new(panicked)) {
		return crash(top.File)
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, closure.Mount+"/", ""), closure.Mount, ".")
	return &render.Problem{
		Cause: render.CauseSyntax, Source: top,
		Message: "kustomize cannot build the root: " + manifest.Redact(text, b.seen()),
	}
}

// crash is for a panic that is none of the known ones.
func crash(file string) *render.Problem {
	return &render.Problem{
		Cause: render.CauseCrash, Source: render.Source{File: file},
		Message: "kustomize crashed while it built the root",
		Remedy:  "simplify the root; run kustomize build to see what it says",
	}
}

// seen gathers the secret values that kustomize's words may quote.
func (b *builder) seen() *manifest.Seen {
	var seen manifest.Seen
	for _, content := range b.tree.Contents() {
		seen.Observe(content)
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

func twice(c *closure.Closure, match []string) *render.Problem {
	kind, name := identity(match[1])
	p := &render.Problem{
		Message: fmt.Sprintf("%s %s comes twice into the same root", kind, closure.Quoted(name)),
		Remedy:  "name each file and base once, or give the objects different names",
	}
	var places []string
	for _, doc := range c.Resources {
		for _, o := range closure.Objects(doc) {
			own := o.Text("metadata", "name")
			if o.Text("kind") == kind && own != "" && strings.Contains(name, own) {
				p.Source = o.Source()
				places = append(places, fmt.Sprintf("%s:%d", o.File, o.Line()))
			}
		}
	}
	if len(places) > 1 && len(places) <= 4 {
		p.Message += ": " + closure.QuotedAll(places)
	}
	return p
}

// patchOf finds the strategic merge patch for an object.
func patchOf(c *closure.Closure, kind, name string) render.Source {
	for _, p := range c.Patches {
		for _, doc := range p.Docs {
			value, ok := doc.Value.(map[string]any)
			o := closure.Object{Value: value, Node: doc.Node}
			if ok && p.Target == nil && o.Text("kind") == kind && o.Text("metadata", "name") == name {
				return render.Source{File: p.File, Line: p.Above + o.Line()}
			}
		}
	}
	return render.Source{}
}

func noTarget(c *closure.Closure, match []string) *render.Problem {
	kind, name := identity(match[1])
	return &render.Problem{
		Source: patchOf(c, kind, name),
		Message: fmt.Sprintf("a patch is for %s %s, which is not among the root's resources",
			kind, closure.Quoted(name)),
		Remedy: "correct the patch's kind, name or namespace, or add the resource",
	}
}

func severalTargets(c *closure.Closure, match []string) *render.Problem {
	kind, name := identity(match[1])
	return &render.Problem{
		Source:  patchOf(c, kind, name),
		Message: fmt.Sprintf("a patch is for %s %s, of which the root has several", kind, closure.Quoted(name)),
		Remedy:  "add the namespace to the patch",
	}
}

func noPatch(c *closure.Closure, match []string) *render.Problem {
	p := &render.Problem{
		Message: "a patch is neither an object with kind and name nor a list of JSON patch operations",
		Remedy:  "correct the patch",
	}
	if match[1] == "path" {
		for _, known := range c.Patches {
			if strings.HasSuffix(known.File, strings.TrimLeft(match[2], "./")) {
				p.Source = render.Source{File: known.File}
			}
		}
		return p
	}
	for _, known := range c.Patches {
		bad := func(d manifest.Doc) bool {
			value, ok := d.Value.(map[string]any)
			_, list := d.Value.([]any)
			o := closure.Object{Value: value}
			return !list && (!ok || o.Text("kind") == "" || o.Text("metadata", "name") == "")
		}
		if slices.ContainsFunc(known.Docs, bad) {
			p.Source = render.Source{File: known.File, Line: known.Above + 1}
		}
	}
	return p
}

func noField(c *closure.Closure, match []string) *render.Problem {
	p := &render.Problem{
		Message: fmt.Sprintf("a JSON patch cannot be applied: its path %s does not fit the object",
			closure.Quoted(match[1])),
		Remedy: "correct the path, or the patch's target",
	}
	for _, known := range c.Patches {
		for _, doc := range known.Docs {
			list, _ := doc.Value.([]any)
			for i, item := range list {
				op := closure.Object{Value: closure.AsMap(item)}
				if op.Text("path") == match[1] || op.Text("from") == match[1] {
					p.Source = render.Source{File: known.File, Line: known.Above + doc.Line(render.Path{i})}
				}
			}
		}
	}
	return p
}

func noObject(c *closure.Closure, match []string) *render.Problem {
	p := &render.Problem{
		Message: "a document lacks " + match[1],
		Remedy:  "complete it, or take its file out of resources",
	}
	for _, doc := range c.Resources {
		for _, o := range closure.Objects(doc) {
			if o.Text("kind") == "" || o.Text("metadata", "name") == "" {
				p.Source = o.Source()
				return p
			}
		}
	}
	return p
}

func cycle(_ *closure.Closure, _ []string) *render.Problem {
	return &render.Problem{
		Message: "folders of the root lead back to themselves: a circle",
		Remedy:  "name folders beside or below a kustomization, not one that contains it",
	}
}

// noNetwork is for what the look before the build could not see.
func noNetwork(_ *closure.Closure, _ []string) *render.Problem {
	return &render.Problem{
		Cause:   render.CauseRemote,
		Message: "something outside the repository is asked for while the root is built: nothing is fetched",
		Remedy:  "copy it into the repository, or list the root under roots.opaque",
	}
}

func noReplacement(c *closure.Closure, _ []string) *render.Problem {
	p := &render.Problem{
		Message: "a replacement's source is not among the root's resources",
		Remedy:  "correct its kind, name or namespace",
	}
	for _, k := range c.Kustomizations {
		if len(k.Replacements) > 0 {
			p.Source = k.Source("replacements")
		}
	}
	return p
}
