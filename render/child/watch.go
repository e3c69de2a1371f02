package child

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

// Kustomize tells where an object came from in annotations that it sets before
// patches run and removes after. That is invisible unless something in the
// closure depends on an object's annotations being there or not, or speaks
// kustomize's own annotations. What does is found here, generously: the root
// is then built without, and lines are found by search.

// ownAnnotations are kustomize's own, in which it keeps its books.
var ownAnnotations = []string{"internal.config.kubernetes.io/", "config.kubernetes.io/origin",
	"alpha.config.kubernetes.io/transformations"}

func own(annotation string) bool {
	for _, name := range ownAnnotations {
		if strings.HasPrefix(annotation, name) {
			return true
		}
	}
	return false
}

// watch looks at annotations that a kustomization adds.
func (c *closure) watch(annotations map[string]string) {
	for name := range annotations {
		if own(name) {
			c.watchful = true
		}
	}
}

// watchObject looks at an object as it is read from a file.
func (c *closure) watchObject(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	switch annotations := metadata["annotations"].(type) {
	case nil:
	case map[string]any:
		for name := range annotations {
			if own(name) {
				c.watchful = true
			}
		}
	default:
		c.watchful = true
	}
}

// watchPatch looks at a document of a patch.
func (c *closure) watchPatch(value any) {
	switch value := value.(type) {
	case []any:
		for _, operation := range value {
			c.watchOperation(operation)
		}
	case map[string]any:
		c.watchObject(value)
		metadata, _ := value["metadata"].(map[string]any)
		for _, level := range []any{value, metadata, metadata["annotations"]} {
			fields, _ := level.(map[string]any)
			for name := range fields {
				if strings.HasPrefix(name, "$") && name != "$patch" || name == "$patch" && fields[name] != "delete" {
					c.watchful = true
				}
			}
		}
	}
}

func (c *closure) watchOperation(operation any) {
	fields, _ := operation.(map[string]any)
	for _, key := range []string{"path", "from"} {
		pointer, given := fields[key].(string)
		if given && (pointer == "" || pointer == "/" || pointer == "/metadata" ||
			strings.HasPrefix(pointer, "/metadata/annotations")) {
			c.watchful = true
		}
	}
}

// watchSteering looks at what tells kustomize where to read and write.
func (c *closure) watchSteering(value any) {
	switch value := value.(type) {
	case string:
		lower := strings.ToLower(value)
		if strings.Contains(lower, "annotation") || strings.Contains(lower, "*") || lower == "metadata" ||
			lower == "/metadata" || strings.Contains(lower, "config.kubernetes.io") {
			c.watchful = true
		}
	case []any:
		for _, item := range value {
			c.watchSteering(item)
		}
	case map[string]any:
		for key, item := range value {
			c.watchSteering(key)
			c.watchSteering(item)
		}
	}
}

// object is one object of a document: the document itself, or an item of a
// list, which kustomize unpacks.
type object struct {
	value map[string]any
	node  *yaml.Node
	name  string // of the file
}

func (o object) line() int {
	if o.node == nil {
		return 0
	}
	return o.node.Line
}

// objects unpacks a document as kustomize does: what is of a kind that ends
// in List and has items is those items.
func objects(doc manifest.Doc) []object {
	value, ok := doc.Value.(map[string]any)
	if !ok {
		return nil
	}
	return unpack(object{value: value, node: doc.Node, name: doc.Name}, 0)
}

// maxUnpacked bounds lists in lists.
const maxUnpacked = 8

func unpack(o object, depth int) []object {
	kind, _ := o.value["kind"].(string)
	items, hasItems := o.value["items"]
	list, isList := items.([]any)
	if !strings.HasSuffix(kind, "List") || !hasItems || !isList && items != nil || depth > maxUnpacked {
		return []object{o}
	}
	var all []object
	nodes := childNode(o.node, "items")
	for i, item := range list {
		if value, ok := item.(map[string]any); ok {
			all = append(all, unpack(object{value: value, node: childNode(nodes, i), name: o.name}, depth+1)...)
		}
	}
	return all
}

// annotation returns one annotation of an object.
func (o object) annotation(name string) (string, bool) {
	metadata, _ := o.value["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, ok := annotations[name].(string)
	return value, ok
}

// noticeFunction tells of an object that asks for a function to be run, which
// kustomize does not do for resources.
func (c *closure) noticeFunction(o object) {
	for _, name := range []string{"config.kubernetes.io/function", "config.k8s.io/function"} {
		if _, ok := o.annotation(name); ok {
			c.notices = append(c.notices, render.Problem{
				Cause: render.CauseFunction, Source: render.Source{File: o.name, Line: o.line()},
				Message: "the object asks for a function to be run, which is not done",
				Remedy:  "remove the annotation " + name,
			})
		}
	}
}

// remember keeps the documents of a file that is named as resource, once.
func (c *closure) remember(docs []manifest.Doc) {
	if len(docs) == 0 || c.remembered[docs[0].Name] {
		return
	}
	c.remembered[docs[0].Name] = true
	c.resources = append(c.resources, docs...)
}
