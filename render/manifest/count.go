package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// weight is what a node would be if all aliases below it were expanded.
type weight struct{ nodes, text, height int }

// counter sums the expanded size of a file without expanding it, and refuses
// alias cycles: the libraries behind us recurse into them until the stack
// ends, which no recover can catch.
type counter struct {
	limits  Limits
	total   weight
	weights map[*yaml.Node]weight // of anchored nodes
	open    map[*yaml.Node]bool   // anchored nodes that are being weighed
}

func newCounter(limits Limits) *counter {
	return &counter{limits: limits, weights: map[*yaml.Node]weight{}, open: map[*yaml.Node]bool{}}
}

// count adds one document to the file's total.
func (c *counter) count(root *yaml.Node) *render.Problem {
	w, failure := c.weigh(root, 0)
	if failure != nil {
		return failure
	}
	c.total.nodes += w.nodes
	c.total.text += w.text
	return c.within(c.total, root.Line)
}

// within keeps every sum below its limit, so that no sum can overflow.
func (c *counter) within(w weight, line int) *render.Problem {
	switch {
	case w.nodes > c.limits.Nodes:
		return tooMuch(line, "YAML nodes after alias expansion", c.limits.Nodes)
	case w.text > c.limits.Text:
		return tooMuch(line, "bytes after alias expansion", c.limits.Text)
	case w.height > c.limits.Depth:
		return tooMuch(line, "levels of nesting", c.limits.Depth)
	}
	return nil
}

func (c *counter) weigh(node *yaml.Node, depth int) (weight, *render.Problem) {
	if depth > c.limits.Depth {
		return weight{}, tooMuch(node.Line, "levels of nesting", c.limits.Depth)
	}
	if node.Kind == yaml.AliasNode {
		return c.weighAlias(node, depth)
	}
	if node.Anchor != "" {
		c.open[node] = true
		defer delete(c.open, node)
	}
	sum := weight{nodes: 1, text: len(node.Value)}
	for _, child := range node.Content {
		w, failure := c.weigh(child, depth+1)
		if failure != nil {
			return weight{}, failure
		}
		sum.nodes += w.nodes
		sum.text += w.text
		sum.height = max(sum.height, w.height+1)
		if failure := c.within(sum, child.Line); failure != nil {
			return weight{}, failure
		}
	}
	if node.Anchor != "" {
		c.weights[node] = sum
	}
	return sum, nil
}

func (c *counter) weighAlias(node *yaml.Node, depth int) (weight, *render.Problem) {
	if c.open[node.Alias] {
		return weight{}, problem(render.CauseHostile, node.Line,
			"a YAML alias refers to the value that it is part of", "write the value out without the alias")
	}
	if w, known := c.weights[node.Alias]; known {
		return w, nil
	}
	return c.weigh(node.Alias, depth+1)
}
