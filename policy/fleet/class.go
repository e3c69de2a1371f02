package fleet

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// seat is a place in a ClusterClass that a template sits in.
type seat struct {
	class *node
	match string // the key of matchResources that selects it
	name  string // the worker class, for the two worker seats
}

// The keys of matchResources.
const (
	matchControlPlane = "controlPlane"
	matchInfra        = "infrastructureCluster"
	matchDeployment   = "machineDeploymentClass"
	matchPool         = "machinePoolClass"
)

// maxWrites bounds what the patches of a class say of one template: past it,
// they count as one patch that cannot be computed. maxPointer bounds a path.
const (
	maxWrites  = 1024
	maxPointer = 64
)

// classWrites returns what the patches of ClusterClasses write into a
// template, by class and in the order of its patches.
func (ix *Index) classWrites(n *node) []engine.ClassWrite {
	users := ix.usersOf(n.spot)
	var classes []*node
	direct := false // used without a class as well: no patch is certain
	for _, u := range users {
		if u.node.spot.Group != reference.GroupCluster || u.node.spot.Kind != "ClusterClass" {
			direct = true
		} else if !slices.Contains(classes, u.node) {
			classes = append(classes, u.node)
		}
	}
	slices.SortStableFunc(classes, func(a, b *node) int {
		return cmp.Or(strings.Compare(classTitle(a), classTitle(b)),
			strings.Compare(a.spot.destination, b.spot.destination))
	})
	var seats []seat
	for _, class := range classes {
		seats = append(seats, seatsOf(class, n)...)
	}
	var writes []engine.ClassWrite
	for _, class := range classes {
		writes = append(writes, patchesOf(class, n, seats)...)
	}
	undo(writes)
	for i := range writes {
		writes[i].Conditional = writes[i].Conditional || direct
	}
	return writes
}

func classTitle(class *node) string {
	return cmp.Or(class.res.Namespace, "default") + "/" + class.res.Name
}

// seatsOf returns where a template sits in a class.
func seatsOf(class, template *node) []seat {
	var seats []seat
	for _, l := range class.links {
		if !slices.ContainsFunc(l.targets, func(t *node) bool { return t.spot == template.spot }) ||
			l.role == reference.RoleRemediation {
			continue
		}
		s := seat{class: class}
		switch l.path[1] {
		case "infrastructure":
			s.match = matchInfra
		case "controlPlane":
			s.match = matchControlPlane
		case "workers":
			s.match = matchDeployment
			if l.path[2] == "machinePools" {
				s.match = matchPool
			}
			worker, _ := render.Lookup(class.object, l.path[:4])
			s.name = field.Text(worker, "class")
		}
		seats = append(seats, s)
	}
	return seats
}

// patchesOf returns the writes of one class. A patch that selects only some of
// all the template's seats is conditional: the others go without.
func patchesOf(class, template *node, seats []seat) []engine.ClassWrite {
	var writes []engine.ClassWrite
	for i, patch := range field.List(class.object, "spec", "patches") {
		place := render.Path{"spec", "patches", i}
		base := engine.ClassWrite{
			Class:  classTitle(class),
			Patch:  field.Text(patch, "name"),
			Source: sourceOf(class.res, place),
		}
		if field.At(patch, "external") != nil || len(writes) > maxWrites {
			writes = append(writes, anything(base))
			continue
		}
		base.Conditional = enabledSometimes(patch)
		for j, definition := range field.List(patch, "definitions") {
			hits := selectedSeats(definition, class, template, seats)
			if hits == 0 {
				continue
			}
			for k, step := range field.List(definition, "jsonPatches") {
				w := writeOf(class, template, step, base)
				w.Conditional = w.Conditional || hits < len(seats)
				w.Source = sourceOf(class.res, append(slices.Clone(place), "definitions", j, "jsonPatches", k))
				if writes = append(writes, w); len(writes) > maxWrites {
					return append(writes, anything(base))
				}
			}
		}
	}
	return writes
}

// anything is the write of what cannot be computed: it may change all of the
// template.
func anything(base engine.ClassWrite) engine.ClassWrite {
	base.Path, base.Op, base.Conditional = field.Path("spec", "template", "spec"), "external", true
	return base
}

// writeOf reads one step of a patch.
func writeOf(class, template *node, step any, base engine.ClassWrite) engine.ClassWrite {
	path, ok := pointer(field.Text(step, "path"), template.object)
	if !ok {
		return anything(base)
	}
	base.Op, base.Path = field.Text(step, "op"), path
	base.Conditional = base.Conditional || setsNothing(class, step)
	return base
}

// enabledSometimes reports whether enabledIf decides about a patch.
func enabledSometimes(patch any) bool {
	condition := field.At(patch, "enabledIf")
	return condition != nil && condition != "true"
}

// selectedSeats counts the seats of the template in this class that a patch
// definition selects.
func selectedSeats(definition any, class, template *node, seats []seat) int {
	selector := field.At(definition, "selector")
	if reference.GroupOf(field.Text(selector, "apiVersion")) != template.spot.Group ||
		field.Text(selector, "kind") != template.spot.Kind {
		return 0
	}
	count := 0
	for _, s := range seats {
		if s.class == class && s.selected(field.At(selector, "matchResources")) {
			count++
		}
	}
	return count
}

func (s seat) selected(match any) bool {
	if s.match == matchControlPlane || s.match == matchInfra {
		return field.At(match, s.match) == true
	}
	return slices.ContainsFunc(field.List(match, s.match, "names"), func(pattern any) bool {
		return matchesClass(field.Text(pattern), s.name)
	})
}

// matchesClass compares a worker class with a name that may begin or end with "*".
func matchesClass(pattern, name string) bool {
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, rest)
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, rest)
	}
	return pattern == name
}

// setsNothing reports whether a step may leave its place empty. A variable
// always sets something (without a value the topology is refused) unless its
// default is empty; a template with branches may render to nothing.
func setsNothing(class *node, step any) bool {
	if template := field.Text(step, "valueFrom", "template"); template != "" {
		return strings.Contains(template, "{{") && branches(template)
	}
	if variable := field.Text(step, "valueFrom", "variable"); variable != "" {
		name, _, deep := strings.Cut(variable, ".")
		for _, v := range field.List(class.object, "spec", "variables") {
			schema, _ := field.At(v, "schema", "openAPIV3Schema").(map[string]any)
			if fallback, ok := schema["default"]; ok && field.Text(v, "name") == name && !deep {
				return hollow(fallback)
			}
		}
		return false
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

// undo makes a write conditional where a later patch of its class may take
// back what it sets: by removing it, or by writing what is around it.
func undo(writes []engine.ClassWrite) {
	last, removed := map[string]int{}, map[string]int{}
	for i, w := range writes {
		if w.Op == "external" {
			continue
		}
		key := w.Class + "\x00" + w.Path.String()
		last[key] = i
		if w.Op == "remove" {
			removed[key] = i
		}
	}
	for i, w := range writes {
		later := removed[w.Class+"\x00"+w.Path.String()] > i
		for n := 1; n < len(w.Path) && !later; n++ {
			later = last[w.Class+"\x00"+w.Path[:n].String()] > i
		}
		writes[i].Conditional = w.Conditional || later
	}
}

// pointer turns a JSON pointer into a path. A number is an index unless the
// object has a mapping there. A pointer deeper than any API is refused.
func pointer(text string, object map[string]any) (render.Path, bool) {
	var path render.Path
	var node any = object
	for token := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		if len(path) == maxPointer {
			return nil, false
		}
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

// sourceOf returns where a field of a resource was written: its own line, else
// that of the nearest field around it, else the resource's.
func sourceOf(res *render.Resource, path render.Path) render.Source {
	for ; len(path) > 0; path = path[:len(path)-1] {
		i, ok := slices.BinarySearchFunc(res.Positions, path, func(p render.Position, path render.Path) int {
			return p.Path.Compare(path)
		})
		if ok {
			return res.Positions[i].Source
		}
	}
	return res.Source
}
