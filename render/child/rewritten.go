package child

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// rewritten finds the field of a kustomization that gave a value which neither
// a document nor a patch has: namespace, images, labels and the like. The
// outermost kustomization wins, as in kustomize.
func (w written) rewritten(value any, at render.Path) render.Source {
	key, _ := at[len(at)-1].(string)
	if w.generator != nil {
		if source := w.generator.source(at); source.File != "" {
			return source
		}
	}
	if s, ok := value.(string); ok && key == "name" && len(at) == 2 && w.document != nil &&
		strings.Contains(s, w.document.text("metadata", "name")) {
		return render.Source{File: w.document.name, Line: lineOf(w.document.node, "metadata", "name")}
	}
	for _, k := range slices.Backward(w.trace.c.kustomizations) {
		var source render.Source
		switch value := value.(type) {
		case string:
			source = k.text(key, value, at)
		case json.Number:
			source = k.replicas(key, value, w.rendered.text("metadata", "name"))
		}
		if source.File != "" {
			return source
		}
	}
	return render.Source{}
}

// text finds the field that gives a string.
func (k *kustomization) text(key, value string, at render.Path) render.Source {
	if key == "namespace" && value == k.Namespace && value != "" {
		return k.source("namespace")
	}
	if key == "image" {
		return k.image(value)
	}
	if len(at) < 2 {
		return render.Source{}
	}
	switch at[len(at)-2] {
	case "labels", "matchLabels", "selector":
		if label, ok := k.CommonLabels[key]; ok && label == value {
			return k.source("commonLabels", key)
		}
		for i, label := range k.Labels {
			if pair, ok := label.Pairs[key]; ok && pair == value {
				return k.source("labels", i, "pairs", key)
			}
		}
	case "annotations":
		if annotation, ok := k.CommonAnnotations[key]; ok && annotation == value {
			return k.source("commonAnnotations", key)
		}
	}
	return render.Source{}
}

func (k *kustomization) image(value string) render.Source {
	for _, list := range []string{"images", "imageTags"} {
		images := k.Images
		if list == "imageTags" {
			images = k.ImageTags
		}
		for i, image := range images {
			name := image.NewName
			if name == "" {
				name = image.Name
			}
			if strings.HasPrefix(value, name) && strings.HasSuffix(value, image.NewTag) &&
				strings.Contains(value, image.Digest) {
				return k.source(list, i)
			}
		}
	}
	return render.Source{}
}

func (k *kustomization) replicas(key string, value json.Number, name string) render.Source {
	for i, replica := range k.Replicas {
		if key == "replicas" && strings.Contains(name, replica.Name) &&
			value.String() == strconv.FormatInt(replica.Count, 10) {
			return k.source("replicas", i)
		}
	}
	return render.Source{}
}

// source is where a generated object's field comes from: the file or literal
// of its key, else the generator's entry.
func (g *generator) source(at render.Path) render.Source {
	if len(at) != 2 || at[0] != "data" && at[0] != "binaryData" {
		return g.at
	}
	for i, literal := range g.literals {
		if key, _, _ := strings.Cut(literal, "="); key == at[1] && g.steps != nil {
			return g.k.source(slices.Concat(g.steps, []any{"literals", i})...)
		}
	}
	for _, file := range g.files {
		key, name, ok := strings.Cut(file, "=")
		if !ok {
			key, name = path.Base(file), file
		}
		if key != at[1] {
			continue
		}
		if in, err := inside(path.Join(outside(g.k.dir), name)); err == nil {
			return render.Source{File: in, Line: 1}
		}
	}
	return g.at
}
