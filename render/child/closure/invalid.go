package closure

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// invalid words why a kustomization cannot be decoded.
func (k *Kustomization) invalid(err error) *render.Problem {
	p := &render.Problem{Cause: render.CauseSyntax, Source: render.Source{File: k.File}}
	if match := unknownField.FindStringSubmatch(err.Error()); match != nil {
		p.Source.Line = keyLine(k.Doc.Node, match[1])
		p.Message = fmt.Sprintf("the kustomization has a field %s that kustomize does not know", Quoted(match[1]))
		p.Remedy = "correct its name, or remove it"
		return p
	}
	if match := wrongType.FindStringSubmatch(err.Error()); match != nil {
		field, _, _ := strings.Cut(strings.TrimPrefix(match[2], "."), ".")
		p.Source.Line = keyLine(k.Doc.Node, field)
		p.Message = fmt.Sprintf("the kustomization's field %s holds a value of type %s, "+
			"which kustomize does not take there", Quoted(match[2]), match[1])
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
