package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// positionSteps bounds the memory of one document's positions: the sum of the
// lengths of all paths. Fields beyond it have no position.
const positionSteps = 2_000_000

// Positions says where each field of the document was written, sorted by path.
// The fields of an aliased value are those of the alias alone.
func (d Doc) Positions() []render.Position {
	tracer := tracer{file: d.Name, left: positionSteps}
	if d.Node != nil {
		tracer.walk(d.Node, nil)
	}
	slices.SortFunc(tracer.found, func(a, b render.Position) int { return a.Path.Compare(b.Path) })
	return tracer.found
}

// Line is the line of the field at a path, or of its nearest ancestor that was
// written; 0 for an empty document.
func (d Doc) Line(path render.Path) int {
	if d.Node == nil {
		return 0
	}
	node, line := d.Node, d.Node.Line
	for _, step := range path {
		key, child := childAt(node, step)
		if child == nil {
			break
		}
		node, line = child, key.Line
	}
	return line
}

// childAt returns the child at a step and the node whose line is the child's.
func childAt(node *yaml.Node, step any) (key, child *yaml.Node) {
	if node = target(node); node == nil {
		return nil, nil
	}
	switch step := step.(type) {
	case int:
		if node.Kind == yaml.SequenceNode && step >= 0 && step < len(node.Content) {
			return node.Content[step], node.Content[step]
		}
	case string:
		if node.Kind != yaml.MappingNode {
			return nil, nil
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if name, failure := keyName(node.Content[i]); failure == nil && name == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}

type tracer struct {
	file  string
	left  int
	found []render.Position
}

func (t *tracer) walk(node *yaml.Node, path render.Path) {
	for i, child := range node.Content {
		if t.left <= 0 {
			return
		}
		switch node.Kind {
		case yaml.SequenceNode:
			t.add(append(slices.Clone(path), i), child, child.Line)
		case yaml.MappingNode:
			if i%2 == 1 {
				continue
			}
			name, failure := keyName(child)
			if failure == nil {
				t.add(append(slices.Clone(path), name), node.Content[i+1], child.Line)
			}
		}
	}
}

func (t *tracer) add(path render.Path, node *yaml.Node, line int) {
	t.left -= len(path)
	t.found = append(t.found, render.Position{Path: path, Source: render.Source{File: t.file, Line: line}})
	t.walk(node, path)
}
