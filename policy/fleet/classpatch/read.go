package classpatch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// The keys of matchResources that say where in a class a template sits.
const (
	SeatControlPlane = "controlPlane"
	SeatInfra        = "infrastructureCluster"
	SeatDeployment   = "machineDeploymentClass"
	SeatPool         = "machinePoolClass"
)

// Patch is one patch of a class.
type Patch struct {
	Name string
	// External says that a program decides what it writes.
	External bool
	// Conditional says that enabledIf decides whether it writes.
	Conditional bool
	Source      render.Source
	Definitions []Definition
}

// Definition is what a patch writes into the templates that it selects.
type Definition struct {
	group, kind string
	match       any
	Steps       []Step
}

// Step is one JSON patch.
type Step struct {
	Op, Path string
	// Empty says that it may leave its place without a value.
	Empty  bool
	Source render.Source
}

// Read reads the patches of a class. The function says where a field of the
// class was written.
func Read(class map[string]any, source func(render.Path) render.Source) []Patch {
	hollowDefaults := emptyDefaults(class)
	var patches []Patch
	for i, value := range field.List(class, "spec", "patches") {
		place := render.Path{"spec", "patches", i}
		condition := field.At(value, "enabledIf")
		p := Patch{
			Name: field.Text(value, "name"), External: field.At(value, "external") != nil,
			Conditional: condition != nil && condition != "true", Source: source(place),
		}
		for j, definition := range field.List(value, "definitions") {
			d := Definition{
				group: reference.GroupOf(field.Text(definition, "selector", "apiVersion")),
				kind:  field.Text(definition, "selector", "kind"),
				match: field.At(definition, "selector", "matchResources"),
			}
			for k, step := range field.List(definition, "jsonPatches") {
				at := append(slices.Clone(place), "definitions", j, "jsonPatches", k)
				d.Steps = append(d.Steps, Step{
					Op: field.Text(step, "op"), Path: field.Text(step, "path"),
					Empty: empty(step, hollowDefaults), Source: source(at),
				})
			}
			p.Definitions = append(p.Definitions, d)
		}
		patches = append(patches, p)
	}
	return patches
}

// Work returns what it costs to compare patches with one template.
func Work(patches []Patch) int {
	work := 0
	for _, p := range patches {
		work++
		for _, d := range p.Definitions {
			work += 1 + len(d.Steps)
			for _, seat := range []string{SeatDeployment, SeatPool} {
				work += len(field.List(d.match, seat, "names"))
			}
		}
	}
	return work
}

// Of reports whether a definition is for templates of a kind.
func (d Definition) Of(id render.Identity) bool {
	return d.group == id.Group && d.kind == id.Kind
}

// Selects reports whether a definition selects a seat; worker is the name of
// the worker class, for the seats of workers.
func (d Definition) Selects(seat, worker string) bool {
	if seat == SeatControlPlane || seat == SeatInfra {
		return field.At(d.match, seat) == true
	}
	return slices.ContainsFunc(field.List(d.match, seat, "names"), func(pattern any) bool {
		return matches(field.Text(pattern), worker)
	})
}

// matches compares a worker class with a name that may begin or end with "*".
func matches(pattern, name string) bool {
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, rest)
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, rest)
	}
	return pattern == name
}

// emptyDefaults returns by name whether the default of a class's variable sets
// nothing; variables without default are absent.
func emptyDefaults(class map[string]any) map[string]bool {
	defaults := map[string]bool{}
	for _, v := range field.List(class, "spec", "variables") {
		schema, _ := field.At(v, "schema", "openAPIV3Schema").(map[string]any)
		name := field.Text(v, "name")
		if _, twice := defaults[name]; twice {
			continue
		}
		if value, ok := schema["default"]; ok {
			defaults[name] = hollow(value)
		}
	}
	return defaults
}

// empty reports whether a step may leave its place empty. A variable always
// sets something (without a value the topology is refused) unless its default
// is empty; a template with branches may render to nothing.
func empty(step any, hollowDefaults map[string]bool) bool {
	if template := field.Text(step, "valueFrom", "template"); template != "" {
		return strings.Contains(template, "{{") && branches(template)
	}
	if variable := field.Text(step, "valueFrom", "variable"); variable != "" {
		name, _, deep := strings.Cut(variable, ".")
		return !deep && hollowDefaults[name]
	}
	return field.Text(step, "op") != "remove" && hollow(field.At(step, "value"))
}

func branches(template string) bool {
	for _, word := range []string{"if", "with", "range", "and", "or", "default", "ternary", "coalesce"} {
		for _, open := range []string{"{{", "{{-", "(", "|"} {
			if strings.Contains(template, open+" "+word+" ") || strings.Contains(template, open+word+" ") {
				return true
			}
		}
	}
	return false
}

// hollow reports whether a value sets nothing.
func hollow(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}

// maxTokens and maxLength bound a pointer: no API is as deep.
const (
	maxTokens = 64
	maxLength = 2048
)

// Pointer turns a JSON pointer into a path. A number is an index unless the
// object has a mapping there. One past all bounds is refused.
func Pointer(text string, object map[string]any) (path render.Path, ok bool) {
	if len(text) > maxLength || strings.Count(text, "/") > maxTokens {
		return nil, false
	}
	var node any = object
	for token := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		mapping, isMap := node.(map[string]any)
		index, err := strconv.Atoi(token)
		if err == nil && index >= 0 && !isMap {
			path = append(path, index)
			list, _ := node.([]any)
			node = nil
			if index < len(list) {
				node = list[index]
			}
			continue
		}
		path = append(path, token)
		node = mapping[token]
	}
	return path, true
}
