package manifest

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// kustomizationNames are the file names that kustomize takes, byte for byte.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// localConfig marks objects that kustomize reads and does not print.
const localConfig = "config.kubernetes.io/local-config"

// Scan says what one file of the tree is. It never fails: what cannot be
// parsed has a Problem, and is still called a manifest when its lines look
// like one. Files that are neither YAML nor JSON nor a kustomization by name
// have no facts.
func Scan(name string, content []byte) render.FileFacts {
	var facts render.FileFacts
	base := path.Base(name)
	facts.Kustomization = slices.Contains(kustomizationNames, base)
	if !facts.Kustomization && !manifestName(base) {
		return facts
	}
	docs, failure := decode(content, Limits{}.orStandard())
	facts.Problem = inFile(failure, name)
	local, manifests := 0, 0
	for _, doc := range docs {
		if facts.Kustomization {
			facts.Component = facts.Component || says(doc.Node, "kind", "Component")
			facts.References = append(facts.References, references(doc.Node)...)
		} else if says(doc.Node, "apiVersion", "builtin") {
			facts.References = append(facts.References, pluginReferences("", doc.Node)...)
		}
		for object := range objects(doc) {
			if !isNamed(object.value) {
				continue
			}
			manifests++
			if isLocal(object.value) {
				local++
			}
			facts.GitOps = append(facts.GitOps, gitops(object)...)
		}
	}
	facts.Manifest = manifests > 0 || failure != nil && looksLikeManifest(content)
	facts.LocalConfig = failure == nil && manifests > 0 && local == manifests
	return facts
}

// manifestName reports whether a deployer would take the file for a manifest.
func manifestName(base string) bool {
	switch strings.ToLower(path.Ext(base)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// placed is an object with the node that it was read from.
type placed struct {
	node  *yaml.Node
	value map[string]any
}

// objects yields the document's object; for a list, its items instead.
func objects(doc Doc) func(yield func(placed) bool) {
	return func(yield func(placed) bool) {
		object, ok := doc.Value.(map[string]any)
		if !ok || !isObject(object) {
			return
		}
		kind, _ := object["kind"].(string)
		items, isList := object["items"].([]any)
		if !isList || !strings.HasSuffix(kind, "List") {
			yield(placed{doc.Node, object})
			return
		}
		_, nodes := childAt(doc.Node, "items")
		for i, item := range items {
			value, ok := item.(map[string]any)
			node := doc.Node
			if _, own := childAt(nodes, i); own != nil {
				node = own // absent where a merge brought the list in
			}
			if ok && isObject(value) && !yield(placed{node, value}) {
				return
			}
		}
	}
}

func isObject(object map[string]any) bool {
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	return version != "" && kind != ""
}

// isNamed reports whether an object could be applied at all: tools keep files
// with apiVersion and kind, and no name, beside manifests.
func isNamed(object map[string]any) bool {
	name, _ := render.Lookup(object, render.Path{"metadata", "name"})
	generate, _ := render.Lookup(object, render.Path{"metadata", "generateName"})
	return name != nil && name != "" || generate != nil && generate != ""
}

// isLocal decides as kustomize does: any value but "false" is a mark.
func isLocal(object map[string]any) bool {
	mark, marked := render.Lookup(object, render.Path{"metadata", "annotations", localConfig})
	return marked && mark != "false" && mark != false
}

var (
	versionLine = regexp.MustCompile(`(?m)^[ \t]*["']?apiVersion["']?[ \t]*:`)
	kindLine    = regexp.MustCompile(`(?m)^[ \t]*["']?kind["']?[ \t]*:`)
)

// looksLikeManifest judges by lines what no parser understands: templates that
// are YAML only after substitution. Indented lines count, so that a list's
// items are not missed.
func looksLikeManifest(content []byte) bool {
	return versionLine.Match(content) && kindLine.Match(content)
}

// says reports whether a key, however its case, has a value.
func says(node *yaml.Node, key, value string) bool {
	return slices.ContainsFunc(folded(node, key), func(found *yaml.Node) bool { return text(found) == value })
}

// target resolves an alias; the cycle check came before.
func target(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// items are the elements of a list; none for anything else.
func items(node *yaml.Node) []*yaml.Node {
	node = target(node)
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// text is a scalar's text; "" for anything else.
func text(node *yaml.Node) string {
	node = target(node)
	if node == nil || node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" {
		return ""
	}
	return node.Value
}
