package child

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
)

const (
	// maxPositions bounds the positions of one object.
	maxPositions = 20_000
	// maxSearched bounds how far a list is searched for an element that moved.
	maxSearched = 256
)

// cursor is a place in something that was written: a document, a patch or an
// operation of a JSON patch. What is written at the cursor may be the current
// field of an object.
type cursor struct {
	node  *yaml.Node
	rest  []string // the steps that an operation's path still has to go
	any   bool     // the value is not known: a replacement's target
	line  int
	file  string
	above int
}

func (c cursor) source() render.Source {
	return render.Source{File: c.file, Line: c.above + c.line}
}

// walker collects the positions of one object.
type walker struct {
	w     written
	left  int
	found []render.Position
}

// positions says where the fields of an object were written. raw is the closure.Object
// before secret values were masked, canonical what leaves the child: only its
// fields have positions.
func (w written) positions(raw, canonical map[string]any) []render.Position {
	all := w.cursors()
	walk := walker{w: w, left: maxPositions}
	walk.mapping(raw, canonical, nil, all)
	slices.SortFunc(walk.found, func(a, b render.Position) int { return a.Path.Compare(b.Path) })
	return walk.found
}

// cursors are the document itself, then the patches that may apply, the last
// one first: it wins in kustomize.
func (w written) cursors() []cursor {
	var all []cursor
	names := []string{w.rendered.Text("metadata", "name")}
	if d := w.document; d != nil {
		names = append(names, d.Text("metadata", "name"))
		all = append(all, cursor{node: d.Node, line: d.Line(), file: d.File})
	}
	if w.generator != nil {
		names = append(names, w.generator.Name)
	}
	for _, p := range slices.Backward(w.trace.c.Patches) {
		if applies(&p, w.rendered.Text("kind"), names) {
			all = append(all, w.inPatch(&p, names)...)
		}
	}
	return append(all, w.replacements(names)...)
}

func (w written) inPatch(p *closure.Patch, names []string) []cursor {
	var all []cursor
	for _, doc := range p.Docs {
		at := cursor{node: doc.Node, file: p.File, above: p.Above}
		switch value := doc.Value.(type) {
		case map[string]any:
			o := closure.Object{Value: value}
			if p.Target != nil || o.Text("kind") == w.rendered.Text("kind") &&
				slices.Contains(names, o.Text("metadata", "name")) {
				all = append(all, at)
			}
		case []any:
			all = append(all, operations(at)...)
		}
	}
	return all
}

// operations are the cursors of a JSON patch.
func operations(list cursor) []cursor {
	var all []cursor
	if closure.Resolved(list.node) == nil {
		return nil
	}
	for _, op := range slices.Backward(closure.Resolved(list.node).Content) {
		pointer, value := closure.ChildNode(op, "path"), closure.ChildNode(op, "value")
		if pointer == nil || value == nil || !strings.HasPrefix(pointer.Value, "/") {
			continue
		}
		at := list
		at.node, at.line = value, value.Line
		for step := range strings.SplitSeq(pointer.Value[1:], "/") {
			step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
			at.rest = append(at.rest, step)
		}
		all = append(all, at)
	}
	return all
}

// replacements are the fields that replacements of the closure write to.
func (w written) replacements(names []string) []cursor {
	var all []cursor
	for _, k := range slices.Backward(w.trace.c.Kustomizations) {
		for i := range k.Replacements {
			for j, target := range k.Replacements[i].Targets {
				if target.Select == nil || !matches(target.Select, w.rendered.Text("kind"), names) {
					continue
				}
				for n, field := range target.FieldPaths {
					at := k.Source("replacements", i, "targets", j, "fieldPaths", n)
					all = append(all, cursor{any: true, file: at.File, line: at.Line, rest: strings.Split(field, ".")})
				}
			}
		}
	}
	return all
}

func (w *walker) mapping(raw, canonical map[string]any, at render.Path, from []cursor) {
	for _, key := range slices.Sorted(maps.Keys(canonical)) {
		value, ok := raw[key]
		if !ok || w.left <= 0 {
			continue
		}
		var below []cursor
		for _, c := range from {
			if next, ok := c.key(key); ok {
				below = append(below, next)
			}
		}
		w.field(value, canonical[key], append(slices.Clip(at), key), below)
	}
}

func (w *walker) list(raw, canonical []any, at render.Path, from []cursor) {
	for i := range min(len(raw), len(canonical)) {
		if w.left <= 0 {
			return
		}
		var below []cursor
		for _, c := range from {
			if next, ok := c.index(i, raw[i]); ok {
				below = append(below, next)
			}
		}
		w.field(raw[i], canonical[i], append(slices.Clip(at), i), below)
	}
}

func (w *walker) field(raw, canonical any, at render.Path, from []cursor) {
	if source := w.source(raw, at, from); source.File != "" {
		w.left--
		w.found = append(w.found, render.Position{Path: at, Source: source})
	}
	switch raw := raw.(type) {
	case map[string]any:
		// The schemas of custom resources are large, and nobody judges them.
		if below, ok := canonical.(map[string]any); ok && at[len(at)-1] != "openAPIV3Schema" {
			w.mapping(raw, below, at, from)
		}
	case []any:
		if below, ok := canonical.([]any); ok {
			w.list(raw, below, at, from)
		}
	}
}

// source decides which of the places wrote the field: the first that says the
// same, then a replacement, then a field of a kustomization that rewrites.
func (w *walker) source(value any, at render.Path, from []cursor) render.Source {
	for _, c := range from {
		if !c.any && len(c.rest) == 0 && says(c.node, value) {
			return c.source()
		}
	}
	for _, c := range from {
		if c.any && len(c.rest) == 0 {
			return c.source()
		}
	}
	return w.w.rewritten(value, at)
}

func (c cursor) key(key string) (cursor, bool) {
	if len(c.rest) > 0 {
		ok := c.rest[0] == key || c.any && c.rest[0] == "*"
		c.rest = c.rest[1:]
		return c, ok
	}
	node := closure.Resolved(c.node)
	if c.any || node == nil || node.Kind != yaml.MappingNode {
		return c, false
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			c.line, c.node = node.Content[i].Line, node.Content[i+1]
			return c, true
		}
	}
	for _, merged := range mergedInto(node) {
		below := c
		below.node = merged
		if below, ok := below.key(key); ok {
			return below, true
		}
	}
	return c, false
}

// mergedInto are the mappings that "<<" brings into a mapping.
func mergedInto(node *yaml.Node) []*yaml.Node {
	merge := closure.ChildNode(node, "<<")
	if merge == nil {
		return nil
	}
	if merge.Kind == yaml.SequenceNode {
		return merge.Content
	}
	return []*yaml.Node{merge}
}

func (c cursor) index(i int, item any) (cursor, bool) {
	if len(c.rest) > 0 {
		step, last := c.rest[0], len(c.rest) == 1
		c.rest = c.rest[1:]
		if _, err := strconv.Atoi(step); last && !c.any && (err == nil || step == "-") {
			// Later operations may have moved what this one wrote.
			return c, sameElement(c.node, item)
		}
		return c, step == strconv.Itoa(i) || c.any && (step == "*" || strings.HasPrefix(step, "["))
	}
	node := closure.Resolved(c.node)
	if c.any || node == nil || node.Kind != yaml.SequenceNode {
		return c, false
	}
	if i < len(node.Content) && sameElement(node.Content[i], item) {
		c.node, c.line = node.Content[i], node.Content[i].Line
		return c, true
	}
	for _, candidate := range node.Content[:min(len(node.Content), maxSearched)] {
		if sameElement(candidate, item) {
			c.node, c.line = candidate, candidate.Line
			return c, true
		}
	}
	return c, false
}

// mergeKeys name the elements of lists, the most telling first.
var mergeKeys = []string{"name", "key", "mountPath", "containerPort", "path", "ip", "id", "type", "kind"}

// sameElement reports whether an element of a list is the one that was
// written: by its name, else by its value.
func sameElement(node *yaml.Node, item any) bool {
	fields, ok := item.(map[string]any)
	if !ok {
		return says(node, item)
	}
	for _, key := range mergeKeys {
		if value, ok := fields[key]; ok {
			written := closure.ChildNode(node, key)
			return written != nil && says(written, value)
		}
	}
	node = closure.Resolved(node)
	return node != nil && node.Kind == yaml.MappingNode
}

// says reports whether a node says the value; of mappings and lists, whether
// it is one.
func says(node *yaml.Node, value any) bool {
	node = closure.Resolved(node)
	if node == nil {
		return false
	}
	switch value := value.(type) {
	case map[string]any:
		return node.Kind == yaml.MappingNode
	case []any:
		return node.Kind == yaml.SequenceNode
	case nil:
		return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
	case bool:
		return node.Kind == yaml.ScalarNode && strings.EqualFold(node.Value, strconv.FormatBool(value))
	case json.Number:
		return node.Kind == yaml.ScalarNode && sameNumber(node.Value, value)
	case string:
		return node.Kind == yaml.ScalarNode && node.Value == value
	}
	return false
}

func sameNumber(text string, n json.Number) bool {
	if text == n.String() {
		return true
	}
	var decoded float64
	want, err := n.Float64()
	if err != nil || yaml.Unmarshal([]byte(text), &decoded) != nil {
		return false
	}
	return decoded == want
}
