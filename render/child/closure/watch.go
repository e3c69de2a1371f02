package closure

import (
	"strings"

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
func (c *Closure) watch(annotations map[string]string) {
	for name := range annotations {
		if own(name) {
			c.Watchful = true
		}
	}
}

// watchObject looks at an object as it is read from a file.
func (c *Closure) watchObject(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	switch annotations := metadata["annotations"].(type) {
	case nil:
	case map[string]any:
		for name := range annotations {
			if own(name) {
				c.Watchful = true
			}
		}
	default:
		c.Watchful = true
	}
}

// watchPatch looks at a document of a patch.
func (c *Closure) watchPatch(value any) {
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
					c.Watchful = true
				}
			}
		}
	}
}

func (c *Closure) watchOperation(operation any) {
	fields, _ := operation.(map[string]any)
	for _, key := range []string{"path", "from"} {
		pointer, given := fields[key].(string)
		if given && (pointer == "" || pointer == "/" || pointer == "/metadata" ||
			strings.HasPrefix(pointer, "/metadata/annotations")) {
			c.Watchful = true
		}
	}
}

// watchSteering looks at what tells kustomize where to read and write.
func (c *Closure) watchSteering(value any) {
	switch value := value.(type) {
	case string:
		lower := strings.ToLower(value)
		if strings.Contains(lower, "annotation") || strings.Contains(lower, "*") || lower == "metadata" ||
			lower == "/metadata" || strings.Contains(lower, "config.kubernetes.io") {
			c.Watchful = true
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

// noticeFunction tells of an object that asks for a function to be run, which
// kustomize does not do for resources.
func (c *Closure) noticeFunction(o Object) {
	for _, name := range []string{"config.kubernetes.io/function", "config.k8s.io/function"} {
		if _, ok := o.annotation(name); ok {
			c.Notices = append(c.Notices, render.Problem{
				Cause: render.CauseFunction, Source: render.Source{File: o.File, Line: o.Line()},
				Message: "the object asks for a function to be run, which is not done",
				Remedy:  "remove the annotation " + name,
			})
		}
	}
}

// remember keeps the documents of a file that is named as resource, once.
func (c *Closure) remember(docs []manifest.Doc) {
	if len(docs) == 0 || c.remembered[docs[0].Name] {
		return
	}
	c.remembered[docs[0].Name] = true
	c.Resources = append(c.Resources, docs...)
}
