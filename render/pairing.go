package render

import (
	"cmp"
	"slices"
	"strings"
)

// object is one resource as a side's roots render it in one destination.
type object struct {
	*Resource
	destination string
	roots       []string // that render it in this form
	// certain says that the other side of the root is known: what is not
	// there does not exist.
	certain bool
}

// place is what makes two objects one. What is applied nowhere is not what is
// applied; and where a placeholder is part of a name, equal text means the
// same only within one root, for each is substituted by its own values.
type place struct {
	destination string
	Identity
	local bool
	root  string // "" unless the name holds a placeholder
}

func (o object) place() place {
	p := place{destination: o.destination, Identity: o.Identity, local: o.Local}
	if o.symbolic() {
		p.root = o.roots[0]
	}
	return p
}

func (o object) symbolic() bool {
	return strings.Contains(o.Name, "${") || strings.Contains(o.Namespace, "${")
}

// content orders objects of one place, so that the order of roots and builds
// does not matter.
func (o object) content(p object) int {
	return cmp.Or(strings.Compare(o.Digest, p.Digest), slices.Compare(o.roots, p.roots),
		cmp.Compare(o.Source.Line, p.Source.Line))
}

func (i Identity) compare(j Identity) int {
	return cmp.Or(strings.Compare(i.Group, j.Group), strings.Compare(i.Kind, j.Kind),
		strings.Compare(i.Namespace, j.Namespace), strings.Compare(i.Name, j.Name))
}

// pairs is what is left to explain: objects of the base without a partner,
// and of the head, and the changes found so far.
type pairs struct {
	left, came []object
	changes    []Change
}

// pairPlaces compares what stands in one place on both sides. Where several
// roots render one object, equal forms cancel out, and each form that is left
// is a change: none hides behind another.
func pairPlaces(base, head []object) *pairs {
	before, after := byPlace(base), byPlace(head)
	p := &pairs{}
	for place, b := range before {
		p.pairPlace(b, after[place])
	}
	for place, a := range after {
		if before[place] == nil {
			p.pairPlace(nil, a)
		}
	}
	p.sort()
	return p
}

func byPlace(objects []object) map[place][]object {
	places := map[place][]object{}
	for _, o := range objects {
		places[o.place()] = append(places[o.place()], o)
	}
	return places
}

func (p *pairs) pairPlace(before, after []object) {
	uncertain := func(o object) bool { return !o.certain }
	if slices.ContainsFunc(after, uncertain) {
		before = nil // the base is not known: all of the head is new
	}
	b, a := without(before, after), without(after, before)
	switch {
	case len(after) == 0:
		if !slices.ContainsFunc(before, uncertain) {
			p.left = append(p.left, b...)
		}
	case len(before) == 0:
		p.came = append(p.came, a...)
	case len(a)+len(b) > 0:
		// A side without a form of its own lends one that both have.
		if len(b) == 0 {
			b = before[:1]
		}
		if len(a) == 0 {
			a = after[:1]
		}
		roots := rootsOf(slices.Concat(before, after)...)
		for i := range max(len(a), len(b)) {
			p.update(b[min(i, len(b)-1)], a[min(i, len(a)-1)], roots)
		}
	}
}

// without are the forms that the others lack, each once and with all roots
// that render it, sorted.
func without(objects, others []object) []object {
	slices.SortFunc(objects, object.content)
	known := make(map[string]bool, len(others))
	for _, other := range others {
		known[other.Digest] = true
	}
	var rest []object
	for _, o := range objects {
		switch last := len(rest) - 1; {
		case known[o.Digest]:
		case last >= 0 && rest[last].Digest == o.Digest: // sorted by digest
			rest[last].roots = slices.Concat(rest[last].roots, o.roots)
		default:
			rest = append(rest, o)
		}
	}
	return rest
}

func (p *pairs) update(before, after object, roots []string) {
	p.changes = append(p.changes, Change{
		Action: ActionUpdate, Destination: after.destination,
		Before: before.Resource, After: after.Resource,
		Fields: fields(before.Resource, after.Resource), Roots: roots,
	})
}

func rootsOf(objects ...object) []string {
	var roots []string
	for _, o := range objects {
		roots = append(roots, o.roots...)
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

func (p *pairs) sort() {
	order := func(a, b object) int {
		return cmp.Or(a.Identity.compare(b.Identity), strings.Compare(a.destination, b.destination), a.content(b))
	}
	slices.SortFunc(p.left, order)
	slices.SortFunc(p.came, order)
}

// match pairs what left with what came under one key, in their order, and
// takes both out. Objects whose key is not ok, and those whose base is not
// known, stay.
func match[K comparable](p *pairs, key func(object) (K, bool), join func(before, after object) Change) {
	waiting := map[K][]int{}
	for i, o := range p.left {
		if k, ok := key(o); ok {
			waiting[k] = append(waiting[k], i)
		}
	}
	gone := map[int]bool{}
	p.came = slices.DeleteFunc(p.came, func(o object) bool {
		k, ok := key(o)
		if !ok || !o.certain || len(waiting[k]) == 0 {
			return false
		}
		at := waiting[k][0]
		waiting[k] = waiting[k][1:]
		gone[at] = true
		p.changes = append(p.changes, join(p.left[at], o))
		return true
	})
	var left []object
	for i, o := range p.left {
		if !gone[i] {
			left = append(left, o)
		}
	}
	p.left = left
}

// pairGenerated pairs objects that kustomize named after their content by the
// name before the hash.
func (p *pairs) pairGenerated() {
	key := func(o object) (place, bool) {
		under := o.place()
		under.Name = o.Generated
		return under, o.Generated != ""
	}
	match(p, key, func(before, after object) Change {
		former := before.Identity
		return Change{
			Action: ActionUpdate, Destination: after.destination, RenamedFrom: &former,
			Before: before.Resource, After: after.Resource,
			Fields: fields(before.Resource, after.Resource), Roots: rootsOf(before, after),
		}
	})
}

// pairMoved pairs what left one destination with what came to another. A name
// with a placeholder may mean another object there.
func (p *pairs) pairMoved() {
	key := func(o object) (place, bool) { return place{Identity: o.Identity, local: o.Local}, !o.symbolic() }
	match(p, key, func(before, after object) Change {
		return Change{
			Action: ActionMove, Destination: after.destination, From: before.destination,
			Before: before.Resource, After: after.Resource,
			Fields: fields(before.Resource, after.Resource), Roots: rootsOf(before, after),
		}
	})
}

// rest turns what nothing explains into creates and deletes.
func (p *pairs) rest() {
	former := p.renamed()
	for i, o := range p.came {
		p.changes = append(p.changes, Change{
			Action: ActionCreate, Destination: o.destination, After: o.Resource,
			RenamedFrom: former[i], Roots: rootsOf(o),
		})
	}
	for _, o := range p.left {
		p.changes = append(p.changes, Change{
			Action: ActionDelete, Destination: o.destination, Before: o.Resource, Roots: rootsOf(o),
		})
	}
}
