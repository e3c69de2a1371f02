package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// Value converts a YAML node, for example one that kustomize made, to the
// plain values of [Doc.Value]. Aliases are expanded within the standard
// limits; a cycle ends at the limit of depth. The problem has no file.
func Value(node *yaml.Node) (any, *render.Problem) {
	if node == nil {
		return nil, nil
	}
	if node.Kind == yaml.DocumentNode {
		if len(node.Content) == 0 {
			return nil, nil
		}
		node = node.Content[0]
	}
	reader := converter{limits: Limits{}.orStandard()}
	return reader.value(node, 0, false)
}

// converter turns nodes into values and counts as it goes: what the counter
// allowed fits, and nodes that never met the counter are bounded too.
type converter struct {
	limits Limits
	nodes  int
	text   int
}

// value converts a node. In the flow style ([ ] and { }) a missing value is "",
// for that is what kustomize prints for it.
func (c *converter) value(node *yaml.Node, depth int, flow bool) (any, *render.Problem) {
	flow = flow || node.Style&yaml.FlowStyle != 0
	c.nodes++
	c.text += len(node.Value)
	switch {
	case depth > 2*c.limits.Depth:
		return nil, tooMuch(node.Line, "levels of nesting", c.limits.Depth)
	case c.nodes > 2*c.limits.Nodes:
		return nil, tooMuch(node.Line, "YAML nodes", c.limits.Nodes)
	case c.text > 2*c.limits.Text:
		return nil, tooMuch(node.Line, "bytes", c.limits.Text)
	}
	switch node.Kind {
	case yaml.AliasNode:
		return c.value(node.Alias, depth+1, flow)
	case yaml.MappingNode:
		return c.mapping(node, depth, flow)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			item, failure := c.value(child, depth+1, flow)
			if failure != nil {
				return nil, failure
			}
			list = append(list, item)
		}
		return list, nil
	}
	if flow && node.Value == "" && node.ShortTag() == "!!null" {
		return "", nil
	}
	return scalar(node)
}

func (c *converter) mapping(node *yaml.Node, depth int, flow bool) (any, *render.Problem) {
	object := make(map[string]any, len(node.Content)/2)
	lines := make(map[string]int, len(node.Content)/2)
	var merge *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, child := node.Content[i], node.Content[i+1]
		name, failure := keyName(key)
		if failure != nil {
			return nil, failure
		}
		if first, twice := lines[name]; twice {
			return nil, problem(render.CauseSyntax, key.Line,
				fmt.Sprintf("duplicate %s in one mapping, first at line %d", named("key", name), first),
				"remove one of the two")
		}
		lines[name] = key.Line
		c.text += len(name)
		if key.Tag == "!!merge" {
			merge = child
			continue
		}
		if object[name], failure = c.value(child, depth+1, flow); failure != nil {
			return nil, failure
		}
	}
	if merge == nil {
		return object, nil
	}
	return object, c.merge(object, merge, depth+1, flow)
}

// merge fills in what "<<" brings: keys that are written out win, then the
// earlier of several mappings, as in kustomize.
func (c *converter) merge(object map[string]any, from *yaml.Node, depth int, flow bool) *render.Problem {
	sources := []*yaml.Node{from}
	if from.Kind == yaml.SequenceNode {
		sources = from.Content
	}
	for _, source := range sources {
		target := source
		if source.Kind == yaml.AliasNode {
			target = source.Alias
		}
		if target.Kind != yaml.MappingNode {
			return problem(render.CauseSyntax, source.Line, "\"<<\" merges something that is not a mapping",
				"merge mappings only")
		}
		if depth > 2*c.limits.Depth {
			return tooMuch(source.Line, "levels of nesting", c.limits.Depth)
		}
		merged, failure := c.mapping(target, depth, flow)
		if failure != nil {
			return failure
		}
		for key, value := range merged.(map[string]any) {
			if _, written := object[key]; !written {
				object[key] = value
			}
		}
	}
	return nil
}

// keyName is the text of a mapping's key, as the conversion to JSON gives it.
func keyName(key *yaml.Node) (string, *render.Problem) {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	if key.Kind == yaml.ScalarNode {
		if key.Tag == "!!str" || key.Tag == "!!merge" || key.ShortTag() == "!!timestamp" {
			return key.Value, nil
		}
		value, failure := scalar(key)
		if failure != nil {
			return "", failure
		}
		switch value := value.(type) {
		case string:
			return value, nil
		case bool:
			return strconv.FormatBool(value), nil
		case json.Number:
			return value.String(), nil
		}
	}
	return "", problem(render.CauseSyntax, key.Line, "a key that is null, a list or a mapping", "write the key as text")
}

var (
	plainInteger = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)
	longInteger  = regexp.MustCompile(`^[-+]?[1-9][0-9]*$`)
)

// scalar types a scalar as the YAML library that kustomize uses does.
func scalar(node *yaml.Node) (any, *render.Problem) {
	tagged := node.Style&yaml.TaggedStyle != 0
	switch tag := node.ShortTag(); {
	case tag == "!!str":
		return node.Value, nil
	case tag == "!!merge" && !tagged:
		return node.Value, nil
	case tag == "!!int" && plainInteger.MatchString(node.Value):
		return json.Number(node.Value), nil
	case tag == "!!null" && !tagged:
		return nil, nil
	}
	var decoded any
	if err := node.Decode(&decoded); err != nil {
		return nil, problem(render.CauseSyntax, node.Line, "a value that does not fit its YAML tag",
			"remove the tag (!!…)")
	}
	return jsonScalar(node, decoded)
}

func jsonScalar(node *yaml.Node, decoded any) (any, *render.Problem) {
	switch decoded := decoded.(type) {
	case nil, bool:
		return decoded, nil
	case string:
		if !utf8.ValidString(decoded) {
			return nil, problem(render.CauseSyntax, node.Line, "a !!binary value that is not text",
				"use a string in base64, and binaryData in a ConfigMap")
		}
		return decoded, nil
	case time.Time:
		return decoded.Format(time.RFC3339Nano), nil
	case int:
		return json.Number(strconv.Itoa(decoded)), nil
	case int64:
		return json.Number(strconv.FormatInt(decoded, 10)), nil
	case uint64:
		return json.Number(strconv.FormatUint(decoded, 10)), nil
	case float64:
		digits := strings.ReplaceAll(node.Value, "_", "")
		if longInteger.MatchString(digits) {
			return json.Number(strings.TrimPrefix(digits, "+")), nil
		}
		return float(node, decoded)
	}
	return nil, problem(render.CauseSyntax, node.Line, "a value of a kind that JSON lacks", "remove the tag (!!…)")
}

func float(node *yaml.Node, value float64) (any, *render.Problem) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, problem(render.CauseSyntax, node.Line, "a number that JSON lacks (.nan or .inf)",
			"write a finite number, or put the text in quotes")
	}
	if value == 0 {
		return json.Number("0"), nil // kustomize prints -0.0 as 0
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, problem(render.CauseSyntax, node.Line, "a number that JSON lacks", "write a finite number")
	}
	return json.Number(text), nil
}
