package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// kustomization collects the paths that one kustomization names.
type kustomization struct{ found []render.Reference }

// references lists every path in a kustomization's document, in the order of
// its fields here. Inline values are left out.
func references(node *yaml.Node) []render.Reference {
	k := &kustomization{}
	for _, name := range []string{"resources", "bases", "components", "crds", "configurations"} {
		k.list(name, name, node)
	}
	for _, name := range []string{"generators", "transformers", "validators"} {
		k.list(name, name, node)
		k.inlinePlugins(name, node)
	}
	k.list("patchesStrategicMerge", "patchesStrategicMerge", node)
	for _, name := range []string{"patches", "patchesJson6902", "replacements"} {
		for _, item := range elements(name, node) {
			k.one(name, folded(item, "path")...)
		}
	}
	for _, name := range []string{"configMapGenerator", "secretGenerator"} {
		for _, item := range elements(name, node) {
			k.sources(name, item)
		}
	}
	for _, item := range folded(node, "openapi") {
		k.one("openapi", folded(item, "path")...)
	}
	for _, item := range elements("helmCharts", node) {
		k.one("helmCharts", folded(item, "valuesFile")...)
		k.list("helmCharts", "additionalValuesFiles", item)
	}
	for _, item := range elements("helmChartInflationGenerator", node) {
		k.one("helmChartInflationGenerator", folded(item, "values")...)
		k.one("helmChartInflationGenerator", folded(item, "chartHome")...)
	}
	for _, item := range folded(node, "helmGlobals") {
		k.one("helmGlobals", folded(item, "chartHome")...)
	}
	return k.found
}

// pluginReferences lists the paths in the configuration of a built-in plugin:
// the fields of the kustomization, one level higher.
func pluginReferences(name string, node *yaml.Node) []render.Reference {
	if name == "" {
		for _, kind := range folded(node, "kind") {
			name = text(kind)
		}
	}
	k := &kustomization{}
	k.one(name, folded(node, "path")...)
	k.list(name, "paths", node)
	k.one(name, folded(node, "valuesFile")...)
	k.list(name, "additionalValuesFiles", node)
	k.one(name, folded(node, "chartHome")...)
	k.sources(name, node)
	for _, item := range elements("replacements", node) {
		k.one(name, folded(item, "path")...)
	}
	return k.found
}

// folded are the values of every key of that name, however its case, those
// that "<<" brings in included: kustomize decodes its file through
// encoding/json, which ignores case, and may take any of them.
func folded(node *yaml.Node, name string) []*yaml.Node {
	node = target(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var all []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Tag == "!!merge":
			all = append(all, folded(value, name)...)
			for _, source := range items(value) {
				all = append(all, folded(source, name)...)
			}
		case strings.EqualFold(key.Value, name):
			all = append(all, target(value))
		}
	}
	return all
}

func elements(name string, node *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, list := range folded(node, name) {
		all = append(all, items(list)...)
	}
	return all
}

func (k *kustomization) list(label, name string, node *yaml.Node) {
	k.one(label, elements(name, node)...)
}

// one adds paths, but no empty ones and no inline documents.
func (k *kustomization) one(label string, nodes ...*yaml.Node) {
	for _, node := range nodes {
		if value := text(node); value != "" && !inline(value) {
			k.found = append(k.found, render.Reference{Field: label, Path: value, Line: target(node).Line})
		}
	}
}

// sources adds a generator's files and env files: "path" or "key=path".
func (k *kustomization) sources(label string, node *yaml.Node) {
	for _, item := range elements("files", node) {
		k.source(label, item, true)
	}
	for _, item := range elements("envs", node) {
		k.source(label, item, false)
	}
	for _, item := range folded(node, "env") {
		k.source(label, item, false)
	}
}

func (k *kustomization) source(label string, node *yaml.Node, keyed bool) {
	value := text(node)
	if _, after, found := strings.Cut(value, "="); keyed && found {
		value = after
	}
	if value != "" {
		k.found = append(k.found, render.Reference{Field: label, Path: value, Line: target(node).Line})
	}
}

// inline reports whether a value that may be a path is a document instead.
func inline(value string) bool {
	trimmed := strings.TrimSpace(value)
	return strings.Contains(trimmed, "\n") || strings.Contains(trimmed, ": ") ||
		strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
}

// inlinePlugins reads the built-in plugins that a kustomization holds as text.
func (k *kustomization) inlinePlugins(name string, node *yaml.Node) {
	for _, item := range elements(name, node) {
		value := text(item)
		if !inline(value) {
			continue
		}
		docs, _ := decode([]byte(value), Limits{}.orStandard()) // what does not parse names no path; the build says why
		for _, doc := range docs {
			for _, found := range pluginReferences(name, doc.Node) {
				found.Line = target(item).Line // positions inside the text mean nothing in the file
				k.found = append(k.found, found)
			}
		}
	}
}
