package closure

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

// Object is one object of a document: the document itself, or an item of a
// list, which kustomize unpacks.
type Object struct {
	// Value is what the object says; it must not be changed.
	Value map[string]any
	// Node is where it says so; nil when that is not known.
	Node *yaml.Node
	File string
}

// Line is where the object begins; 0 when that is not known.
func (o Object) Line() int {
	if o.Node == nil {
		return 0
	}
	return o.Node.Line
}

// Objects unpacks a document as kustomize does: what is of a kind that ends
// in List and has items is those items.
func Objects(doc manifest.Doc) []Object {
	value, ok := doc.Value.(map[string]any)
	if !ok {
		return nil
	}
	return unpack(Object{Value: value, Node: doc.Node, File: doc.Name}, 0)
}

// maxUnpacked bounds lists in lists.
const maxUnpacked = 8

func unpack(o Object, depth int) []Object {
	kind, _ := o.Value["kind"].(string)
	items, hasItems := o.Value["items"]
	list, isList := items.([]any)
	if !strings.HasSuffix(kind, "List") || !hasItems || !isList && items != nil || depth > maxUnpacked {
		return []Object{o}
	}
	var all []Object
	nodes := ChildNode(o.Node, "items")
	for i, item := range list {
		if value, ok := item.(map[string]any); ok {
			all = append(all, unpack(Object{Value: value, Node: ChildNode(nodes, i), File: o.File}, depth+1)...)
		}
	}
	return all
}

// annotation returns one annotation of an object.
func (o Object) annotation(name string) (string, bool) {
	metadata, _ := o.Value["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, ok := annotations[name].(string)
	return value, ok
}

// Local reports whether kustomize drops the object, as kustomize decides it.
func (o Object) Local() bool {
	metadata, _ := o.Value["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	mark, ok := annotations["config.kubernetes.io/local-config"]
	return ok && mark != "false" && mark != false
}

// Source is where the object was written.
func (o Object) Source() render.Source {
	return render.Source{File: o.File, Line: o.Line()}
}

// Text is the string at a path of keys; "" when there is none.
func (o Object) Text(path ...string) string {
	var value any = o.Value
	for _, key := range path {
		fields, _ := value.(map[string]any)
		value = fields[key]
	}
	s, _ := value.(string)
	return s
}

// Group is the API group of the object.
func (o Object) Group() string {
	group, _, ok := strings.Cut(o.Text("apiVersion"), "/")
	if !ok {
		return ""
	}
	return group
}

// AsMap is the value as a mapping; nil when it is none.
func AsMap(v any) map[string]any {
	fields, _ := v.(map[string]any)
	return fields
}

// ChildNode returns the value at one step, with aliases Resolved; nil when
// there is none.
func ChildNode(node *yaml.Node, step any) *yaml.Node {
	if node = Resolved(node); node == nil {
		return nil
	}
	switch step := step.(type) {
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return Resolved(node.Content[step])
		}
	case string:
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return Resolved(node.Content[i+1])
			}
		}
	}
	return nil
}

// LineOf returns the line of the deepest key of a path that a node has.
func LineOf(node *yaml.Node, path ...string) int {
	return manifest.Doc{Node: node}.Line(steps(path))
}

func steps(path []string) render.Path {
	all := make(render.Path, len(path))
	for i, step := range path {
		all[i] = step
	}
	return all
}

// Resolved follows an alias; nil stays nil.
func Resolved(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
