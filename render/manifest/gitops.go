package manifest

import (
	"path"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// inCluster are the names that Argo CD gives to the cluster it runs in.
var inCluster = map[string]bool{"https://kubernetes.default.svc": true, "in-cluster": true}

// gitops finds the folders that a Flux or Argo CD object applies.
func gitops(object placed) []render.GitOps {
	group, _ := splitVersion(words(object.value, "apiVersion"))
	switch kind := words(object.value, "kind"); {
	case group == "kustomize.toolkit.fluxcd.io" && kind == "Kustomization":
		return []render.GitOps{flux(object)}
	case group == "argoproj.io" && kind == "Application":
		return argo(object, render.Path{"spec"})
	case group == "argoproj.io" && kind == "ApplicationSet":
		return argo(object, render.Path{"spec", "template", "spec"})
	}
	return nil
}

func flux(object placed) render.GitOps {
	found := describe(object, "flux", render.Path{"spec", "path"})
	for _, reference := range []string{"secretRef", "configMapRef"} {
		if name := words(object.value, "spec", "kubeConfig", reference, "name"); name != "" {
			found.Destination = name
			break
		}
	}
	return found
}

// argo reads an application's spec; sources without a path (charts) apply no
// folder.
func argo(object placed, spec render.Path) []render.GitOps {
	destination := ""
	for _, name := range []string{"server", "name"} {
		if value := wordsAt(object.value, within(spec, "destination", name)); value != "" {
			destination = value
			break
		}
	}
	if inCluster[destination] {
		destination = ""
	}
	var found []render.GitOps
	add := func(at render.Path) {
		if value, ok := render.Lookup(object.value, at); ok && value != "" {
			source := describe(object, "argo", at)
			source.Destination = destination
			found = append(found, source)
		}
	}
	add(within(spec, "source", "path"))
	sources, _ := render.Lookup(object.value, within(spec, "sources"))
	list, _ := sources.([]any)
	for i := range list {
		add(within(spec, "sources", i, "path"))
	}
	return found
}

func describe(object placed, kind string, at render.Path) render.GitOps {
	folder, _ := render.Lookup(object.value, at)
	named, _ := folder.(string)
	return render.GitOps{
		Kind:      kind,
		Namespace: words(object.value, "metadata", "namespace"),
		Name:      words(object.value, "metadata", "name"),
		// A leading slash keeps ".." inside, as Flux's secure join does.
		Path: strings.TrimPrefix(path.Clean("/"+named), "/"),
		Line: Doc{Node: object.node}.Line(at),
	}
}
